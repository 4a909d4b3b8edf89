# SPDX-License-Identifier: Apache-2.0
"""The quick check says what is wrong, and how to see it again."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dtr_reference
from dtr_spec.trace import Trace

from . import agreement
from .check import main
from .models.bounded import Bounded, Eager, Training
from .models.observer import Observation
from .models.training import Snapshot
from .models.verdict import Row, compare, slowdown
from .models.zoo import ZOO
from .reference.programs import random_program

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


@pytest.mark.parametrize("policy", ["eager", "ignore", "banish"])
def test_what_is_wrong_under_one_deallocation_policy_is_said(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(program: Any, budget: int, heuristic: str, deallocation: Any) -> Any:
        if deallocation == policy:
            raise ZeroDivisionError
        return dtr_reference.run(program, budget, heuristic, deallocation)

    monkeypatch.setattr(agreement, "run", broken)
    assert (agreement.disagreement(agreement.Case(3, 20), "h_lru") or "").startswith(f"{policy}: ZeroDivisionError")


def test_the_monitor_judges_both_machines_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Trace] = []
    monkeypatch.setattr(agreement.monitor, "check", lambda trace: judged.append(trace) or True)
    assert agreement.disagreement(agreement.Case(3, 20), "h_lru") is None
    machines = ["reference" if "machine" not in trace.configuration else "simulator" for trace in judged]
    assert machines == ["reference", "simulator"] * 3


def test_a_run_that_is_only_the_beginning_of_another_differs_from_it() -> None:
    events = dtr_reference.run(random_program(3), 20, "h_lru").trace.events
    assert agreement.first_difference(events, events) is None
    for one, other in ((events, events[:-1]), (events[:-1], events)):
        assert f"event {len(events) - 1}: " in (agreement.first_difference(one, other) or "")


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


ALONE = Eager(Snapshot({}), floor=100, peak=1000)
FINE = Row(400, True, 390, 3, 2, 1.5)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Training, int]]:
    """What is trained within which budget; instead of training, the verdicts are FINE but for those of 250 bytes."""
    asked: list[tuple[Training, int]] = []

    def judge(training: Training, budget: int, alone: Eager) -> Row:
        assert alone is ALONE
        asked.append((training, budget))
        return replace(FINE, budget=budget, bits="1 differ: loss 0" if budget == 250 else None)

    monkeypatch.setattr("proofs_tests.check.eager", lambda training: ALONE)
    monkeypatch.setattr("proofs_tests.check.judge", judge)
    monkeypatch.setattr("proofs_tests.check.PROGRAMS", 1)
    return asked


def test_a_model_is_trained_within_budgets_that_are_shares_of_eagers_peak(
    judged: list[tuple[Training, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that disagrees decides, and is told with a command that repeats it."""
    results = tmp_path / "results.json"
    assert main(["--model", "lstm", "--heuristic", "h_lru", "--json", str(results)]) == 1
    assert [budget for _, budget in judged] == [900, 600, 400, 250]
    assert {(training.build, training.heuristic) for training, _ in judged} == {(ZOO["lstm"], "h_lru")}
    said = capsys.readouterr().out
    assert "250 bytes, bits: 1 differ: loss 0" in said
    assert "again: python -m proofs_tests.check --heuristic h_lru --model lstm --budget 250\n" in said
    rows = json.loads(results.read_text())["budgets"]
    assert [(row["budget"], row["agrees"]) for row in rows] == [(900, True), (600, True), (400, True), (250, False)]


def test_a_single_budget_is_in_bytes_or_a_share(judged: list[tuple[Training, int]]) -> None:
    assert main(["--budget", "77%"]) == 0
    assert main(["--budget", "640"]) == 0
    assert [budget for _, budget in judged] == [770, 640]


@pytest.mark.parametrize(
    ("name", "wrong"), [("peak", 401), ("decisions", "event 3"), ("monitor", "event 3"), ("bits", "1 differ")]
)
def test_a_verdict_agrees_only_if_nothing_is_wrong(name: str, wrong: Any) -> None:
    assert FINE.agrees
    assert replace(FINE, peak=400).agrees
    assert not replace(FINE, **{name: wrong}).agrees


def compared(tampered: Callable[[Trace], Trace]) -> Row:
    """The verdicts on a run that left what eager left, if it was as its trace says after it was tampered with."""
    trace = dtr_reference.run(random_program(3), 20, "h_lru").trace
    run = SimpleNamespace(trace=tampered(trace))
    return compare(Bounded(20, ALONE.snapshot, Observation(start=20), run), ALONE, "h_lru")


def test_a_training_is_compared_with_the_machine_and_with_the_reference() -> None:
    assert compared(lambda trace: trace).agrees
    count = len(dtr_reference.run(random_program(3), 20, "h_lru").trace.events)
    false = compared(lambda trace: replace(trace, events=trace.events[:-1]))
    assert false.decisions == f"event {count - 1}: {count} events against {count - 1}"
    assert false.monitor is not None
    assert "but the run does not" in false.monitor


def test_the_slowdown_is_of_all_calls_over_the_programs() -> None:
    ran = dtr_reference.run(random_program(3), 20, "h_lru")
    assert ran.rematerializations > 0
    assert slowdown(ran.trace) == (ran.clock - 1) / (ran.clock - 1 - ran.rematerialization_cost) > 1


@pytest.mark.parametrize("arguments", [["--budget", "much"], ["--program", "3"], ["--heuristic", "h_unknown"]])
def test_a_malformed_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err
