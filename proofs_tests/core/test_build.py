# SPDX-License-Identifier: Apache-2.0
"""What the build says when it cannot build: what is missing, and what to install."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

from dtr_runtime import _build


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and no memory of what was loaded before."""
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(_build, "load", _build.load.__wrapped__)


def test_without_any_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(_build, "_python_header", lambda: tmp_path / "Python.h")
    with pytest.raises(ImportError) as caught:
        _build.load()
    text = str(caught.value)
    assert "c++ was not found" in text
    assert "apt install g++" in text
    assert "Python.h (" in text
    assert f"python3.{sys.version_info.minor}-dev" in text
    assert "pip install ninja" in text


def test_with_a_compiler_that_is_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "old-c++"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("CXX", str(old))
    with pytest.raises(ImportError, match="rejects C\\+\\+20"):
        _build.load()


def test_a_failed_compilation_is_an_import_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "wrong.cpp").write_text("this is not C++\n")
    monkeypatch.setattr(_build, "CSRC", tmp_path)
    with pytest.raises(ImportError, match="could not be compiled"):
        _build.load()


def test_a_changed_source_or_flag_is_another_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "one.cpp"
    source.write_text("int x;\n")
    monkeypatch.setattr(_build, "CSRC", tmp_path)
    first = _build._digest([source], _build.FLAGS)
    assert first == _build._digest([source], _build.FLAGS)
    assert first != _build._digest([source], (*_build.FLAGS, *_build.FAULT_FLAGS))
    (tmp_path / "new.h").write_text("")
    second = _build._digest([source], _build.FLAGS)
    found = {first, second}
    renamed = source.rename(tmp_path / "two.cpp")
    found.add(_build._digest([renamed], _build.FLAGS))
    monkeypatch.setattr(torch, "__version__", "0.0")
    found.add(_build._digest([renamed], _build.FLAGS))
    monkeypatch.setattr(sys, "version", "4.0")
    found.add(_build._digest([renamed], _build.FLAGS))
    assert len(found) == 5


def test_one_process_builds_at_a_time(tmp_path: Path) -> None:
    with _build.alone(tmp_path), (tmp_path / "building").open("w") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_was_not_built_to_its_end_is_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a killed build leaves behind, torch's lock included, neither passes for a module nor is waited for."""
    wrong = tmp_path / "wrong.cpp"
    wrong.write_text("this is not C++\n")
    monkeypatch.setattr(_build, "CSRC", tmp_path)
    name = f"dtr_runtime_{_build._digest([wrong], _build.FLAGS)}"
    left = tmp_path / "cache" / name
    left.mkdir(parents=True)
    (left / f"{name}.so").write_text("half a library")
    (left / "lock").touch()
    monkeypatch.setattr("torch.utils.file_baton.FileBaton.wait", lambda self: pytest.fail("waits for a lock left over"))
    with pytest.raises(ImportError, match=f"could not be compiled in {left}"):
        _build.load()


def test_ninja_is_found_beside_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where an environment has not been activated; the path is as it was afterwards."""
    for folder in ("elsewhere", "environment"):
        (tmp_path / folder).mkdir()
    ninja = tmp_path / "environment" / "ninja"
    ninja.write_text("#!/bin/sh\n")
    ninja.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "environment" / "python"))
    with _build.ninja_on_path():
        assert shutil.which("ninja") == str(ninja)
    assert os.environ["PATH"] == str(tmp_path / "elsewhere")
