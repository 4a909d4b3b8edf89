# SPDX-License-Identifier: Apache-2.0
"""Treeverse against the binomial formula of Griewank and Walther, and the formula against its recurrence."""

from collections.abc import Callable
from functools import cache

import pytest

from dtr_reference.baselines import InfeasibleError, checkpoint_all, execute, treeverse, treeverse_within
from dtr_reference.baselines.treeverse import advances
from dtr_reference.graphs import chain

from ..claims import claim
from .families import FAMILIES

STEPS = 16


@cache
def recurrence(steps: int, snapshots: int) -> int:
    """The best over all places for the next snapshot."""
    if steps == 1:
        return 0
    alone = steps * (steps - 1) // 2
    if snapshots == 1:
        return alone
    return min(m + recurrence(steps - m, snapshots - 1) + recurrence(m, snapshots) for m in range(1, steps))


def test_the_formula_solves_the_recurrence() -> None:
    for steps in range(1, 60):
        for snapshots in range(1, steps + 1):
            assert advances(steps, snapshots) == recurrence(steps, snapshots)


@claim(
    "baselines",
    "Treeverse on l layers with s snapshots advances r l - C(s + r, s + 1) times, within s + 3 bytes.",
    method=f"exhaustive to {STEPS} layers",
)
def test_treeverse_takes_as_many_advances_as_the_binomial_formula_says(claim_scope: Callable[[str], None]) -> None:
    for layers in range(1, STEPS + 1):
        for snapshots in range(1, layers + 1):
            execution = execute(treeverse(chain(layers), snapshots))
            backward_and_last_layer = layers + 1
            assert execution.cost == advances(layers, snapshots) + backward_and_last_layer
            assert execution.peak <= snapshots + 3
    claim_scope(f"{STEPS * (STEPS + 1) // 2} executed schedules")


@pytest.mark.parametrize("name", FAMILIES)
def test_more_memory_never_costs_more(name: str) -> None:
    graph = FAMILIES[name]()
    with pytest.raises(InfeasibleError) as none:
        treeverse_within(graph, graph.fixed)
    least, top = none.value.least, checkpoint_all(graph).peak
    costs = [treeverse_within(graph, least + (top - least) * part // 4).cost for part in range(5)]
    assert costs == sorted(costs, reverse=True)


def test_the_input_is_a_snapshot() -> None:
    with pytest.raises(ValueError, match="the input is one"):
        treeverse(chain(3), 0)
