# SPDX-License-Identifier: Apache-2.0
"""Treeverse, as REVOLVE schedules it: Griewank and Walther, "Algorithm 799" (ACM TOMS 26, 2000).

A chain of l steps is turned back with s snapshots, the input among them, by
advancing m steps, taking a snapshot, turning back the rest with s - 1 and then the first m with s. The best m gives

    t(l, s) = r l - C(s + r, s + 1),   r the least number with l <= C(s + r, s)

advances in all, the least that any schedule with s snapshots needs (their theorem; C is the binomial coefficient).
Here a step is the segment between two boundaries of the graph.
"""

from collections.abc import Iterator
from math import comb

from ..graphs import TrainingGraph
from .execution import Execution
from .plan import Plan
from .search import cheapest
from .segments import Segments, boundaries


def treeverse(graph: TrainingGraph, snapshots: int) -> Plan:
    """The plan with that many snapshots, the graph's input among them. Raises ``ValueError`` if there is none."""
    if snapshots < 1:
        raise ValueError(f"{snapshots} snapshots; the input is one")
    cuts = boundaries(graph)
    held: dict[int, frozenset[int]] = dict(_held(0, len(cuts), snapshots, frozenset()))
    return Segments(
        graph, cuts, [frozenset(cuts[state - 1] for state in held[step]) for step in range(len(cuts))]
    ).plan()


def treeverse_within(graph: TrainingGraph, budget: int) -> Execution:
    """The cheapest number of snapshots for a budget of bytes. Raises ``InfeasibleError`` if none fits."""
    return cheapest((treeverse(graph, snapshots) for snapshots in range(1, len(boundaries(graph)) + 1)), budget)


def advances(steps: int, snapshots: int) -> int:
    """t(l, s): how often a step is computed, without the one time that each is turned back."""
    repeats = 0
    while comb(snapshots + repeats, snapshots) < steps:
        repeats += 1
    return repeats * steps - comb(snapshots + repeats, snapshots + 1)


def _held(start: int, end: int, snapshots: int, held: frozenset[int]) -> Iterator[tuple[int, frozenset[int]]]:
    """For each step from the last to the first, the states held while it is turned back, but for the input's."""
    while end - start > 1 and snapshots > 1:
        middle = start + _advance(end - start, snapshots)
        yield from _held(middle, end, snapshots - 1, held | {middle})
        end = middle
    yield from ((step, held) for step in range(end - 1, start - 1, -1))


def _advance(steps: int, snapshots: int) -> int:
    """The m that makes m + t(l - m, s - 1) + t(m, s) least."""
    return min(range(1, steps), key=lambda m: m + advances(steps - m, snapshots - 1) + advances(m, snapshots))
