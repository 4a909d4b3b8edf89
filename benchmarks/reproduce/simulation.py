# SPDX-License-Identifier: Apache-2.0
"""Models under budgets, as the paper simulated them: its simulator, our logs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from dtr_runtime.simrd import Simrd
from dtr_spec.copies import schedule
from dtr_spec.log import Call, Constant, Entry, Log, Mutate, Release, Result
from dtr_spec.program import Call as ProgramCall
from dtr_spec.program import Constant as ProgramConstant
from dtr_spec.program import Program
from dtr_spec.program import Release as ProgramRelease
from dtr_spec.simrd import Deallocation

from ..workloads import WORKLOADS

THRASHING = 2.0
"""The slowdown from which on the paper counts a run as thrashing."""


@dataclass(frozen=True)
class Point:
    """One run. ``ratio`` is its budget over the peak without a limit, ``slowdown`` its cost over the cost without one.

    A run that did not finish has no slowdown. ``accesses`` counts looks at metadata as the paper does.
    """

    model: str
    heuristic: str
    deallocation: str
    ratio: float
    status: str
    slowdown: float | None
    evaluations: int
    accesses: int


Curve = tuple[Point, ...]
"""The runs of one model under one heuristic, from the largest budget to the least."""


@cache
def simulator(model: str) -> Simrd:
    """The model's log, ready to be run."""
    return Simrd(schedule(prototype_log(WORKLOADS[model].log())))


@cache
def curve(model: str, heuristic: str, ratios: tuple[float, ...], deallocation: Deallocation = "eager") -> Curve:
    """Runs that thrash are stopped once they have rematerialized as much as one step costs."""
    return tuple(_point(model, heuristic, ratio, deallocation) for ratio in ratios)


def _point(model: str, heuristic: str, ratio: float, deallocation: Deallocation) -> Point:
    simrd = simulator(model)
    alone = simrd.baseline
    run = simrd.run(int(ratio * alone.peak), heuristic, deallocation, limit=alone.clock)
    slowdown = run.clock / alone.clock if run.status == "finished" else None
    return Point(model, heuristic, deallocation, ratio, run.status, slowdown, run.evaluations, run.accesses)


def least_ratio(points: Curve) -> float:
    """The least budget, as a ratio, down to which every larger one of the grid finished without thrashing."""
    least = 1.0
    for point in points:
        if point.slowdown is None or point.slowdown >= THRASHING:
            break
        least = point.ratio
    return least


def overhead(points: Curve, ratios: Iterable[float]) -> float:
    """The mean slowdown over some ratios; what did not finish counts as thrashing."""
    slowdowns = {point.ratio: THRASHING if point.slowdown is None else point.slowdown for point in points}
    chosen = [slowdowns[ratio] for ratio in ratios]
    return sum(chosen) / len(chosen)


def prototype_log(program: Program) -> Log:
    """A recorded program in the format of the paper's logs; handle h is named xh.

    A call that overwrites some of its inputs and also has results is logged as two, the second free of cost. One
    that does neither (a read, a view of a storage) is no operator to the paper's simulator, and is left out.
    """
    return Log(tuple(_entries(program)))


def _entries(program: Program) -> Iterator[Entry]:
    for command in program.commands:
        match command:
            case ProgramConstant(handle, size):
                yield Constant(_name(handle), size)
            case ProgramCall(op, inputs, outputs, mutates, cost):
                args = tuple(map(_name, inputs))
                if outputs:
                    yield Call(op, args, tuple(Result(_name(o.handle), o.size) for o in outputs), cost)
                if mutates:
                    yield Mutate(op, args, mutates, 0 if outputs else cost)
            case ProgramRelease(handle):
                yield Release(_name(handle))


def _name(handle: int) -> str:
    return f"x{handle}"
