# SPDX-License-Identifier: Apache-2.0
"""What a training within a budget is compared with, in one row."""

from dataclasses import dataclass

import dtr_reference
from dtr_spec import monitor
from dtr_spec.policy import Heuristic, HeuristicError
from dtr_spec.trace import Trace

from ..agreement import described, first_difference
from .bounded import Bounded, Eager, Training, bounded


@dataclass(frozen=True)
class Row:
    """One budget in bytes. Of the three verdicts each is None where all is well, else what is wrong."""

    budget: int
    sufficient: bool
    peak: int
    """Bytes, as the independent observer saw them."""
    evictions: int
    rematerializations: int
    """How many calls were replayed."""
    slowdown: float
    """The cost of all calls executed, over the cost of the program's calls once each."""
    decisions: str | None = None
    monitor: str | None = None
    bits: str | None = None

    @property
    def started(self) -> bool:
        """The budget held at least the constants."""
        return self.peak > 0

    @property
    def within_budget(self) -> bool:
        """T2, as observed."""
        return self.peak <= self.budget

    @property
    def agrees(self) -> bool:
        """Nothing is wrong."""
        return self.within_budget and not (self.decisions or self.monitor or self.bits)


def judge(training: Training, budget: int, alone: Eager) -> Row:
    """Train within a budget; compare with the reference's decisions, the machine's rules and eager's bits."""
    try:
        result = bounded(training, budget)
        return compare(result, alone, training.heuristic) if result.run else Row(budget, False, 0, 0, 0, 1.0)
    except HeuristicError as error:
        return Row(budget, False, 0, 0, 0, 1.0, decisions=described(error))


def compare(result: Bounded, alone: Eager, heuristic: str | Heuristic) -> Row:
    """The three verdicts on a training within a budget."""
    trace: Trace = result.run.trace
    rules = [event.rule for event in trace.events]
    verdict = monitor.check(trace)
    reference = dtr_reference.run(trace.program, result.budget, heuristic).trace
    different = result.snapshot.differences(alone.snapshot) if result.snapshot else []
    return Row(
        budget=result.budget,
        sufficient=result.snapshot is not None,
        peak=result.observation.peak,
        evictions=rules.count("evict"),
        rematerializations=rules.count("replay"),
        slowdown=slowdown(trace),
        decisions=first_difference(reference.events, trace.events),
        monitor=None if verdict else verdict.reason.splitlines()[0],
        bits=f"{len(different)} differ: {', '.join(different[:3])}" if different else None,
    )


def slowdown(trace: Trace) -> float:
    """The cost of everything executed over that of the client's calls."""
    costs = {
        rule: sum(trace.program.call(event.subject).cost for event in trace.events if event.rule == rule)
        for rule in ("execute", "replay")
    }
    return (costs["execute"] + costs["replay"]) / max(costs["execute"], 1)
