# SPDX-License-Identifier: Apache-2.0
"""Compiles the C++ core on first use, once per content of its sources, into the user's cache."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from types import ModuleType

import torch

CSRC = Path(__file__).parent / "csrc"
FLAGS = ("-O3", "-std=c++20", "-fvisibility=hidden", "-fno-plt")
FAULT_FLAGS = ("-DDTR_FAULTS", "-DDTR_CORE_ALONE")


@cache
def load(*, faults: bool = False) -> ModuleType:
    """The compiled module; ``faults`` builds the engine and its simulator alone, with faults to switch on.

    Raises ``ImportError``, naming what to install, if there is no C++20 compiler, no ``Python.h`` or no
    ninja, or if compilation fails.
    """
    flags = (*FLAGS, *FAULT_FLAGS) if faults else FLAGS
    sources = sorted(path for path in CSRC.rglob("*.cpp") if not (faults and path.parent.name == "torch"))
    digest = _digest(sources, flags)
    name = f"dtr_runtime_{'faults_' if faults else ''}{digest}"
    directory = cache_directory() / name
    finished = directory / "finished"
    if finished.exists():
        return _import(name, directory / f"{name}.so")
    _require_tools()
    directory.mkdir(parents=True, exist_ok=True)
    with alone(directory):
        if finished.exists():
            return _import(name, directory / f"{name}.so")
        from torch.utils import cpp_extension

        print("dtr_runtime: compiling its C++ core (once, about a minute)...", file=sys.stderr, flush=True)
        try:
            with ninja_on_path():
                units = _units(sources, directory)
                module = cpp_extension.load(name, units, extra_cflags=list(flags), build_directory=str(directory))
        except (RuntimeError, subprocess.SubprocessError) as error:
            raise ImportError(f"dtr_runtime: its C++ core could not be compiled in {directory}: {error}") from error
        assert isinstance(module, ModuleType)
        finished.touch()
    return module


def _units(sources: list[Path], directory: Path) -> list[str]:
    """One translation unit a folder: torch's headers take longer to read than any file here to compile."""
    units = []
    for folder, files in groupby(sources, key=lambda path: path.parent):
        unit = directory / f"{folder.name}.cpp"
        unit.write_text("".join(f'#include "{path}"\n' for path in files))
        units.append(str(unit))
    return units


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One process builds at a time; the operating system forgets the lock of one that was killed.

    Torch's own lock is a file that outlives its process: left behind, it would be waited for without end.
    """
    with (directory / "building").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (directory / "lock").unlink(missing_ok=True)
        yield


def _import(name: str, library: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _digest(sources: list[Path], flags: tuple[str, ...]) -> str:
    """What the binary depends on: its sources, the flags, torch and the Python that loads it."""
    digest = hashlib.sha256(repr((flags, torch.__version__, sys.version)).encode())
    for path in sorted((*sources, *CSRC.rglob("*.h"))):
        digest.update(f"\0{path.relative_to(CSRC)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    if directory := os.environ.get("TORCH_EXTENSIONS_DIR"):
        return Path(directory)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dtr_runtime"


def _require_tools() -> None:
    missing = []
    if (fault := _compiler_fault()) is not None:
        missing.append(f"a C++20 compiler ({fault}; Debian, Ubuntu: apt install g++; or set CXX)")
    if not _python_header().exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        missing.append(f"{_python_header()} (Debian, Ubuntu: apt install python{version}-dev)")
    if _ninja() is None:
        missing.append("ninja (pip install ninja)")
    if missing:
        raise ImportError("dtr_runtime compiles its C++ core on first use, and cannot without " + ", ".join(missing))


def _compiler_fault() -> str | None:
    """Why the compiler that torch will call cannot compile C++20, or None."""
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler) is None:
        return f"{compiler} was not found"
    program = "#include <concepts>\nstatic_assert(std::integral<int>);\n"
    command = [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(command, input=program, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"{compiler} rejects C++20"


def _python_header() -> Path:
    return Path(sysconfig.get_path("include"), "Python.h")


def _ninja() -> str | None:
    """Ninja on the PATH, or beside the running Python: an environment need not be activated."""
    return shutil.which("ninja") or shutil.which("ninja", path=str(Path(sys.executable).parent))


@contextmanager
def ninja_on_path() -> Iterator[None]:
    """Torch calls ninja by its bare name."""
    before = os.environ.get("PATH")
    if (ninja := _ninja()) is not None:
        os.environ["PATH"] = os.pathsep.join((*filter(None, [before]), str(Path(ninja).parent)))
    try:
        yield
    finally:
        if before is not None:
            os.environ["PATH"] = before
