# SPDX-License-Identifier: Apache-2.0
"""Timing in turn, medians, and the file that a result goes to."""

import gc
import json
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.table import Table

from dtr_spec.report import console

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Sample:
    """Seconds, one for each round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.seconds)

    def less(self, other: "Sample") -> "Sample":
        """How much more than the other in the same round."""
        return Sample(tuple(mine - theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True)))

    def ratio(self, other: "Sample") -> float:
        """The median over the rounds of this one's seconds over the other's in the same round."""
        return median(mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True))


def in_turn(
    machines: Mapping[str, tuple[Callable[[], AbstractContextManager[Any]], Callable[[], Any]]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Sample]:
    """Each round runs each machine's work once, inside its context; only the work is timed, in the clock's seconds.

    Each round begins with another machine, so that none always finds the caches as the same one has left them. The
    first round warms up and is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in machines}
    order = deque(machines.items())
    with collected_by_hand():
        for _ in range(rounds + 1):
            order.rotate()
            for name, (machine, work) in order:
                with machine():
                    gc.collect()
                    start = clock()
                    work()
                    times[name].append(clock() - start)
    return {name: Sample(tuple(seconds[1:])) for name, seconds in times.items()}


@contextmanager
def collected_by_hand() -> Iterator[None]:
    """No garbage is collected unasked, at the cost of whoever is timed; and to collect it leaves no cold caches behind.

    For that, what is there already is not looked through each time.
    """
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def publish(name: str, table: Table, results: list[dict[str, Any]]) -> None:
    """Print the table and write ``results/NAME.json`` with what it was measured on."""
    console().print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(measured(results=results), indent=1) + "\n")


def measured(**found: Any) -> dict[str, Any]:
    """What was found, with what it was measured on."""
    where = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "unset"),
    }
    return {"measured_on": where, **found}
