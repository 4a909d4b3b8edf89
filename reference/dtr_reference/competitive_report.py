# SPDX-License-Identifier: Apache-2.0
"""Measured competitive ratios as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from dtr_spec.program import Call, Command, Constant, Program, Release
from dtr_spec.trace import Trace

from .competitive import Instance, Record


def table(records: Sequence[Record]) -> Table:
    """A row a heuristic, with the instance at which it is worst."""
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column("heuristic", no_wrap=True)
    for column in ("instances", "out of\nmemory", "optimal", "mean\nratio", "worst\nratio"):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("worst at", overflow="fold")
    for record in records:
        counts = (f"{record.instances:,}", f"{record.failed:,}", f"{record.optimal:,}")
        ratios = (f"{float(record.mean):.3f}", f"{float(record.worst):.3f}")
        # A user's heuristic is named by its file, whose folders would leave no room for the rest.
        shown.add_row(Path(record.heuristic).name, *counts, *ratios, described(record.witness))
    return shown


def described(instance: Instance) -> str:
    """A program and a budget on one line."""
    commands = "; ".join(filter(None, map(_described, instance.program.commands)))
    return f"{instance.budget} B: {commands}"


def _described(command: Command) -> str:
    """Releases are left out: they follow the last use."""
    match command:
        case Constant(handle, size):
            return f"{handle} constant of {size} B"
        case Call(outputs=()):
            return f"read {_listed(command.inputs)}"
        case Call():
            made = ", ".join(f"{output.handle} of {output.size} B" for output in command.outputs)
            return f"{made} from {_listed(command.inputs)} at cost {command.cost}"
        case Release():
            return ""
    return type(command).__name__.lower() + f" {command.handle}"


def _listed(handles: tuple[int, ...]) -> str:
    return ", ".join(map(str, handles))


def report(family: str, records: Sequence[Record]) -> dict[str, Any]:
    """The records as JSON values; ratios as exact quotients and as floats."""
    return {"family": family, "heuristics": [_values(record) for record in records]}


def _values(record: Record) -> dict[str, Any]:
    return {
        "heuristic": record.heuristic,
        "instances": record.instances,
        "out_of_memory": record.failed,
        "optimal": record.optimal,
        "mean": {"exact": str(record.mean), "float": float(record.mean)},
        "worst": {"exact": str(record.worst), "float": float(record.worst), "at": _instance(record.witness)},
        "first_out_of_memory": None if record.failure is None else _instance(record.failure),
    }


def _instance(instance: Instance) -> dict[str, Any]:
    return {"budget": instance.budget, "least_cost": instance.least, "program": commands(instance.program)}


def commands(program: Program) -> list[Any]:
    """The commands as in a trace file."""
    lines = Trace(program, 0, ()).lines()
    next(lines)
    return [json.loads(line) for line in lines]
