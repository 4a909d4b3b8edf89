# SPDX-License-Identifier: Apache-2.0
"""Panels of curves: slowdown against budget, as in the paper's figures 2 and 7 to 11."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .simulation import THRASHING, Curve

COLUMNS = 4


def panels(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A figure with one small chart for each title."""
    columns = min(COLUMNS, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(3.2 * columns + 0.5, 2.6 * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title, fontsize=9)
    for axes in grid[len(titles) :]:
        axes.remove()
    return figure, list(grid[: len(titles)])


def slowdowns(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """One line for each name; it ends where runs no longer finish."""
    for name, points in curves.items():
        finished = [(point.ratio, point.slowdown) for point in points if point.slowdown is not None]
        axes.plot([x for x, _ in finished], [y for _, y in finished], marker=".", linewidth=1, label=name)
    axes.set_xlim(1.02, 0)
    axes.set_ylim(0.98, THRASHING)
    axes.set_xlabel("budget / peak without a limit", fontsize=8)
    axes.set_ylabel("slowdown", fontsize=8)
    axes.tick_params(labelsize=7)
