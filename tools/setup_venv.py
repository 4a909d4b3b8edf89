# SPDX-License-Identifier: Apache-2.0
"""Bring a virtual environment up to date: ``python3 tools/setup_venv.py .venv``.

Needs Python 3.11 with its headers and a C++20 compiler, and says which package is missing otherwise.
Does nothing when neither ``pyproject.toml`` nor ``constraints.txt`` has changed since the last time.
Before PyTorch is fetched, it says which build pip has chosen and how many bytes that is. pip's own
settings (``PIP_INDEX_URL``, ``PIP_FIND_LINKS``, ...) decide where packages come from; the environment
variable ``TORCH`` (``cpu`` or ``cuda``) insists on one kind of build.
"""

# Annotations stay unevaluated so that an old Python reaches the version check.
from __future__ import annotations

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED_PYTHON = (3, 11)
PINNED_BY = "constraints.txt"
CXX20_PROBE = "#include <Python.h>\n#include <compare>\ntemplate <class T> concept Any = true;\nint main() {}\n"

HOW_TO_CHOOSE = """\
  For the CPU build (about 0.2 GB), take the index from the `--index-url` phrase that PyTorch's
  "Get started" page shows for Compute Platform CPU, and run again with
      TORCH=cpu PIP_EXTRA_INDEX_URL=<that index> make ..."""


class SetupError(Exception):
    """The machine lacks something; the message says what to install or to set."""


def main(venv: Path) -> None:
    check_python()
    check_compiler()
    choice = os.environ.get("TORCH", "")
    if choice not in ("", "cpu", "cuda"):
        raise SetupError(f"TORCH={choice}: must be cpu, cuda or unset")
    stamp, wanted = venv / ".setup-stamp", fingerprint()
    done = stamp.read_text() if stamp.is_file() else ""
    if done.startswith(wanted) and done.endswith(choice):
        return
    python = create(venv)
    kind = install_torch(python, choice)
    say("installing dtr-semantics and its tools")
    pip(python, "install", "--quiet", "--constraint", PINNED_BY, "--editable", ".[dev]")
    stamp.write_text(f"{wanted} {kind}")


def check_python() -> None:
    if sys.version_info < NEEDED_PYTHON:
        needed, found = ".".join(map(str, NEEDED_PYTHON)), sys.version.split()[0]
        raise SetupError(
            f"Python {needed} or newer is needed, {sys.executable} is {found}: "
            f"install a newer one and name it, as in `make test PYTHON=python{needed}`"
        )


def check_compiler() -> None:
    """One compilation tells whether there is a compiler, whether it knows C++20, and whether it finds the headers."""
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler.split()[0]) is None:
        raise SetupError(
            f"no C++ compiler `{compiler}`: install one that knows C++20 "
            "(Debian, Ubuntu: g++; Fedora: gcc-c++; macOS: xcode-select --install), or set CXX"
        )
    headers = sysconfig.get_paths()["include"]
    if not Path(headers, "Python.h").is_file():
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupError(
            f"no Python.h in {headers}: install the headers of Python {version} "
            f"(Debian, Ubuntu: python{version}-dev; Fedora: python3-devel)"
        )
    command = [*compiler.split(), "-std=c++20", "-fsyntax-only", "-I", headers, "-x", "c++", "-"]
    probe = subprocess.run(command, input=CXX20_PROBE, capture_output=True, text=True)
    if probe.returncode != 0:
        raise SetupError(
            f"`{' '.join(command)}` fails: a compiler with C++20 is needed (g++ 11, clang 14)\n{probe.stderr}"
        )


def fingerprint() -> str:
    """What the environment depends on. Where packages come from is left out: another mirror is no reason to redo it."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", PINNED_BY, "tools/setup_venv.py"):
        digest.update((ROOT / name).read_bytes())
    digest.update(f"{sys.version} {ROOT}".encode())
    return digest.hexdigest()


def create(venv: Path) -> Path:
    say(f"creating {venv} with Python {sys.version.split()[0]}")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True)
    if made.returncode != 0:
        raise SetupError(
            f"{sys.executable} -m venv fails: install its venv module (Debian, Ubuntu: python3-venv)\n"
            f"{made.stdout}{made.stderr}"
        )
    python = venv.absolute() / "bin" / "python"
    # pip before 24.2 downloads every wheel only to say what it would install.
    pip(python, "install", "--quiet", "--upgrade", "pip>=24.2")
    return python


def install_torch(python: Path, choice: str) -> str:
    """Installs the pinned PyTorch, saying first which build it is. Returns that: ``cpu`` or ``cuda``."""
    wheels = resolve(python)
    torch = next(wheel for wheel in wheels if wheel["metadata"]["name"] == "torch")
    cuda = any(wheel["metadata"]["name"].startswith(("nvidia-", "cuda-")) for wheel in wheels)
    kind = "cuda" if cuda or "+cu" in torch["metadata"]["version"] else "cpu"
    say(
        f"PyTorch {torch['metadata']['version']}, {kind.upper()} build: "
        f"{gigabytes(wheels)} to fetch in {len(wheels)} packages"
    )
    if choice not in ("", kind):
        advice = HOW_TO_CHOOSE if choice == "cpu" else "  No index that pip uses has a CUDA build for this machine."
        raise SetupError(f"TORCH={choice}, but pip would install the {kind.upper()} build\n{advice}")
    if kind == "cuda" and not choice:
        print(HOW_TO_CHOOSE + "\n  TORCH=cuda makes this choice explicit and silences this note.", flush=True)
    pinned = f"torch=={torch['metadata']['version']}"
    pip(python, "install", "--quiet", "--constraint", PINNED_BY, pinned)
    return kind


def resolve(python: Path) -> list[dict]:
    """The wheels that pip would fetch for torch, itself included, without fetching them."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        pip(python, "install", "--quiet", "--dry-run", "--report", str(report), "--constraint", PINNED_BY, "torch")
        return json.loads(report.read_text())["install"]


def gigabytes(wheels: list[dict]) -> str:
    sizes = [size_of(wheel["download_info"]["url"]) for wheel in wheels]
    known = sum(size for size in sizes if size is not None)
    more = "at least " if None in sizes else ""
    return f"{more}{known / 1e9:.2f} GB" if known else "an unknown number of bytes"


def size_of(url: str) -> int | None:
    """Bytes of a wheel, or None where its server does not tell."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        return Path(urllib.request.url2pathname(parts.path)).stat().st_size
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=30, context=context) as reply:
            return int(reply.headers["Content-Length"])
    except (OSError, TypeError, ValueError):
        return None


def pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", *arguments, "--no-input", "--disable-pip-version-check"]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SetupError(f"`pip {' '.join(arguments)}` failed; pip's own message is above")


def say(message: str) -> None:
    print(f"setup: {message}", flush=True)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except SetupError as error:
        sys.exit(f"setup: {error}")
