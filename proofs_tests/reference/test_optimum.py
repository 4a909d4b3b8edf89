# SPDX-License-Identifier: Apache-2.0
"""The least cost over all runs of the machine: two searches agree, its schedules are runs, no heuristic beats it."""

from collections.abc import Callable, Iterator
from typing import get_args

import pytest

from dtr_reference import HEURISTICS, run
from dtr_reference.baselines import optimal
from dtr_reference.graphs import chain
from dtr_reference.machine import Deallocation
from dtr_reference.optimum import UnsupportedProgramError, least_cost, optimum
from dtr_reference.playing import IllegalMoveError, Player, Proceed, Rematerialize
from dtr_reference.shortest_run import shortest_run
from dtr_reference.small_networks import small_networks
from dtr_spec.explore import ExplorationLimitError
from dtr_spec.monitor import check
from dtr_spec.program import Program

from ..claims import claim
from .programs import Builder

EVERY = 29
"""Of the larger family's programs, one in so many is taken."""


def siblings() -> Program:
    """Two results of one call, which come back together."""
    build = Builder()
    first = build.call("split", build.constant(1), sizes=(1, 2), cost=3)
    build.release(build.call("large", 0, sizes=(3,)))
    build.read(first)
    build.read(first + 1)
    return build.program()


def views_and_pins() -> Program:
    """A handle too many keeps a storage alive; a pin keeps another resident; the last call needs scratch."""
    build = Builder()
    a = build.call("a", build.constant(1), cost=2)
    view = build.alias(a, "row")
    b = build.call("b", a, cost=3)
    build.release(a)
    build.pin(b)
    build.read(build.call("c", b, view, profile=(2, -1)))
    return build.program()


def generations() -> Program:
    """Every result is released once the next is there: recipes are worth giving up."""
    build = Builder()
    last = build.constant(2)
    for _ in range(3):
        following = build.call("f", last)
        build.release(last)
        last = following
    build.read(last)
    return build.program()


PROGRAMS = {"siblings": siblings, "views and pins": views_and_pins, "generations": generations}


def budgets(program: Program) -> range:
    """Every budget up to what keeps everything, scratch included."""
    return range(sum(program.sizes) + 3)


def agree(program: Program) -> int:
    """Both searches find the same costs within every budget; returns how many budgets suffice."""
    feasible = 0
    for budget in budgets(program):
        found = shortest_run(program, budget)
        assert least_cost(program, budget) == (found and found[0]), (program, budget)
        if found is not None:
            verdict = check(found[1])
            assert verdict, verdict.reason
            feasible += 1
    return feasible


@claim(
    "optimum",
    "The least cost over all runs, by large steps, is that of a shortest path over the machine's own steps.",
    method="exhaustive to 2 results",
)
def test_both_searches_agree(claim_scope: Callable[[str], None]) -> None:
    """All small networks of two results, within every budget."""
    feasible = sum(map(agree, small_networks(2)))
    assert feasible > 20
    claim_scope(f"{feasible} feasible budgets")


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_both_searches_agree_on_what_the_family_lacks(program: Callable[[], Program]) -> None:
    assert agree(program()) > 1


@claim("optimum", "A schedule of least cost is a run of the machine, at that cost.", method="computed")
def test_schedules_are_runs_of_the_machine(claim_scope: Callable[[str], None]) -> None:
    """The monitor accepts the trace of the schedule found, and its calls cost what was claimed."""
    schedules = 0
    for program, budget in sampled():
        if (found := optimum(program, budget)) is None:
            continue
        verdict = check(found.trace)
        assert verdict, verdict.reason
        assert verdict.configuration.clock - 1 == found.cost == least_cost(program, budget)
        schedules += 1
    claim_scope(f"{schedules} schedules")


@claim("optimum", "No heuristic, under any deallocation policy, costs less than the optimum.", method="property-tested")
def test_no_heuristic_beats_the_optimum(claim_scope: Callable[[str], None]) -> None:
    """And where no run finishes, no heuristic's does."""
    runs = 0
    for program, budget in sampled():
        least = least_cost(program, budget)
        for heuristic in HEURISTICS:
            for deallocation in get_args(Deallocation):
                ended = run(program, budget, heuristic, deallocation)
                if ended.status == "finished":
                    assert least is not None
                    assert ended.clock - 1 >= least
                    runs += 1
    claim_scope(f"{runs} runs")


@claim("optimum", "On chains it is at most the optimum of Checkmate's integer program.", method="computed")
def test_the_optimum_is_at_most_that_of_static_plans(claim_scope: Callable[[str], None]) -> None:
    """A static plan recomputes at most once a stage and only in order; the machine may do more."""
    graph = chain(3)
    program = graph.program()
    for budget in (3, 4, 5):
        plan = optimal(graph, budget=budget).execution
        least = least_cost(program, plan.trace.budget)
        assert least is not None
        assert least <= plan.cost
    claim_scope("3 budgets")


def sampled() -> Iterator[tuple[Program, int]]:
    """Some networks of three results, and the others above, within every budget."""
    programs = [*list(small_networks(3))[::EVERY], *(make() for make in PROGRAMS.values())]
    return ((program, budget) for program in programs for budget in budgets(program))


def test_mutations_are_for_the_other_search() -> None:
    build = Builder()
    build.write("relu_", build.constant(1))
    with pytest.raises(UnsupportedProgramError, match="overwrites a storage"):
        optimum(build.program(), 9)
    found = shortest_run(build.program(), 9)
    assert found is not None
    assert found[0] == 1


def test_a_limit_is_kept() -> None:
    program = list(small_networks(3))[-1]
    with pytest.raises(ExplorationLimitError, match="take a smaller program"):
        shortest_run(program, 5, limit=100)


def test_an_illegal_move_is_refused() -> None:
    """The player names the premise: here room, then residency of what is locked."""
    player = Player(siblings(), 3)
    player.make(Proceed())
    with pytest.raises(IllegalMoveError, match=r"used \+ n ≤ budget"):
        player.make(Proceed())
    with pytest.raises(IllegalMoveError, match="alive"):
        Player(siblings(), 9).make(Rematerialize(1))
