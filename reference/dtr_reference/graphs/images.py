# SPDX-License-Identifier: Apache-2.0
"""Layers on batches of images in single precision, with their bytes and their work.

A clock unit is 64 bytes read or written, or 64 multiplications, as in the runtime's logical clock; a matrix product's
backward costs twice its forward. A convolution stands for itself, its normalization and its
activation, as in a graph of a framework's layers; its backward node reads its input and its output.
"""

from dataclasses import dataclass
from math import prod

from .differentiation import ForwardGraph, Saved
from .training_graph import TrainingGraph

UNIT = 64
ELEMENT = 4
"""Bytes of a number."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A layer's result: its node, or None for the batch itself, and the shape of one example."""

    node: int | None
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """The first of the shape's axes."""
        return self.shape[0]


class Layers:
    """A network under construction on ``batch`` examples."""

    def __init__(self, batch: int, shape: tuple[int, ...]) -> None:
        self.graph = ForwardGraph()
        self.batch = batch
        self.input = Feature(None, shape)
        self.parameters = 0

    def training_graph(self) -> TrainingGraph:
        """Its fixed bytes are those of the parameters, of their gradients and of the batch."""
        return self.graph.training_graph(ELEMENT * 2 * self.parameters + self.bytes(self.input.shape))

    def bytes(self, shape: tuple[int, ...]) -> int:
        """Bytes of a batch of that shape."""
        return ELEMENT * self.batch * prod(shape)

    def convolution(self, x: Feature, channels: int, *, kernel: int = 3, stride: int = 1, groups: int = 1) -> Feature:
        """With padding that keeps the size, up to the stride."""
        height, width = (-(-side // stride) for side in x.shape[1:])
        weights = channels * (x.channels // groups) * kernel * kernel
        return self.add(
            "conv", (channels, height, width), x, saves="both", weights=weights, work=weights * height * width
        )

    def enlargement(self, x: Feature, channels: int) -> Feature:
        """A transposed convolution, 2x2, of stride 2."""
        height, width = (2 * side for side in x.shape[1:])
        weights = x.channels * channels * 4
        return self.add("up", (channels, height, width), x, weights=weights, work=weights * height * width // 4)

    def pooling(self, x: Feature) -> Feature:
        """The maximum of 2x2 positions."""
        return self.add("pool", (x.channels, x.shape[1] // 2, x.shape[2] // 2), x)

    def average(self, x: Feature) -> Feature:
        """Over all positions; its backward reads nothing of the forward pass."""
        return self.add("mean", (x.channels,), x, saves="nothing")

    def sum(self, x: Feature, y: Feature) -> Feature:
        """Of two features of one shape; both inputs have the same gradient, which is stored once."""
        return self.add("add", x.shape, x, y, saves="nothing", gradient_size=self.bytes(x.shape))

    def concatenation(self, x: Feature, y: Feature) -> Feature:
        """Along the channels."""
        return self.add("cat", (x.channels + y.channels, *x.shape[1:]), x, y, saves="nothing")

    def dense(self, x: Feature, width: int, saves: Saved = "inputs") -> Feature:
        """A linear map of all of an example's numbers."""
        weights = width * prod(x.shape)
        return self.add("dense", (width,), x, saves=saves, weights=weights, work=weights)

    def loss(self, x: Feature) -> Feature:
        """A number for every example."""
        return self.add("loss", (1,), x)

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        *inputs: Feature,
        saves: Saved = "inputs",
        weights: int = 0,
        work: int = 0,
        gradient_size: int | None = None,
    ) -> Feature:
        """A layer with a number of weights and of multiplications an example."""
        self.parameters += weights
        moved = self.bytes(shape) + sum(self.bytes(x.shape) for x in inputs) + ELEMENT * weights
        products = self.batch * work
        node = self.graph.layer(
            name,
            self.bytes(shape),
            max(1, (moved + products) // UNIT),
            *(x.node for x in inputs if x.node is not None),
            saves=saves,
            gradient_size=gradient_size,
            backward_cost=max(1, (moved + 2 * products) // UNIT),
        )
        return Feature(node, shape)
