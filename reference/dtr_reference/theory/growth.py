# SPDX-License-Identifier: Apache-2.0
"""How much is replayed as the linear network grows, under budgets that are functions of its depth."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, isqrt, log2

import numpy as np

from . import stack

Budget = Callable[[int], int]
"""The budget in units for N layers."""

Replays = Callable[[int, int], int]
"""How many calls a run of the network of N layers replays within B units."""


@dataclass(frozen=True)
class Point:
    """One run: N layers, a budget of B units, and how many calls were replayed."""

    layers: int
    budget: int
    replays: int

    @property
    def operations(self) -> int:
        """All calls: the network's 2 N and the replays."""
        return 2 * self.layers + self.replays


def root_budget(layers: int) -> int:
    """2 ceil(sqrt N), theorem 3.1's order of memory and figure 5's budget."""
    return 2 * (isqrt(layers - 1) + 1)


def logarithmic_budget(factor: int) -> Budget:
    """c ceil(log2 N): what Chen et al. (2016) need for O(N log N) operations, by recursion on a known graph."""
    return lambda layers: factor * ceil(log2(layers))


def powers_of_two(first: int, last: int) -> list[int]:
    """2^first .. 2^last."""
    return [2**exponent for exponent in range(first, last + 1)]


def replays_of_stack(layers: int, budget: int) -> int:
    """The count of the fast model."""
    return stack.run(layers, budget).replays


def series(layers: Iterable[int], budget: Budget, replays: Replays = replays_of_stack) -> list[Point]:
    """One run for each number of layers."""
    return [Point(n, budget(n), replays(n, budget(n))) for n in layers]


def exponent(points: list[Point]) -> float:
    """The e of the power law replays ~ N^e that fits best, by least squares of the logarithms.

    Raises ``ValueError`` unless there are two points, and all with replays.
    """
    if len(points) < 2 or not all(point.replays for point in points):
        raise ValueError("a power law needs two points, and replays at each")
    depths, counts = [log2(point.layers) for point in points], [log2(point.replays) for point in points]
    return float(np.polyfit(depths, counts, 1)[0])


def per_layer(point: Point) -> float:
    """Replays per layer: bounded if and only if the work is O(N)."""
    return point.replays / point.layers


def per_layer_and_level(point: Point) -> float:
    """Replays per N log2 N: bounded if and only if the work is O(N log N)."""
    return point.replays / (point.layers * log2(point.layers))
