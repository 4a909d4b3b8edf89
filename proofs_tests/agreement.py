# SPDX-License-Identifier: Apache-2.0
"""One program on the reference and on the C++ simulator, each trace judged by the monitor."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from dtr_reference import run
from dtr_runtime.simulator import simulate
from dtr_spec import monitor
from dtr_spec.policy import Heuristic
from dtr_spec.program import Program
from dtr_spec.trace import Event

from .reference.audit import unlimited
from .reference.programs import random_program

DEALLOCATIONS = ("eager", "ignore", "banish")


@dataclass(frozen=True)
class Case:
    """A random program, known by its seed, and the budget in bytes to run it within."""

    seed: int
    budget: int

    @property
    def program(self) -> Program:
        """The program itself."""
        return random_program(self.seed)

    def __str__(self) -> str:
        return f"program {self.seed} within {self.budget} bytes"


def cases(count: int) -> Iterator[Case]:
    """Programs under pressure: each within a half and a quarter of the bytes that force nothing out."""
    for seed in range(count):
        plenty = unlimited(random_program(seed))
        yield from (Case(seed, plenty // divisor) for divisor in (2, 4))


def disagreement(case: Case, heuristic: str | Heuristic) -> str | None:
    """What is wrong, or None: a heuristic that fails, a trace refused, or decisions that differ."""
    for deallocation in DEALLOCATIONS:
        try:
            reference = run(case.program, case.budget, heuristic, deallocation).trace
            simulated = simulate(case.program, case.budget, heuristic, deallocation).trace
        except Exception as error:
            return f"{deallocation}: {described(error)}"
        for name, trace in (("reference", reference), ("simulator", simulated)):
            verdict = monitor.check(trace)
            if not verdict:
                return f"{deallocation}: the monitor refuses the {name}'s trace: {verdict.reason}"
        if difference := first_difference(reference.events, simulated.events):
            return f"{deallocation}: reference and simulator differ at {difference}"
    return None


def described(error: Exception) -> str:
    """An exception and the line that first raised it."""
    cause = error.__cause__ or error
    origin = traceback.extract_tb(cause.__traceback__)[-1]
    return f"{''.join(traceback.format_exception_only(error)).strip()} (raised at {origin.filename}:{origin.lineno})"


def first_difference(expected: tuple[Event, ...], found: tuple[Event, ...]) -> str | None:
    """Where two runs part, or None."""
    for index, (one, other) in enumerate(zip(expected, found, strict=False)):
        if one != other:
            return f"event {index}: {tuple(one)} against {tuple(other)}"
    if len(expected) != len(found):
        return f"event {min(len(expected), len(found))}: {len(expected)} events against {len(found)}"
    return None
