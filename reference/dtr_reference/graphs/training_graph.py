# SPDX-License-Identifier: Apache-2.0
"""Training graphs: one step of training as a static graph whose backward nodes know their forward nodes.

Static schemes plan on such a graph before anything runs; DTR sees only the program that it stands for, in which
every node is a call, issued in the order of the nodes.
"""

from dataclasses import dataclass
from functools import cached_property

from dtr_spec.program import Call, Command, Constant, Fresh, Pin, Program, Release


class GraphError(ValueError):
    """A malformed graph; the message names the node."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: ``size`` is the bytes of its result, ``cost`` is in clock units.

    ``reads`` are the nodes whose results it reads. ``forward`` is the forward node to which a backward node
    belongs, None for a forward node.
    """

    name: str
    size: int
    cost: int
    reads: tuple[int, ...] = ()
    forward: int | None = None


@dataclass(frozen=True)
class TrainingGraph:
    """Nodes in the order in which they run.

    ``fixed`` is the bytes that are in memory throughout: parameters, their gradients, the batch. ``retained`` are
    the nodes whose results must be in memory at the end. Raises ``GraphError`` if a node reads itself or a later
    one, belongs to a node that is not an earlier forward node, reads one twice, or has a negative size or cost.
    """

    nodes: tuple[Node, ...]
    fixed: int = 0
    retained: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.fixed < 0:
            raise GraphError("the fixed bytes cannot be negative")
        if any(not 0 <= index < len(self.nodes) for index in self.retained):
            raise GraphError(f"retains {sorted(self.retained)}, but has {len(self.nodes)} nodes")
        for index, node in enumerate(self.nodes):
            if why := self._wrong(index, node):
                raise GraphError(f"node {index} ({node.name}): {why}")

    def _wrong(self, index: int, node: Node) -> str | None:
        if any(not 0 <= read < index for read in node.reads):
            return f"reads {node.reads}; only earlier nodes can be read"
        if len(set(node.reads)) < len(node.reads):
            return f"reads {node.reads}; name each once"
        if node.size < 0 or node.cost < 0:
            return "neither size nor cost can be negative"
        if node.forward is not None and not (0 <= node.forward < index and self.nodes[node.forward].forward is None):
            return f"belongs to node {node.forward}, which is not an earlier forward node"
        return None

    @cached_property
    def forward(self) -> tuple[int, ...]:
        """The forward nodes, in order."""
        return tuple(index for index, node in enumerate(self.nodes) if node.forward is None)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes that read it, in order."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for index, node in enumerate(self.nodes):
            for read in node.reads:
                readers[read].append(index)
        return tuple(map(tuple, readers))

    @cached_property
    def cost(self) -> int:
        """Clock units of one step in which nothing is recomputed."""
        return sum(node.cost for node in self.nodes)

    @cached_property
    def widest(self) -> int:
        """The fixed bytes, and the most that one node needs at once: its result and what it reads."""
        needs = (node.size + self.bytes(node.reads) for node in self.nodes)
        return self.fixed + max(needs, default=0)

    def bytes(self, nodes: tuple[int, ...] | frozenset[int]) -> int:
        """Bytes of the results of some nodes."""
        return sum(self.nodes[node].size for node in nodes)

    def live_after(self, stage: int) -> frozenset[int]:
        """The nodes up to ``stage`` that a later node reads, or that are retained."""
        return frozenset(
            node
            for node in range(stage + 1)
            if node in self.retained or (self.readers[node] and self.readers[node][-1] > stage)
        )

    def program(self) -> Program:
        """The client's commands: a constant for the fixed bytes, a call for every node, releases after last reads.

        Handle 0 is the constant, which nodes without other inputs read; handle 1 + i is node i's result. What is
        retained is pinned at the end.
        """
        commands: list[Command] = [Constant(0, self.fixed)]
        for index, node in enumerate(self.nodes):
            inputs = tuple(1 + read for read in node.reads) or (0,)
            profile = (node.size,) if node.size else ()
            commands.append(Call(node.name, inputs, (Fresh(1 + index, node.size),), (), node.cost, profile))
            done = {index, *node.reads} - self.live_after(index)
            commands += [Release(1 + node) for node in sorted(done)]
        commands += [Pin(1 + index) for index in sorted(self.retained)]
        return Program(tuple(commands))
