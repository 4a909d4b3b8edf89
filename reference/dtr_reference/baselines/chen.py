# SPDX-License-Identifier: Apache-2.0
"""Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost" (2016).

The forward pass keeps only checkpoints; the backward pass computes each segment between two of them again, once, and
turns it back. Checkpoints are boundaries of the graph, so graphs with skip connections are covered. The last segment is
not dropped, since it is turned back at once.
"""

from itertools import accumulate
from math import isqrt

from ..graphs import TrainingGraph
from .execution import Execution
from .plan import Plan
from .search import cheapest
from .segments import Segments, boundaries


def chen_sqrt(graph: TrainingGraph) -> Plan:
    """Of n boundaries, every floor(sqrt n)-th is a checkpoint: about sqrt n segments of about sqrt n."""
    cuts = boundaries(graph)
    length = isqrt(len(cuts))
    return _checkpointed(graph, cuts[length - 1 :: length])


def chen_greedy(graph: TrainingGraph, budget: int) -> Execution:
    """Algorithm 3: a segment ends at the first boundary at which its bytes exceed b; b is the best for the budget.

    Every b that leads to another choice of checkpoints is tried. Raises ``InfeasibleError`` if none fits.
    """
    choices = dict.fromkeys(_greedy_checkpoints(graph, limit) for limit in _limits(graph))
    return cheapest((_checkpointed(graph, checkpoints) for checkpoints in choices), budget)


def _greedy_checkpoints(graph: TrainingGraph, limit: int) -> tuple[int, ...]:
    cuts = frozenset(boundaries(graph))
    checkpoints: list[int] = []
    segment = 0
    for node in graph.forward:
        segment += graph.nodes[node].size
        if node in cuts and segment > limit:
            checkpoints.append(node)
            segment = 0
    return tuple(checkpoints)


def _limits(graph: TrainingGraph) -> list[int]:
    """The bytes between any two boundaries: at no other limit do the checkpoints change."""
    total = [0, *accumulate(graph.nodes[node].size for node in graph.forward)]
    ends = [0, *(graph.forward.index(cut) + 1 for cut in boundaries(graph))]
    return sorted({total[end] - total[start] for start in ends for end in ends if start <= end})


def _checkpointed(graph: TrainingGraph, checkpoints: tuple[int, ...]) -> Plan:
    last = graph.forward[-1]
    cuts = (*(node for node in checkpoints if node != last), last)
    return Segments(graph, cuts, [frozenset(cuts[:segment]) for segment in range(len(cuts))]).plan()
