# SPDX-License-Identifier: Apache-2.0
"""Checkmate's program against exhaustive search, and against the schemes that it should beat."""

from collections.abc import Callable

import pytest

from dtr_reference.baselines import (
    InfeasibleError,
    RoundingError,
    checkpoint_all,
    chen_greedy,
    least_budget,
    optimal,
    rounded,
    treeverse_within,
)
from dtr_reference.graphs import Node, TrainingGraph, chain, random_dag
from dtr_spec import monitor

from ..claims import claim
from . import exhaustive

SMALL = [chain(2), chain(4), chain(5), chain(4, "both"), *(random_dag(seed, 4 + seed % 3) for seed in range(10))]


def optimum(graph: TrainingGraph, budget: int) -> int | None:
    """The solver's optimum, proved and executed; None if it says that there is none."""
    try:
        found = optimal(graph, budget)
    except InfeasibleError:
        return None
    assert found.execution.cost == found.bound
    assert found.execution.peak <= budget
    return found.execution.cost


@claim(
    "baselines",
    "Checkmate's optimum, at every budget, and its least budget are those of an exhaustive search.",
    method="exhaustive to 12 nodes",
)
def test_the_optimum_is_the_exhaustive_one_at_every_budget(claim_scope: Callable[[str], None]) -> None:
    budgets = 0
    for graph in SMALL:
        least = exhaustive.least_budget(graph)
        for budget in range(least - 1, checkpoint_all(graph).peak + 1):
            expected = exhaustive.staged(graph, budget)
            assert optimum(graph, budget) == expected == exhaustive.unrestricted(graph, budget)
            budgets += 1
        smallest = least_budget(graph)
        assert smallest.execution.peak == smallest.bound == least
    claim_scope(f"{len(SMALL)} graphs, {budgets} budgets; no schedule outside of its stages is better there")


def test_an_impossible_budget_is_refused_with_the_least_that_would_do() -> None:
    graph = random_dag(seed=2, layers=6)
    least = exhaustive.least_budget(graph)
    for scheme, budget in ((optimal, least - 1), (optimal, graph.fixed), (rounded, graph.fixed)):
        with pytest.raises(InfeasibleError, match=f"the least that would do is {least} bytes"):
            scheme(graph, budget)


@pytest.mark.parametrize("graph", [chain(8), chain(6, "both"), random_dag(3, 8)], ids=["chain", "both", "random"])
def test_no_scheme_is_better_than_the_optimum_and_no_rounding(graph: TrainingGraph) -> None:
    top = checkpoint_all(graph).peak
    for budget in (top - 1, top):
        best = optimum(graph, budget)
        assert best is not None
        for scheme in (chen_greedy, treeverse_within, rounded):
            try:
                execution = scheme(graph, budget)
            except (InfeasibleError, RoundingError):
                continue
            assert execution.peak <= budget
            assert execution.cost >= best


def test_fixed_bytes_and_scale_do_not_change_the_schedule() -> None:
    """Sizes in the hundreds of megabytes, costs in the millions: as solver and machine count, to the byte."""
    graph = random_dag(seed=1, layers=5)
    byte, clock, fixed = 99_999_989, 1_000_003, 123_456_789
    nodes = tuple(Node(n.name, byte * n.size, clock * n.cost, n.reads, n.forward) for n in graph.nodes)
    scaled = TrainingGraph(nodes, fixed)
    budget = exhaustive.least_budget(graph)
    found = optimal(scaled, fixed + byte * (budget - graph.fixed))
    assert found.execution.cost == found.bound == clock * optimal(graph, budget).bound


def test_uneven_sizes_are_counted_to_the_byte_by_the_machine() -> None:
    """The solver's own precision is a millionth; what it proposes is measured."""
    nodes = tuple(Node(n.name, 10**8 * n.size + i, n.cost, n.reads, n.forward) for i, n in enumerate(chain(4).nodes))
    graph = TrainingGraph(nodes)
    least = least_budget(graph)
    assert least.execution.peak == exhaustive.least_budget(graph)
    assert 0 <= least.execution.peak - least.bound <= 1e-6 * least.execution.peak
    found = optimal(graph, least.execution.peak)
    assert found.execution.cost == found.bound == exhaustive.staged(graph, least.execution.peak)


def test_what_is_retained_is_paid_for() -> None:
    graph = TrainingGraph(chain(4).nodes, retained=frozenset({1, 4}))
    for budget in range(exhaustive.least_budget(graph), 8):
        found = optimal(graph, budget)
        assert found.execution.cost == found.bound == exhaustive.staged(graph, budget)
        assert found.execution.trace.events[-1].used == 2


def test_an_optimal_schedule_is_a_run_of_the_machine() -> None:
    verdict = monitor.check(optimal(chain(8), 4).execution.trace)
    assert verdict, verdict.reason


def test_rounding_fits_or_says_that_it_does_not() -> None:
    graph = random_dag(seed=2, layers=7)
    least = exhaustive.least_budget(graph)
    top = checkpoint_all(graph).peak
    assert rounded(graph, top).peak <= top
    with pytest.raises(RoundingError, match=rf"no rounding fits into {least - 1} bytes; the smallest takes \d+ bytes"):
        rounded(graph, least - 1)
