# SPDX-License-Identifier: Apache-2.0
"""Optimal schedules by exhaustive search, sharing nothing with the schemes: shortest paths over what is in memory.

A result leaves memory only when room is needed, then in every way that makes just enough: to keep more is never worse.
"""

import heapq
from collections.abc import Iterator
from itertools import combinations

from dtr_reference.graphs import TrainingGraph

Resident = frozenset[int]


def staged(graph: TrainingGraph, budget: int) -> int | None:
    """The least cost in the integer program's structure, None if nothing fits.

    Stage t computes some of the nodes before t, each at most once and in order, then node t.
    """
    best: dict[Resident, int] = {frozenset(): 0}
    for stage in range(len(graph.nodes)):
        for node in range(stage + 1):
            skipped = {} if node == stage else best
            computed = _least_each(
                (after, cost + graph.nodes[node].cost)
                for resident, cost in best.items()
                for after in _computing(graph, budget, resident, node)
            )
            best = _least_each([*skipped.items(), *computed.items()])
    return min((cost for resident, cost in best.items() if graph.retained <= resident), default=None)


def unrestricted(graph: TrainingGraph, budget: int) -> int | None:
    """The least cost of any schedule that calls the nodes for the first time in the client's order."""
    queue: list[tuple[int, int, tuple[int, ...]]] = [(0, 0, ())]
    settled: set[tuple[int, Resident]] = set()
    while queue:
        cost, minus_stage, listed = heapq.heappop(queue)
        stage, resident = -minus_stage, frozenset(listed)
        if stage == len(graph.nodes) and graph.retained <= resident:
            return cost
        if (stage, resident) in settled:
            continue
        settled.add((stage, resident))
        for node in range(min(stage + 1, len(graph.nodes))):
            for after in _computing(graph, budget, resident, node):
                reached = stage + (node == stage)
                heapq.heappush(queue, (cost + graph.nodes[node].cost, -reached, tuple(sorted(after))))
    return None


def least_budget(graph: TrainingGraph) -> int:
    """The least bytes within which a schedule of the integer program's structure exists."""
    budget = graph.widest
    while staged(graph, budget) is None:
        budget += 1
    return budget


def _computing(graph: TrainingGraph, budget: int, resident: Resident, node: int) -> Iterator[Resident]:
    """What is in memory after a node has been computed, in every way that makes just enough room for it."""
    reads = frozenset(graph.nodes[node].reads)
    if node in resident or not reads <= resident:
        return
    room = budget - graph.fixed - graph.nodes[node].size - graph.bytes(reads)
    others = sorted(resident - reads)
    kept: list[Resident] = []
    for count in range(len(others), -1, -1):
        for chosen in map(frozenset, combinations(others, count)):
            if graph.bytes(chosen) <= room and not any(chosen <= larger for larger in kept):
                kept.append(chosen)
                yield reads | chosen | {node}


def _least_each(costs: "list[tuple[Resident, int]] | Iterator[tuple[Resident, int]]") -> dict[Resident, int]:
    least: dict[Resident, int] = {}
    for resident, cost in costs:
        least[resident] = min(cost, least.get(resident, cost))
    return least
