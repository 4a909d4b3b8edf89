# SPDX-License-Identifier: Apache-2.0
"""What heuristics cost over the optimum, measured over a family of small programs."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from dtr_reference import HEURISTICS, run
from dtr_reference.__main__ import main
from dtr_reference.competitive import Instance, instances, record
from dtr_reference.heuristic_option import load_heuristic
from dtr_reference.optimum import least_cost
from dtr_reference.shortest_run import shortest_run
from dtr_reference.small_networks import small_networks
from dtr_spec.trace import Trace

from ..claims import claim


@pytest.fixture(scope="module")
def family() -> list[Instance]:
    """All networks of three results within every feasible budget."""
    return list(instances(small_networks(3)))


@claim("T11", "Every built-in heuristic is measured against the optimum, its worst case a program.", method="measured")
@pytest.mark.parametrize("heuristic", HEURISTICS)
def test_competitive_ratios(heuristic: str, family: list[Instance], claim_scope: Callable[[str], None]) -> None:
    """The worst ratio is what the witness shows when it is run again; some are suboptimal, some optimal."""
    found = record(heuristic, heuristic, family)
    again = run(found.witness.program, found.witness.budget, heuristic)
    assert Fraction(again.clock - 1, found.witness.least) == found.worst
    runs = [(each, run(each.program, each.budget, heuristic)) for each in family]
    ratios = [Fraction(ran.clock - 1, each.least) for each, ran in runs if ran.status == "finished"]
    assert (found.instances, found.failed) == (len(family), len(family) - len(ratios))
    assert (found.mean, found.worst) == (Fraction(sum(ratios), len(ratios)), max(ratios))
    assert found.optimal == ratios.count(Fraction(1))
    assert found.failure == next((each for each, ran in runs if ran.status != "finished"), None)
    assert 1 < found.mean < found.worst
    assert 0 < found.optimal < found.instances - found.failed
    claim_scope(f"{len(family)} programs and budgets")


def test_a_ratio_is_of_what_the_calls_cost() -> None:
    """Who does no more than the optimum has the ratio 1: the clock's first unit costs nothing."""
    found = record("h_lru", "h_lru", instances(small_networks(2)))
    assert found.optimal == found.instances - found.failed > 0
    assert found.worst == 1


def test_a_heuristic_may_run_out_of_memory_where_a_run_exists(family: list[Instance]) -> None:
    """A recursive rematerialization holds the locks of all its frames; a schedule need not."""
    failure = record("h_dtr", "h_dtr", family).failure
    assert failure is not None
    assert run(failure.program, failure.budget, "h_dtr").status == "out_of_memory"
    found = shortest_run(failure.program, failure.budget)
    assert found is not None
    assert found[0] == failure.least


def test_instances_are_all_feasible_budgets_that_force_something_out() -> None:
    for program in small_networks(2):
        found = [instance.budget for instance in instances([program])]
        peak = run(program, 99, "h_lru").peak
        assert found == [budget for budget in range(peak) if least_cost(program, budget) is not None]


NEWEST = """
class Newest:
    def score(self, storage, clock):
        return -storage.index
"""


def test_the_command_measures_a_heuristic_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its row stands beside the built-in ones, in the table and in the JSON."""
    (tmp_path / "mine.py").write_text(NEWEST)
    mine, out = f"{tmp_path}/mine.py:Newest", tmp_path / "ratios.json"
    assert main(["competitive", "--results", "2", "--heuristic", mine, "--json", str(out)]) == 0
    assert "Newest" in capsys.readouterr().out
    rows = json.loads(out.read_text())["heuristics"]
    assert [row["heuristic"] for row in rows] == [*HEURISTICS, mine]
    worst = rows[-1]["worst"]
    assert Fraction(worst["exact"]) >= 1
    header = {"format": "dtr-trace", "version": 1, "budget": 0, "declared": True, "configuration": {}, "events": 0}
    lines = [header | {"commands": len(worst["at"]["program"])}, *worst["at"]["program"]]
    program = Trace.parse(map(json.dumps, lines)).program
    least = worst["at"]["least_cost"]
    assert least_cost(program, worst["at"]["budget"]) == least
    ended = run(program, worst["at"]["budget"], load_heuristic(mine))
    assert Fraction(ended.clock - 1, least) == Fraction(worst["exact"])


def test_an_unknown_heuristic_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["competitive", "--heuristic", "absent.py:Mine"]) == 2
    assert "no Python file" in capsys.readouterr().err
