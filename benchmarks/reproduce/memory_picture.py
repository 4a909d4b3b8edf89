# SPDX-License-Identifier: Apache-2.0
"""Figure 5 (appendix A): what of a linear network is in memory as its training goes on, under h_e* and banishing."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dtr_reference.graphs.linear import linear
from dtr_reference.theory.checkpoints import gaps
from dtr_reference.theory.growth import root_budget
from dtr_reference.theory.lemmas import checkpoint_gap, forward_gap
from dtr_runtime.simulator import simulate
from dtr_spec.trace import Trace

from .grid import Grid
from .result import Finding, Result


def run(grid: Grid) -> Result:
    """N layers within 2 ceil(sqrt N) units."""
    layers, budget = grid.layers, root_budget(grid.layers)
    trace = simulate(linear(layers), budget, "h_estar", "banish").trace
    picture = resident(trace, layers)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture.T, aspect="auto", interpolation="nearest", cmap="Greys", origin="lower")
    axes.axvline(layers, color="C3", linewidth=0.8)
    axes.set_xlabel("operations (the line: the first gradient)")
    axes.set_ylabel("forward tensor")
    measured = gaps(trace, layers)
    data = {
        "layers": layers,
        "budget": budget,
        "operations": len(picture),
        "longest gap after the forward pass": measured.forward,
        "longest gap between checkpoints that survive": measured.surviving,
        "resident after each operation": [[int(i) for i in np.flatnonzero(row)] for row in picture],
    }
    findings = (
        Finding(
            "appendix A, lemma A.1",
            "after the forward pass what is in memory is evenly spread, with gaps of at most 2 (N - 2) / (B - 1)",
            measured.forward <= forward_gap(layers, budget),
            f"the longest gap is {measured.forward}, the bound {float(forward_gap(layers, budget)):.1f}",
        ),
        Finding(
            "appendix A, lemma A.1",
            "checkpoints with gaps of at most 4 (N - 2) / (B - 1) survive until they are released",
            measured.surviving <= checkpoint_gap(layers, budget),
            f"the longest gap is {measured.surviving}, the bound {float(checkpoint_gap(layers, budget)):.1f}",
        ),
    )
    return Result(
        "figure5", f"Memory of a linear network: N = {layers}, B = {budget} (figure 5)", data, findings, figure
    )


def resident(trace: Trace, layers: int) -> NDArray[np.bool_]:
    """After each operation, which forward tensors are in memory."""
    now = np.zeros(layers, dtype=bool)
    rows: list[NDArray[np.bool_]] = []
    for event in trace.events:
        if event.rule in ("bind", "evict", "collect") and event.subject < layers:
            now[event.subject] = event.rule == "bind"
        if event.rule == "commit":
            rows.append(now.copy())
    return np.array(rows)
