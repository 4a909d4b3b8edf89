# SPDX-License-Identifier: Apache-2.0
"""Figure 12 (appendix D.3): how often heuristics look at metadata."""

from dataclasses import asdict
from itertools import pairwise
from statistics import median

from .drawing import LABELS, legend, panels
from .grid import Grid
from .result import Finding, Result
from .simulation import Curve, Model, both, curve

VARIANTS = ("h_dtr", "h_dtr_eq", "h_dtr_local")
TENFOLD = 10


def run(grid: Grid) -> Result:
    """The three variants of h_DTR, at every budget at which all of them finish."""
    curves = {model: {name: curve(model, name, grid.ratios) for name in VARIANTS} for model in grid.models}
    figure, axes = panels(grid.models)
    for model, chart in zip(grid.models, axes, strict=True):
        for name, points in curves[model].items():
            shown = [(point.ratio, point.accesses) for point in points if point.slowdown is not None and point.accesses]
            chart.plot([x for x, _ in shown], [y for _, y in shown], marker=".", linewidth=1, label=LABELS[name])
        chart.set_yscale("log")
        chart.set_xlim(1.02, 0)
        chart.tick_params(labelsize=7)
        chart.set_xlabel("budget / peak without a limit", fontsize=8)
        chart.set_ylabel("metadata accesses", fontsize=8)
    legend(figure, axes)
    data = [asdict(point) for of in curves.values() for points in of.values() for point in points]
    findings = tuple(_apart(curves, more, less) for more, less in pairwise(VARIANTS))
    return Result("figure12", "Metadata accesses (figure 12)", data, findings, figure)


def _apart(curves: dict[Model, dict[str, Curve]], more: str, less: str) -> Finding:
    ratios = [
        one.accesses / other.accesses
        for of in curves.values()
        for one, other, *_ in both(of[more], of[less])
        if one.accesses and other.accesses
    ]
    return Finding(
        "appendix D.3",
        f"{more} looks at metadata at least ten times as often as {less}, generally",
        median(ratios) >= TENFOLD,
        f"{min(ratios):.1f} to {max(ratios):.1f} times, {median(ratios):.1f} in the median of {len(ratios)} budgets",
    )
