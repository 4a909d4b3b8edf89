# SPDX-License-Identifier: Apache-2.0
"""What was found, for readers: tables (rich) and a plot (matplotlib), imported when they are asked for."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .sweep import Row


def console(width: int = 120) -> Any:
    """A rich console on the standard output, with ``width`` columns where no terminal says how many it has."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)


def slowdown(row: Row) -> float:
    """Time with rematerialization over time without."""
    return 1 + row["rematerialization_cost"] / max(row["baseline_cost"], 1)


def cell(row: Row | None) -> str:
    """One run in a few characters."""
    if row is None:
        return ""
    if row["status"] == "finished":
        return f"{slowdown(row):.3f}"
    return {"out_of_memory": "memory", "thrashed": "thrashes", "stopped": "stops"}[row["status"]]


def table(rows: Sequence[Row]) -> Any:
    """A rich table: a line per log and heuristic, a column per ratio, slowdowns where a run finished."""
    from rich.markup import escape
    from rich.table import Table

    shares = sorted({row["ratio"] for row in rows})
    found = {(row["log"], row["heuristic"], row["ratio"]): row for row in rows}
    drawn = Table("log", "heuristic", *(f"{ratio:g}" for ratio in shares), title="slowdown by share of the peak")
    for log, heuristic in dict.fromkeys((row["log"], row["heuristic"]) for row in _ordered(rows)):
        drawn.add_row(escape(log), heuristic, *(cell(found.get((log, heuristic, ratio))) for ratio in shares))
    return drawn


def plot(rows: Sequence[Row], path: Path) -> None:
    """Slowdown over the share of memory: a panel per log, a line per heuristic, only where runs finished."""
    from matplotlib.figure import Figure

    logs = list(dict.fromkeys(row["log"] for row in _ordered(rows)))
    figure = Figure(figsize=(5 * len(logs), 4), layout="constrained")
    for number, log in enumerate(logs, start=1):
        axes = figure.add_subplot(1, len(logs), number, title=log[:40], xlabel="budget / peak", ylabel="slowdown")
        for heuristic in dict.fromkeys(row["heuristic"] for row in _ordered(rows)):
            mine = [row for row in _ordered(rows) if (row["log"], row["heuristic"]) == (log, heuristic)]
            done = [row for row in mine if row["status"] == "finished"]
            axes.plot([row["ratio"] for row in done], list(map(slowdown, done)), marker="o", label=heuristic)
        axes.legend()
    figure.savefig(path)


def _ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["log"], row["heuristic"], row["ratio"]))
