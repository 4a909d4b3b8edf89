# SPDX-License-Identifier: Apache-2.0
"""Models under budgets, as the paper simulated them: its simulator, on our logs or on the published ones."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from dtr_runtime.simrd import Simrd
from dtr_spec.copies import Schedule, schedule
from dtr_spec.log import START, Annotation, Call, Constant, Entry, Log, Mutate, Release, Result
from dtr_spec.program import Call as ProgramCall
from dtr_spec.program import Constant as ProgramConstant
from dtr_spec.program import Program
from dtr_spec.program import Release as ProgramRelease
from dtr_spec.simrd import HEURISTICS, Deallocation

from ..workloads import WORKLOADS, Workload

THRASHING = 2.0
"""The slowdown from which on the paper counts a run as thrashing."""


@dataclass(frozen=True)
class Model:
    """A model's name, and where its log is from."""

    name: str
    log: Callable[[], Log]

    def __str__(self) -> str:
        return self.name


def ours(name: str) -> Model:
    """One of ``workloads.py``."""
    return Model(name, partial(_recorded, WORKLOADS[name]))


def _recorded(workload: Workload) -> Log:
    return prototype_log(workload.log())


def published(archive: Path) -> tuple[Model, ...]:
    """The logs of the paper's ``logs.zip``, as its manifest names them."""
    with zipfile.ZipFile(archive) as file:
        manifest = json.loads(file.read("logs/manifest.json"))
    return tuple(Model(entry["name"], partial(_read, archive, entry["log"])) for entry in manifest["models"])


def _read(archive: Path, name: str) -> Log:
    with zipfile.ZipFile(archive) as file:
        return Log.parse(io.StringIO(file.read(name).decode()), name)


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
"""The runs of one model under one heuristic, from the largest budget on, to the first that did not finish."""


@cache
def steps(model: Model) -> Schedule:
    """What the model's client does."""
    return schedule(model.log())


@cache
def simulator(model: Model) -> Simrd:
    """The model's log, ready to be run."""
    return Simrd(steps(model))


@dataclass(frozen=True)
class Floor:
    """What no budget can go below, as shares of the peak: constants, and beyond them what one operator needs most."""

    constants: float
    operator: float


def floor(model: Model) -> Floor:
    """As the paper's simulator counts it: an operator needs its results and what it reads of others' results."""
    of = steps(model)
    peak = simulator(model).baseline.peak
    constant = [not of.operators[maker].name for maker in of.operator_of]
    needed = (
        operator.size + sum(of.size(tensor) for tensor in operator.inputs if not constant[tensor])
        for operator in of.operators
        if operator.name
    )
    constants = sum(operator.size for operator in of.operators if not operator.name)
    return Floor(constants / peak, max(needed) / peak)


def curve(model: Model, heuristic: str, ratios: tuple[float, ...], deallocation: Deallocation = "eager") -> Curve:
    """Runs that thrash are stopped once they have rematerialized as much as one step costs.

    Below the first budget at which a run does not finish nothing is run: such runs are the slowest of all (minutes),
    and a curve has no points there.
    """
    names = (name for name, known in HEURISTICS.items() if known == HEURISTICS[heuristic])
    return _curve(model, next(names), ratios, deallocation)


@cache
def _curve(model: Model, heuristic: str, ratios: tuple[float, ...], deallocation: Deallocation) -> Curve:
    points: list[Point] = []
    for ratio in ratios:
        points.append(_point(model, heuristic, ratio, deallocation))
        if points[-1].slowdown is None:
            break
    return tuple(points)


def both(one: Curve, other: Curve) -> Iterator[tuple[Point, Point, float, float]]:
    """Where both finished: the points, and their slowdowns."""
    for mine, theirs in zip(one, other, strict=False):
        if mine.slowdown is not None and theirs.slowdown is not None:
            yield mine, theirs, mine.slowdown, theirs.slowdown


def _point(model: Model, heuristic: str, ratio: float, deallocation: Deallocation) -> Point:
    simrd = simulator(model)
    alone = simrd.baseline
    run = simrd.run(int(ratio * alone.peak), heuristic, deallocation, limit=alone.clock)
    slowdown = run.clock / alone.clock if run.status == "finished" else None
    return Point(model.name, heuristic, deallocation, ratio, run.status, slowdown, run.evaluations, run.accesses)


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
    finished = {point.ratio: point.slowdown for point in points if point.slowdown is not None}
    chosen = [finished.get(ratio, THRASHING) for ratio in ratios]
    return sum(chosen) / len(chosen)


def prototype_log(program: Program) -> Log:
    """A recorded program in the format of the paper's logs; handle h is named xh.

    A call that overwrites some of its inputs and also has results is logged as two, the second free of cost. One
    that does neither (a read, a view of a storage) is no operator to the paper's simulator, and is left out.
    """
    return Log((Annotation(START), *_entries(program)))


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
