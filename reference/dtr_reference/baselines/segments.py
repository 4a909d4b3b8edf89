# SPDX-License-Identifier: Apache-2.0
"""Plans by segments: the forward pass is cut at some nodes, and turned back one segment at a time.

While a segment's backward nodes run, all that they read of it is in memory, computed again at once if it was dropped
on the way forward, from the nearest boundary that is held. Chen et al. hold all boundaries before
the segment; treeverse holds a few, and others for every segment.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ..graphs import TrainingGraph
from .plan import Plan


def boundaries(graph: TrainingGraph) -> tuple[int, ...]:
    """The forward nodes at which a graph can be cut: no forward edge leads past them.

    Between one input and one output these are the articulation points. The last forward node is always one.
    """
    cuts: list[int] = []
    reach = 0
    """The last forward reader of any node up to here."""
    for node in graph.forward:
        if reach <= node:
            cuts.append(node)
        reach = max([reach, *(reader for reader in graph.readers[node] if graph.nodes[reader].forward is None)])
    return tuple(cuts)


@dataclass(frozen=True)
class Segments:
    """``cuts`` are the last nodes of the segments, in order; the last one is the last forward node.

    ``held[j]`` are the cuts, all before segment j, that are in memory while segment j is turned back.
    """

    graph: TrainingGraph
    cuts: tuple[int, ...]
    held: Sequence[frozenset[int]]

    def plan(self) -> Plan:
        """What stays after each stage."""
        return Plan(self.graph, tuple(self._kept(stage) for stage in range(len(self.graph.nodes))))

    def _kept(self, stage: int) -> frozenset[int]:
        pair = self.graph.nodes[stage].forward
        live = self.graph.live_after(stage)
        if pair is None:
            return self._forwards(stage, live)
        segment = self._segment(pair)
        held = self.held[segment]
        if self._is_last_turn(stage, segment):
            held &= self.held[segment - 1] if segment else frozenset()
        return held | frozenset(node for node in live if self._stays(node, segment))

    def _forwards(self, stage: int, live: frozenset[int]) -> frozenset[int]:
        """On the way forward: what is to be held, what a forward node still reads, and the last segment."""
        last = len(self.cuts) - 1
        ahead = {
            node
            for node in live
            if self._stays(node, last) or any(stage < reader < self._turn for reader in self.graph.readers[node])
        }
        return frozenset(ahead | {node for node in self.held[last] if node <= stage})

    def _stays(self, node: int, segment: int) -> bool:
        """Gradients and what is retained stay, the segment that is being turned back, and what it starts from."""
        if node in self.graph.retained or self.graph.nodes[node].forward is not None:
            return True
        return self._segment(node) == segment or (segment > 0 and node == self.cuts[segment - 1])

    def _segment(self, node: int) -> int:
        return bisect_left(self.cuts, node)

    @property
    def _turn(self) -> int:
        """The first backward node."""
        return self.graph.forward[-1] + 1

    def _is_last_turn(self, stage: int, segment: int) -> bool:
        """No backward node of the segment comes after this one."""
        later = (self.graph.nodes[node].forward for node in range(stage + 1, len(self.graph.nodes)))
        return not any(pair is not None and self._segment(pair) == segment for pair in later)
