# SPDX-License-Identifier: Apache-2.0
"""Figure 11 (appendix D.2): what happens when the client releases a tensor.

Under banishing the paper's simulator cannot keep its caches, so that this curve is of another heuristic than the other
two (``DTRUnopt``: e* by search, but staleness counted from the latest access in all of e*), in the paper and here.
"""

from dataclasses import asdict
from statistics import mean

from dtr_spec.simrd import Deallocation

from .drawing import legend, panels, slowdowns
from .grid import Grid
from .result import Finding, Result
from .simulation import Curve, Model, both, curve, least_ratio

POLICIES: dict[str, tuple[Deallocation, str]] = {
    "eager eviction": ("eager", "h_dtr"),
    "banishing": ("banish", "DTRUnopt"),
    "ignored": ("ignore", "h_dtr"),
}
MOSTLY = 0.9


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
    findings = (_banishing(curves), *(_ignoring(curves, name) for name in ("eager eviction", "banishing")))
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


def _ignoring(curves: dict[Model, dict[str, Curve]], policy: str) -> Finding:
    pairs = [(heeded, ignored) for of in curves.values() for *_, heeded, ignored in both(of[policy], of["ignored"])]
    less = sum(heeded < ignored for heeded, ignored in pairs)
    return Finding(
        "appendix D.2",
        f"{policy} rematerializes noticeably less than ignoring releases",
        less >= MOSTLY * len(pairs),
        f"less at {less} of {len(pairs)} budgets at which both finish; there mean slowdowns are "
        f"{mean(heeded for heeded, _ in pairs):.3f} and {mean(ignored for _, ignored in pairs):.3f}",
    )
