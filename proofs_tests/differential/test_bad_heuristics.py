# SPDX-License-Identifier: Apache-2.0
"""A heuristic that misbehaves is reported with a small program and the command that replays it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(__file__).with_name("example_heuristics.py")
TESTS = Path(__file__).with_name("test_user_heuristic.py")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Raising", "division by zero"),
        ("NotANumber", "NotANumber.score returned nan for a storage of"),
        ("Nondeterministic", "it must be deterministic in what it is given"),
        ("Remembering", "in one machine"),
    ],
)
def test_a_bad_heuristic_is_reported(name: str, reason: str, tmp_path: Path) -> None:
    """The failure says why, shows a shrunk program, and its replay command fails for the same reason."""
    test = f"{TESTS}::test_user_heuristic"
    packages = f"pythonpath={' '.join(paths())}"
    done = run("-m", "pytest", "-q", "-o", packages, test, f"--heuristic={EXAMPLES}:{name}", temporary=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert reason in done.stdout
    program = re.findall(r"^E +\d+ \w+\(", done.stdout, re.MULTILINE)
    assert 1 <= len(program) <= 30, "the program is shown, and it was shrunk"
    command = re.search(r"replay: python (.*)", done.stdout)
    assert command, done.stdout
    replayed = run(*shlex.split(command[1]), temporary=tmp_path)
    assert replayed.returncode == 1
    assert reason in replayed.stderr


def paths() -> list[str]:
    """Where this process finds its packages."""
    return [str(Path(path).resolve()) for path in sys.path if path]


def run(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Python in the repository's root with this process's packages; failing cases are saved in ``temporary``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *paths()]), "TMPDIR": str(temporary)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
