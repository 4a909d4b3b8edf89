# SPDX-License-Identifier: Apache-2.0
"""Figure 2: slowdown against budget, for each model and heuristic."""

from dataclasses import asdict

from .drawing import LABELS, legend, panels, slowdowns
from .grid import Grid
from .result import Finding, Result
from .simulation import THRASHING, Curve, Model, both, curve, least_ratio

CHAINS = ("h_dtr", "h_dtr_eq", "h_msps")
"""Heuristics that know about chains of rematerializations."""
OTHERS = ("h_dtr_local", "h_lru", "h_size", "h_rand")
CLOSE = 0.05
SAVING = 0.7


def run(grid: Grid) -> Result:
    """All heuristics of section 4.1."""
    curves = {model: {name: curve(model, name, grid.ratios) for name in (*CHAINS, *OTHERS)} for model in grid.models}
    figure, axes = panels(grid.models)
    for model, chart in zip(grid.models, axes, strict=True):
        slowdowns(chart, model, {LABELS[name]: points for name, points in curves[model].items()})
    legend(figure, axes)
    data = [asdict(point) for of in curves.values() for points in of.values() for point in points]
    findings = (_chains(curves), _each(curves), _approximation(curves), _even_lru(curves))
    return Result("figure2", "Heuristics: slowdown against budget (figure 2)", data, findings, figure)


def _chains(curves: dict[Model, dict[str, Curve]]) -> Finding:
    below = {
        model: (min(least_ratio(of[name]) for name in CHAINS), min(least_ratio(of[name]) for name in OTHERS))
        for model, of in curves.items()
    }
    lower = [model for model, (chains, others) in below.items() if chains < others]
    shown = "; ".join(f"{model} {chains:.2f} against {others:.2f}" for model, (chains, others) in below.items())
    return Finding(
        "section 4.2",
        "heuristics that know more about chains reach lower budgets than those that know less, on every model",
        len(lower) == len(below),
        f"on {len(lower)} of {len(below)}; least ratios before thrashing, best with against best without: {shown}",
    )


def _each(curves: dict[Model, dict[str, Curve]]) -> Finding:
    beaten = [
        f"{model} {knowing} {least_ratio(of[knowing]):.2f} against {other} {least_ratio(of[other]):.2f}"
        for model, of in curves.items()
        for knowing in CHAINS
        for other in OTHERS
        if least_ratio(of[knowing]) > least_ratio(of[other])
    ]
    return Finding(
        "section 4.2",
        "taken one by one, none of h_DTR, h_DTR^eq and h_MSPS stops at a higher budget than one that knows less",
        not beaten,
        f"exceptions: {'; '.join(beaten) or 'none'}",
    )


def _approximation(curves: dict[Model, dict[str, Curve]]) -> Finding:
    gaps = [
        (abs(exact - approximate), point.model, point.ratio)
        for of in curves.values()
        for point, _, exact, approximate in both(of["h_dtr"], of["h_dtr_eq"])
    ]
    largest, model, ratio = max(gaps)
    close = sum(gap <= CLOSE for gap, _, _ in gaps)
    return Finding(
        "section 4.2",
        "h_DTR^eq closely matches h_DTR",
        close >= 0.9 * len(gaps),
        f"of {len(gaps)} budgets at which both finish, slowdowns differ by at most {CLOSE} at {close}; "
        f"the largest difference is {largest:.2f} ({model} at {ratio:.2f})",
    )


def _even_lru(curves: dict[Model, dict[str, Curve]]) -> Finding:
    trained = [model.name for model, of in curves.items() if least_ratio(of["h_lru"]) <= SAVING]
    return Finding(
        "section 4.2",
        "even h_LRU typically trains with 30% less memory",
        2 * len(trained) > len(curves),
        f"at ratio {SAVING} without a slowdown of {THRASHING:g} on {len(trained)} of {len(curves)} models"
        f" ({', '.join(trained) or 'none'})",
    )
