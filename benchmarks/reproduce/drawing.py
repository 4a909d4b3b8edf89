# SPDX-License-Identifier: Apache-2.0
"""Panels of curves: slowdown against budget, as in the paper's figures 2 and 7 to 11."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .simulation import THRASHING, Curve, Model, floor

COLUMNS = 4
LABELS = {
    "h_dtr": "$h_{DTR}$",
    "h_dtr_eq": "$h_{DTR}^{eq}$",
    "h_dtr_local": "$h_{DTR}^{local}$",
    "h_msps": "$h_{MSPS}$",
    "h_lru": "$h_{LRU}$",
    "h_size": "$h_{size}$",
    "h_rand": "$h_{rand}$",
}


def panels(titles: Sequence[object]) -> tuple[Figure, list[Axes]]:
    """A figure with one small chart for each title."""
    columns = min(COLUMNS, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(3.2 * columns + 0.5, 2.6 * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(str(title), fontsize=9)
    for axes in grid[len(titles) :]:
        axes.remove()
    return figure, list(grid[: len(titles)])


def legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One for all panels, below them: their lines have the same names in the same order."""
    lines, names = max((chart.get_legend_handles_labels() for chart in axes), key=lambda found: len(found[1]))
    figure.legend(lines, names, loc="outside lower center", ncols=len(names), fontsize=8, frameon=False)


def slowdowns(axes: Axes, model: Model, curves: Mapping[str, Curve]) -> None:
    """One line for each name; it ends where runs no longer finish.

    As in the paper, the black area is what inputs and weights take, the gray one the operator that needs most.
    """
    least = floor(model)
    axes.axvspan(0, least.constants, color="0.1", linewidth=0)
    axes.axvspan(least.constants, least.constants + least.operator, color="0.8", linewidth=0)
    for name, points in curves.items():
        finished = [(point.ratio, point.slowdown) for point in points if point.slowdown is not None]
        axes.plot([x for x, _ in finished], [y for _, y in finished], marker=".", linewidth=1, label=name)
    axes.set_xlim(1.02, 0)
    axes.set_ylim(0.98, THRASHING)
    axes.set_xlabel("budget / peak without a limit", fontsize=8)
    axes.set_ylabel("slowdown", fontsize=8)
    axes.tick_params(labelsize=7)
