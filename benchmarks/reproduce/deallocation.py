# SPDX-License-Identifier: Apache-2.0
"""Figure 11 (appendix D.2): what happens when the client releases a tensor.

Under banishing the paper's simulator cannot keep its caches, so that this curve is of another heuristic than the other
two (``DTRUnopt``: e* by search, but staleness counted from the latest access in all of e*), in the paper and here.
"""

from dataclasses import asdict

from dtr_spec.simrd import Deallocation

from .drawing import legend, panels, slowdowns
from .grid import Grid
from .result import Finding, Result
from .simulation import Curve, Model, curve, least_ratio, overhead

POLICIES: dict[str, tuple[Deallocation, str]] = {
    "eager eviction": ("eager", "h_dtr"),
    "banishing": ("banish", "DTRUnopt"),
    "ignored": ("ignore", "h_dtr"),
}


def run(grid: Grid) -> Result:
    """h_DTR under the three policies."""
    curves = {
        model: {name: curve(model, h, grid.ratios, policy) for name, (policy, h) in POLICIES.items()}
        for model in grid.models
    }
    figure, axes = panels(grid.models)
    for model, chart in zip(grid.models, axes, strict=True):
        slowdowns(chart, model, curves[model])
    legend(figure, axes)
    data = [asdict(point) for of in curves.values() for points in of.values() for point in points]
    findings = (_banishing(curves), _ignoring(curves, grid))
    return Result("figure11", "Deallocation policies (figure 11)", data, findings, figure)


def _banishing(curves: dict[Model, dict[str, Curve]]) -> Finding:
    least = {model: {name: least_ratio(points) for name, points in of.items()} for model, of in curves.items()}
    lower = [model for model, of in least.items() if of["eager eviction"] < of["banishing"]]
    shown = "; ".join(f"{model} {of['eager eviction']:.2f} and {of['banishing']:.2f}" for model, of in least.items())
    return Finding(
        "appendix D.2",
        "on most models banishing does not reach the budgets of eager eviction",
        2 * len(lower) > len(least),
        f"least ratios under eager eviction and banishing: {shown}",
    )


def _ignoring(curves: dict[Model, dict[str, Curve]], grid: Grid) -> Finding:
    means = {name: sum(overhead(of[name], grid.ratios) for of in curves.values()) / len(curves) for name in POLICIES}
    return Finding(
        "appendix D.2",
        "both policies that heed releases rematerialize less than ignoring them",
        means["ignored"] > max(means["eager eviction"], means["banishing"]),
        "mean slowdowns, what did not finish counted as 2: "
        + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items()),
    )
