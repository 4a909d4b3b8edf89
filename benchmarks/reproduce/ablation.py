# SPDX-License-Identifier: Apache-2.0
"""Figures 7 to 10 (appendix D.1): h_DTR without its cost, its size, its staleness."""

from dataclasses import asdict
from itertools import product

from .drawing import legend, panels, slowdowns
from .grid import Grid
from .result import Finding, Result
from .simulation import Curve, Model, curve, overhead

COSTS = {"e*": "E", "classes": "Eq", "local": "Local", "no cost": ""}
STATIC, DYNAMIC = ("DenseNet", "ResNet", "U-Net"), ("LSTM", "TreeLSTM", "Unrolled GAN")
"""As the paper divides models."""
BOTH = "SizeStale"
REST = {BOTH: "size, staleness", "Size": "size", "Stale": "staleness", "": "neither"}


def heuristic(cost: str, rest: str) -> str:
    """The simulator's name of an ablation; without anything it chooses at random."""
    return f"Ab{COSTS[cost]}{rest}" if COSTS[cost] or rest else "AbRandom"


def run(grid: Grid) -> Result:
    """Every combination of cost, size and staleness."""
    curves = {
        (model, cost, rest): curve(model, heuristic(cost, rest), grid.ratios)
        for model, cost, rest in product(grid.models, COSTS, REST)
    }
    figure, axes = panels([f"{model}: {cost}" for model in grid.models for cost in COSTS])
    for (model, cost), chart in zip(product(grid.models, COSTS), axes, strict=True):
        slowdowns(chart, model, {name: curves[model, cost, rest] for rest, name in REST.items()})
    legend(figure, axes)
    mean = {
        (cost, rest): sum(overhead(curves[model, cost, rest], grid.ratios) for model in grid.models) / len(grid.models)
        for cost, rest in product(COSTS, REST)
    }
    data = [asdict(point) for points in curves.values() for point in points]
    return Result(
        "ablation",
        "Ablation of h_DTR (figures 7 to 10)",
        data,
        (_complete(mean), _classes(mean), _rest(mean), _by_kind(curves, grid.ratios)),
        figure,
    )


Mean = dict[tuple[str, str], float]
"""Mean slowdown over models and ratios by what is kept; a run that did not finish counts as thrashing."""


def _complete(mean: Mean) -> Finding:
    ranked = sorted(mean, key=lambda kept: mean[kept])
    best = [f"{cost}, {REST[rest]} ({mean[cost, rest]:.3f})" for cost, rest in ranked[:3]]
    return Finding(
        "appendix D.1",
        "the best heuristics keep cost, size and staleness",
        ranked[0][1] == BOTH and ranked[0][0] != "no cost",
        f"least mean slowdowns: {'; '.join(best)}",
    )


def _classes(mean: Mean) -> Finding:
    exact, classes = mean["e*", BOTH], mean["classes", BOTH]
    return Finding(
        "appendix D.1",
        "the cost by equivalence classes performs comparably to the exact one",
        abs(exact - classes) <= 0.05,
        f"mean slowdowns {classes:.3f} and {exact:.3f}",
    )


def _rest(mean: Mean) -> Finding:
    worst = min(mean["e*", rest] for rest in REST if rest != BOTH)
    return Finding(
        "appendix D.1",
        "staleness and size are required for acceptable overhead",
        mean["e*", BOTH] < worst,
        f"with the exact cost, mean slowdown {mean['e*', BOTH]:.3f} with both and "
        + ", ".join(f"{mean['e*', rest]:.3f} with {name}" for rest, name in REST.items() if rest != BOTH),
    )


def _by_kind(curves: dict[tuple[Model, str, str], Curve], ratios: tuple[float, ...]) -> Finding:
    found = {
        model.name: (overhead(curves[model, "e*", "Size"], ratios), overhead(curves[model, "e*", "Stale"], ratios))
        for model in dict.fromkeys(model for model, *_ in curves)
    }
    static = {name: pair for name, pair in found.items() if name.startswith(STATIC)}
    dynamic = {name: pair for name, pair in found.items() if name.startswith(DYNAMIC)}
    return Finding(
        "appendix D.1",
        "with the exact cost, size alone is better than staleness alone on static models (DenseNet, ResNet, U-Net), "
        "and worse on dynamic ones",
        all(size < stale for size, stale in static.values()) and all(size > stale for size, stale in dynamic.values()),
        "mean slowdowns with size and with staleness: "
        + "; ".join(f"{name} {size:.3f} and {stale:.3f}" for name, (size, stale) in (static | dynamic).items()),
    )
