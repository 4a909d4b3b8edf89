# SPDX-License-Identifier: Apache-2.0
"""The linear network under h_e* on each implementation."""

from functools import cache

from dtr_reference import Deallocation, run
from dtr_reference.graphs.linear import linear
from dtr_reference.theory.checkpoints import Gaps, gaps
from dtr_runtime.simulator import simulate

HEURISTIC = "h_estar"


def replays(layers: int, budget: int, deallocation: Deallocation = "banish") -> int:
    """What the C++ engine replays. Fails if memory runs out."""
    ended = simulate(linear(layers), budget, HEURISTIC, deallocation, record=False)
    assert ended.status == "finished", f"{layers} layers in {budget} units, {deallocation}: {ended.failure}"
    return ended.counters["rematerializations"]


def replays_of_reference(layers: int, budget: int, deallocation: Deallocation = "banish") -> int:
    """What the reference replays. Fails if memory runs out."""
    ended = run(linear(layers), budget, HEURISTIC, deallocation)
    assert ended.status == "finished", f"{layers} layers in {budget} units, {deallocation}: {ended.out_of_memory}"
    return ended.rematerializations


@cache
def measured(layers: int, budget: int, deallocation: Deallocation = "banish") -> Gaps:
    """The gaps in a run on the C++ engine."""
    ended = simulate(linear(layers), budget, HEURISTIC, deallocation)
    assert ended.status == "finished", f"{layers} layers in {budget} units, {deallocation}: {ended.failure}"
    return gaps(ended.trace, layers)
