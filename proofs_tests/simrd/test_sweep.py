# SPDX-License-Identifier: Apache-2.0
"""The ``simulate`` command: the same answers from both implementations, on any executor, resumed after a stop."""

import json
import math
import random
import re
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dtr_reference.__main__ import main as slow
from dtr_reference.simrd import opened
from dtr_runtime.__main__ import main as fast
from dtr_spec import report
from dtr_spec.simrd import PAPER, Outcome, SimrdStopsError
from dtr_spec.sweep import (
    UNLIMITED,
    Baseline,
    Open,
    Point,
    Replay,
    Row,
    SweepError,
    points,
    ratios,
    run,
    stored,
    sweep,
)

from ..claims import claim
from .generated import random_log

SHARES = "0.6:1.0:0.2"


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "some.log"
    random_log(random.Random(3), 60).save(path)
    return str(path)


@pytest.fixture
def grid(log: str) -> tuple[Point, ...]:
    return points([log], PAPER, "eager", ratios(SHARES), 1.0)


def by_content(rows: list[Row]) -> list[str]:
    return sorted(map(json.dumps, rows))


@claim("sweeps", "Reference and runtime give the same answers to the same command.", method="computed")
def test_both_commands_give_the_same_answers(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--ratios", SHARES, "--plot", str(tmp_path / "plot.png")]
    assert slow(["simulate", log, *options, "--json", str(tmp_path / "slow")]) == 0
    expected = capsys.readouterr().out
    assert fast(["simulate", log, *options, "--json", str(tmp_path / "fast")]) == 0
    assert capsys.readouterr().out == expected
    assert "some.log" in expected
    assert (tmp_path / "fast").read_text() == (tmp_path / "slow").read_text()
    assert len(stored(tmp_path / "fast")) == len(PAPER) * 3
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@claim(
    "sweeps", "A sweep that was stopped loses nothing that was computed, and computes only the rest.", method="computed"
)
def test_a_sweep_goes_on_where_it_stopped(grid: tuple[Point, ...], tmp_path: Path) -> None:
    whole = [row for row, _ in sweep(opened, grid, tmp_path / "whole")]
    out = tmp_path / "out"
    started = sweep(opened, grid, out)
    first = [next(started)[0] for _ in range(5)]
    assert stored(out) == first  # whatever ends the process now
    started.close()
    with out.open("a") as file:
        file.write('{"log": "some.log", "cut o')  # killed while it wrote
    rest = list(sweep(opened, grid, out))
    assert [fresh for _, fresh in rest].count(False) == 5
    assert by_content([row for row, _ in rest]) == by_content(whole) == by_content(stored(out))
    assert not any(fresh for _, fresh in sweep(opened, grid, out))


def three_runs(path: str) -> tuple[Baseline, Replay]:
    """A simulator that notes what it is asked."""

    def replay(budget: int, name: str, deallocation: str, limit: int) -> Outcome:
        return Outcome("finished", limit, 0, budget, 0, 0, 0)

    return Baseline(10, 7), replay


POINT = Point("some.log", "0", "h_lru", "eager", 0.5, 1.0)


@pytest.mark.parametrize(
    ("name", "other"),
    [("sha256", "1"), ("heuristic", "h_size"), ("deallocation", "ignore"), ("ratio", 0.25), ("limit", 2.0)],
)
def test_a_result_is_one_of_its_point_alone(name: str, other: Any, tmp_path: Path) -> None:
    """Of the same log by another name, too; of nothing that differs in what decides the result."""
    out = tmp_path / "out"
    (whole,) = sweep(three_runs, [POINT], out)
    assert whole[1]
    assert list(sweep(three_runs, [POINT._replace(path="moved.log")], out)) == [(whole[0], False)]
    ((_, now),) = sweep(three_runs, [POINT._replace(**{name: other})], out)
    assert now


THREE = tuple(Point("some.log", "0", "h_lru", "eager", ratio, 1.0) for ratio in (0.25, 0.5, 1.0))


def test_a_budget_is_a_share_of_the_peak() -> None:
    """Rounded down, as simrd does."""
    assert [run(three_runs, point)["budget"] for point in THREE] == [1, 3, 7]


def test_an_executor_is_given_every_run(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        found = [row for row, _ in sweep(three_runs, THREE, tmp_path / "out", executor)]
    assert by_content(found) == by_content([run(three_runs, point) for point in THREE])


def test_what_has_not_begun_is_cancelled_when_the_caller_stops(tmp_path: Path) -> None:
    stopped, begun = threading.Event(), []

    def waiting(path: str) -> tuple[Baseline, Replay]:
        begun.append(path)
        if len(begun) > 1:
            stopped.wait(60)
        return three_runs(path)

    grid = [POINT._replace(ratio=ratio / 10) for ratio in range(1, 9)]
    with ThreadPoolExecutor(1) as executor:
        started = sweep(waiting, grid, tmp_path / "out", executor)
        next(started)
        started.close()
        stopped.set()
    assert len(begun) <= 2


def test_an_unfinished_line_is_cut_off(tmp_path: Path) -> None:
    """What is written after it stands in a line of its own."""
    out = tmp_path / "out"
    written = [row for row, _ in sweep(three_runs, THREE[:1], out)]
    whole = out.read_text()
    out.write_text(whole + '{"log": "some.log", "cut o')
    assert stored(out) == written
    assert out.read_text() == whole


def agrees(executor: Executor, grid: tuple[Point, ...], tmp_path: Path) -> bool:
    alone = [row for row, _ in sweep(opened, grid, tmp_path / "alone")]
    with executor:
        return by_content([row for row, _ in sweep(opened, grid, tmp_path / "out", executor)]) == by_content(alone)


@claim("sweeps", "Any executor gives the same results.", method="computed")
def test_executors_give_the_same_results(grid: tuple[Point, ...], tmp_path: Path) -> None:
    assert agrees(ThreadPoolExecutor(2), grid, tmp_path)


def test_processes_give_the_same_results(log: str, tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        options = ["--heuristic", "h_lru,h_size", "--ratios", "0.8", "--jobs", jobs, "--json", str(tmp_path / jobs)]
        assert slow(["simulate", log, *options]) == 0
    assert by_content(stored(tmp_path / "1")) == by_content(stored(tmp_path / "2"))


@claim(
    "sweeps",
    "A dask.distributed cluster gives the same results, and finishes what was begun before.",
    method="computed",
)
def test_a_cluster_gives_the_same_results(grid: tuple[Point, ...], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed: pip install distributed")
    # In this process: no port is opened, no other process started.
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
        started = sweep(opened, grid, tmp_path / "out", client.get_executor())
        first = [next(started)[0] for _ in range(3)]
        started.close()
        assert stored(tmp_path / "out") == first
        assert agrees(client.get_executor(), grid, tmp_path)


def test_ratios_are_exact_decimals() -> None:
    assert ratios("0.1:1.0:0.1") == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert ratios("0.25,1.5") == (0.25, 1.5)
    for wrong in ("", "a", "0.1:0.5", "0.5:0.1:0.1", "0.1:0.5:0", "0,1", "0.1:nan:0.1"):
        with pytest.raises(SweepError, match="cannot read the ratios"):
            ratios(wrong)


def test_an_interrupted_command_says_how_to_go_on(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["simulate", log, "--heuristic", "h_lru,h_size", "--ratios", "0.8,0.9", "--json", str(out)]
    with monkeypatch.context() as patch:
        patch.setattr("dtr_reference.__main__.opened", interrupted_at(2))
        assert slow(command) == 130
    assert "the same command with the same --json goes on from here" in capsys.readouterr().err
    assert len(stored(out)) == 2
    assert slow(command) == 0
    assert len(stored(out)) == 4


def interrupted_at(last: int) -> Open:
    """A simulator that the user interrupts after so many runs."""
    left = iter(range(last))

    def opened_until(path: str) -> tuple[Baseline, Replay]:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return opened(path)

    return opened_until


def test_limit_and_deallocation_are_those_asked_for(log: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--heuristic", "h_lru", "--ratios", "0.5", "--deallocation", "banish", "--limit", "0.25"]
    assert slow(["simulate", log, *options, "--json", str(out)]) == 0
    assert stored(out) == [run(opened, point) for point in points([log], ["h_lru"], "banish", [0.5], 0.25)]


def test_a_limit_is_a_multiple_of_the_cost() -> None:
    """Of computing everything once: 10 here, where the peak is 7."""
    assert run(three_runs, POINT._replace(limit=2.5))["clock"] == 25
    assert run(three_runs, POINT._replace(limit=math.inf))["clock"] == UNLIMITED


def test_where_simrd_stops_the_reason_is_the_result() -> None:
    def stopping(path: str) -> tuple[Baseline, Replay]:
        def replay(budget: int, name: str, deallocation: str, limit: int) -> Outcome:
            raise SimrdStopsError("an alias of a banished storage")

        return Baseline(10, 7), replay

    row = run(stopping, POINT)
    assert (row["status"], row["reason"]) == ("stopped", "an alias of a banished storage")


def shown(status: str, ratio: float) -> Row:
    """A run that recomputed half of what it computed."""
    costs = {"baseline_cost": 10, "rematerialization_cost": 5}
    return {"log": "some.log", "heuristic": "h_lru", "ratio": ratio, "status": status} | costs


SHOWN = [shown(*each) for each in (("finished", 0.9), ("thrashed", 0.5), ("out_of_memory", 0.3), ("stopped", 0.1))]


def test_the_table_shows_slowdowns_or_why_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    report.console(width=100).print(report.table(SHOWN))
    assert re.findall(r"stops|memory|thrashes|1\.500", capsys.readouterr().out) == [
        "stops",
        "memory",
        "thrashes",
        "1.500",
    ]


def test_the_plot_shows_what_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    drawn = []
    plot = Axes.plot
    monkeypatch.setattr(Axes, "plot", lambda self, x, y, **style: drawn.append((x, y)) or plot(self, x, y, **style))
    report.plot(SHOWN, tmp_path / "plot.png")
    assert drawn == [([0.9], [1.5])]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--heuristic", "h_best"], "unknown heuristic 'h_best'"),
        (["--heuristic", "h_dtr", "--deallocation", "banish"], "caches that are not kept under banishing"),
        (["--ratios", "much"], "cannot read the ratios"),
        (["--jobs", "0"], "--jobs must be at least 1"),
    ],
)
def test_unusable_options_are_refused(
    options: list[str], reason: str, log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert slow(["simulate", log, *options]) == 2
    assert reason in capsys.readouterr().err


def test_unusable_files_are_refused(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert slow(["simulate", str(tmp_path / "absent")]) == 2
    (tmp_path / "bad").write_text('{"INSTRUCTION":"FREE"}\n')
    assert slow(["simulate", str(tmp_path / "bad")]) == 2
    assert "bad:1: unknown INSTRUCTION 'FREE'" in capsys.readouterr().err
    (tmp_path / "notes").write_text("[]\n")
    assert slow(["simulate", log, "--json", str(tmp_path / "notes")]) == 2
    assert "notes:1: not a result of a sweep" in capsys.readouterr().err
