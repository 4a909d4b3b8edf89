# SPDX-License-Identifier: Apache-2.0
"""The quick check says what is wrong, and how to see it again."""

import json
import shlex
from pathlib import Path

import pytest

from .check import main

HEURISTICS = """
class Fine:
    def score(self, storage, clock):
        return -storage.size

class NotANumber:
    def score(self, storage, clock):
        return float("nan")

class Raising:
    def score(self, storage, clock):
        return 1 / 0
"""


@pytest.fixture
def heuristics(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(HEURISTICS)
    return path


@pytest.mark.parametrize(("name", "said"), [("NotANumber", "returned nan"), ("Raising", "division by zero")])
def test_a_failing_heuristic_is_reported_with_its_program_and_a_command_that_repeats_it(
    heuristics: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--heuristic", f"{heuristics}:{name}", "--program", "3", "--budget", "20"]) == 1
    output = capsys.readouterr().out
    assert said in output
    assert "Call(op=" in output
    again = next(line for line in output.splitlines() if line.startswith("again: "))
    command = shlex.split(again.removeprefix("again: python -m proofs_tests.check"))
    assert main(command) == 1
    assert capsys.readouterr().out == output


def test_a_fine_heuristic_agrees_and_the_results_are_written(heuristics: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    arguments = ["--heuristic", f"{heuristics}:Fine", "--program", "3", "--budget", "20", "--json", str(results)]
    assert main(arguments) == 0
    assert json.loads(results.read_text())["disagreements"] == []


@pytest.mark.parametrize("arguments", [["--budget", "much"], ["--program", "3"], ["--heuristic", "h_unknown"]])
def test_a_malformed_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err
