# SPDX-License-Identifier: Apache-2.0
"""What the build says when it cannot build: what is missing, and what to install."""

import sys
from pathlib import Path

import pytest

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
    assert first != _build._digest([source], _build.FLAGS)
