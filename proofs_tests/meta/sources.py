# SPDX-License-Identifier: Apache-2.0
"""The repository's own files, without what tools leave behind."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..claims import ROOT

SOURCE_SUFFIXES = frozenset({".py", ".h", ".cpp", ".cu", ".sh", ".toml"})
SOURCE_NAMES = frozenset({"Makefile", "run"})
LEFT_BEHIND = frozenset({"__pycache__", "build", "dist"})
PACKAGES = ("spec/dtr_spec", "reference/dtr_reference", "runtime/dtr_runtime")


def files() -> Iterator[Path]:
    """Every file, relative to the root; of the folders whose name starts with a dot, only ``.ci``."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(name for name in subfolders if name == ".ci" or is_ours(name))
        yield from (Path(folder, name).relative_to(ROOT) for name in sorted(names) if is_ours(name))


def is_ours(name: str) -> bool:
    return not name.startswith(".") and name not in LEFT_BEHIND and not name.endswith((".egg-info", ".so", ".pyc"))


def sources() -> list[Path]:
    """The files that hold code."""
    return [path for path in files() if path.suffix in SOURCE_SUFFIXES or path.name in SOURCE_NAMES]


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
