# SPDX-License-Identifier: Apache-2.0
"""Reverse-mode differentiation of a forward graph: every layer gets one backward node, in reverse order.

The backward node of a layer (its vector-Jacobian product) reads the gradients that the backward nodes of the
layer's readers computed, and of the forward pass what the layer saves for it. Its result is the gradients of all of the
layer's inputs, as one buffer. Gradients of parameters are among the graph's fixed bytes.
"""

from dataclasses import dataclass
from typing import Literal

from .training_graph import Node, TrainingGraph

Saved = Literal["nothing", "inputs", "output", "both"]
"""What a layer's backward node reads of the forward pass."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One forward operator; bytes and clock units as in ``Node``.

    ``gradient_size`` is the bytes of the gradients of its inputs, ``backward_cost`` the cost of computing them.
    """

    name: str
    size: int
    cost: int
    reads: tuple[int, ...]
    saves: Saved
    gradient_size: int
    backward_cost: int


class ForwardGraph:
    """A forward graph under construction; nodes are named by their index."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []

    def layer(
        self,
        name: str,
        size: int,
        cost: int,
        *reads: int,
        saves: Saved = "inputs",
        gradient_size: int | None = None,
        backward_cost: int | None = None,
    ) -> int:
        """A further layer; returns its index.

        By default the gradients are as large as the inputs, and cost as much as the layer.
        """
        gradients = sum(self.layers[read].size for read in reads) if gradient_size is None else gradient_size
        backward = cost if backward_cost is None else backward_cost
        self.layers.append(Layer(name, size, cost, reads, saves, gradients, backward))
        return len(self.layers) - 1

    def training_graph(self, fixed: int = 0) -> TrainingGraph:
        """The forward nodes, then their backward nodes in reverse order. Raises ``GraphError`` as that class does."""
        layers = self.layers
        readers: list[list[int]] = [[] for _ in layers]
        for index, layer in enumerate(layers):
            for read in layer.reads:
                readers[read].append(index)
        nodes = [Node(layer.name, layer.size, layer.cost, layer.reads) for layer in layers]
        for index in reversed(range(len(layers))):
            layer = layers[index]
            saved = layer.reads if layer.saves in ("inputs", "both") else ()
            saved += (index,) if layer.saves in ("output", "both") else ()
            gradients = tuple(2 * len(layers) - 1 - reader for reader in reversed(readers[index]))
            nodes.append(Node(f"{layer.name}'", layer.gradient_size, layer.backward_cost, saved + gradients, index))
        return TrainingGraph(tuple(nodes), fixed)
