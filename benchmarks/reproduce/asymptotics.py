# SPDX-License-Identifier: Apache-2.0
"""Theorem 3.1: a linear network of N layers is trained within 2 ceil(sqrt N) units in O(N) operations."""

from dataclasses import asdict

from matplotlib.figure import Figure

from dtr_reference.theory.growth import powers_of_two, root_budget, series

from .grid import Grid
from .result import Finding, Result

LAYERWISE = 4
"""The constant: operations a layer, of which two are the network's own."""


def run(grid: Grid) -> Result:
    """Operations per layer as N doubles."""
    points = series(powers_of_two(4, grid.largest_exponent), root_budget)
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([point.layers for point in points], [point.operations / point.layers for point in points], marker=".")
    axes.set_xscale("log", base=2)
    axes.set_ylim(0)
    axes.set_xlabel("layers N")
    axes.set_ylabel("operations / N, within 2 ceil(sqrt N)")
    most = max(point.operations / point.layers for point in points)
    finding = Finding(
        "theorem 3.1",
        "O(N) operations within O(sqrt N) memory",
        most <= LAYERWISE,
        f"at worst {most:.2f} operations a layer, up to N = {points[-1].layers}; the constant asked for is {LAYERWISE}",
    )
    data = [asdict(point) | {"operations": point.operations} for point in points]
    return Result("theorem3_1", "Operations of a linear network (theorem 3.1)", data, (finding,), figure)
