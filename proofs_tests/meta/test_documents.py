# SPDX-License-Identifier: Apache-2.0
"""What the documents list is what is there."""

import re
import subprocess
import sys

import pytest

from ..claims import ROOT
from .sources import PACKAGES, text

FOLDER_ROW = re.compile(r"^\| `([\w]+)/` \|", re.MULTILINE)
ROW = re.compile(r"^\| `([\w/]+\.py)` \|", re.MULTILINE)
UNLISTED = frozenset({"__init__.py", "__main__.py"})


def test_the_readme_lists_exactly_the_claims_that_the_tests_carry() -> None:
    command = [sys.executable, "-m", "proofs_tests.claims", "--check", "README.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_readme_lists_exactly_the_files_of_its_package(package: str) -> None:
    folder = ROOT / package
    listed = set(ROW.findall(text(folder.parent.relative_to(ROOT) / "README.md")))
    present = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if path.name not in UNLISTED}
    assert listed - UNLISTED == present


def test_the_readme_of_the_evidence_lists_its_folders() -> None:
    folder = ROOT / "proofs_tests"
    present = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert set(FOLDER_ROW.findall((folder / "README.md").read_text())) == present
