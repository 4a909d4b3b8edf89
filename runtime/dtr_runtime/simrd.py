# SPDX-License-Identifier: Apache-2.0
"""The paper's simulator, in C++: the same integers, at least a hundred times faster."""

from functools import cache, cached_property
from types import ModuleType
from typing import Any

from dtr_spec.copies import Compute, Drop, Get, Keep, Schedule, schedule
from dtr_spec.log import Log
from dtr_spec.simrd import Deallocation, Outcome, SimrdStopsError, heuristic
from dtr_spec.sweep import Baseline, Replay

from ._build import load

UNLIMITED = 2**62


class Simrd:
    """A schedule, ready to be run many times. ``module`` is a variant of the compiled core."""

    def __init__(self, steps: Schedule, *, module: ModuleType | None = None) -> None:
        kinds = {Compute: 0, Get: 1, Drop: 2, Keep: 3}
        operators = [(operator.cost, operator.inputs, operator.outputs) for operator in steps.operators]
        self._core: Any = module or load()
        self._schedule = self._core.Schedule(operators, [(kinds[type(step)], step[0]) for step in steps.steps])

    def run(
        self, budget: int, name: str = "h_dtr_eq", deallocation: Deallocation = "eager", limit: int = UNLIMITED
    ) -> Outcome:
        """Replay the schedule within ``budget`` bytes, until rematerialization exceeds ``limit`` clock units.

        ``name`` is simrd's or ours (``dtr_spec.simrd.HEURISTICS``). Raises ``ValueError`` for an unknown name or
        a combination that simrd does not have, ``SimrdStopsError`` where simrd stops at an assertion.
        """
        h = heuristic(name, deallocation)
        try:
            done = self._core.simrd(self._schedule, h.choice, h.cost, h.size, h.staleness, deallocation, budget, limit)
        except self._core.SimrdAssertion as error:
            raise SimrdStopsError(str(error)) from None
        return Outcome(
            done["status"],
            done["clock"],
            done["rematerialized"],
            done["peak"],
            done["evictions"],
            done["evaluations"],
            done["accesses"],
        )

    @cached_property
    def baseline(self) -> Outcome:
        """The run to which ratios refer: no limit on memory, banishing."""
        return self.run(UNLIMITED, "h_lru", "banish")


@cache
def opened(path: str) -> tuple[Baseline, Replay]:
    """A log, ready to be replayed. Raises ``LogError``."""
    steps = schedule(Log.load(path))
    engine = Simrd(steps)
    return Baseline(steps.cost, engine.baseline.peak), engine.run
