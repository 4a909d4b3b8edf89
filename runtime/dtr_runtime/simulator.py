# SPDX-License-Identifier: Apache-2.0
"""Runs a program on the C++ engine without tensors: memory is as declared, time is the sum of costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import starmap
from types import ModuleType
from typing import Any, Literal

from dtr_spec.policy import Heuristic
from dtr_spec.program import Alias, Call, Constant, Pin, Program, Release
from dtr_spec.trace import Event, Trace

from ._build import load

Deallocation = Literal["eager", "ignore", "banish"]

MOST = 2**63 - 1
"""The most bytes or clock units that the engine counts."""


@dataclass(frozen=True)
class Simulation:
    """One run. ``clock`` is in clock units, ``peak`` in bytes."""

    trace: Trace
    status: Literal["finished", "out_of_memory"]
    clock: int
    peak: int
    counters: dict[str, int]
    """Evictions, replays, what they cost; at the end, the resident bytes that cannot be evicted, by reason."""
    failure: str | None
    """What did not fit, if memory did not suffice."""


def simulate(
    program: Program,
    budget: int,
    heuristic: str | Heuristic = "h_dtr_eq",
    deallocation: Deallocation = "eager",
    *,
    record: bool = True,
    scan: bool = False,
    module: ModuleType | None = None,
) -> Simulation:
    """Run ``program`` within ``budget`` bytes.

    ``heuristic`` is a built-in's name (``h_dtr``, ``h_dtr_eq``, ``h_dtr_local``, ``h_lru``, ``h_size``,
    ``h_msps``, ``h_estar``, ``h_rand``) or any object of ``Heuristic``. ``record=False`` leaves the trace
    without events. ``scan=True`` looks at every evictable storage for each choice, as the heuristic's definition
    says, where otherwise a tournament gives the same answer sooner. ``module`` is a variant of the compiled core.
    Raises ``ValueError`` for an unknown name, ``HeuristicError`` for an unusable score, ``OverflowError`` if a
    number, the clock or the cost of all recipes exceeds 2^63 - 1, and whatever the heuristic raises.
    """
    core: Any = module or load()
    _require_countable("the budget", budget)
    result = core.simulate(list(_commands(core, program)), budget, heuristic, deallocation, record, scan)
    name = heuristic if isinstance(heuristic, str) else type(heuristic).__name__
    return Simulation(
        trace=Trace(
            program,
            budget,
            tuple(starmap(Event, result["events"])),
            configuration={"heuristic": name, "deallocation": deallocation, "machine": "simulator"},
        ),
        status="finished" if result["failure"] is None else "out_of_memory",
        clock=result["clock"],
        peak=result["counters"]["peak"],
        counters=result["counters"],
        failure=result["failure"],
    )


def _commands(core: Any, program: Program) -> Iterator[Any]:
    make = core.Command
    for position, command in enumerate(program.commands):
        match command:
            case Constant(_, size):
                _require_countable(f"command {position}", size)
                yield make.constant(size)
            case Call(_, _, outputs, _, cost, profile):
                sizes = [output.size for output in outputs]
                _require_countable(f"command {position}", cost, *sizes, *profile)
                inputs = [read.storage for read in program.reads[position]]
                writes = [inputs.index(storage) for storage in program.writes[position]]
                yield make.call(inputs, writes, sizes, cost, profile)
            case Alias(handle, of):
                yield make.alias(handle, program.storage(of))
            case Release(handle):
                yield make.release(handle, program.storage(handle))
            case Pin(handle):
                yield make.pin(handle, program.storage(handle))


def _require_countable(where: str, *numbers: int) -> None:
    if (most := max(numbers)) > MOST:
        raise OverflowError(f"{where}: {most} exceeds 2^63 - 1, the most bytes or clock units that the engine counts")
