# SPDX-License-Identifier: Apache-2.0
"""How much is computed: everything, or a corner of it that is enough to see each figure."""

from dataclasses import dataclass

from ..workloads import WORKLOADS
from .simulation import Model, ours


@dataclass(frozen=True)
class Grid:
    """``ratios`` are budgets as shares of the peak without a limit."""

    models: tuple[Model, ...]
    ratios: tuple[float, ...]
    static_graphs: tuple[str, ...]
    static_shares: tuple[float, ...]
    """Budgets between the least feasible one (0) and the peak without rematerialization (1)."""
    solver_seconds: float
    largest_exponent: int
    """The deepest linear network of the asymptotics has 2 to that many layers."""
    layers: int
    """Of the linear network whose memory is drawn."""


FULL = Grid(
    tuple(ours(name) for name in WORKLOADS if name != "ResNet-1202"),
    tuple(percent / 100 for percent in range(100, 5, -10)),
    ("chain of 16", "VGG-16", "MobileNet", "U-Net", "ResNet"),
    (0.0, 0.25, 0.5, 1.0),
    20,
    16,
    200,
)
QUICK = Grid(
    (ours("ResNet-32"), ours("U-Net")),
    (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3),
    ("chain of 8",),
    (0.0, 0.5, 1.0),
    10,
    10,
    64,
)
