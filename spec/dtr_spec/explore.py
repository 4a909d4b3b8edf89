# SPDX-License-Identifier: Apache-2.0
"""All runs of a small program: every state that the machine can reach, whatever the policy does.

The successor relation lets EVICT take any evictable storage at any time, so the states found
include those of every policy, of every order of gathering inputs, and of every deallocation.

Budgets share their work: what follows from a state depends on the budget only through the comparisons that
are made with it, so it is computed again only when one of those would come out differently.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from . import ranking
from .configuration import Configuration, initial
from .facts import CLIENT, Kind
from .invariants import violations
from .program import Program
from .step import Label, apply, finished, observed, successors, taken
from .terms import Term


@dataclass
class Exploration:
    """What all runs of a program under one budget have in common, and where they end."""

    budget: int
    states: int = 0
    steps: int = 0
    finished: int = 0
    out_of_memory: int = 0
    stuck: list[Configuration] = field(default_factory=list)
    """T5: configurations without a step that are neither finished nor out of memory."""
    misjudged: list[Configuration] = field(default_factory=list)
    """T5: configurations that may stop for want of memory though they have it, or may not though they want it."""
    unranked: list[tuple[Configuration, Label]] = field(default_factory=list)
    """T6: steps that do not lower the rank."""
    violations: list[tuple[str, Configuration]] = field(default_factory=list)
    """Invariants that fail, and where."""
    observations: set[tuple[int, Term]] = field(default_factory=set)
    """T7: (call, what it read) over all runs; one term a call if policies do not matter."""
    labels: set[str] = field(default_factory=set)
    """The rules that some run uses."""


class ExplorationLimitError(RuntimeError):
    """More states than the limit; explore a smaller program, or raise the limit."""


def explore(program: Program, budget: int, limit: int = 200_000) -> Exploration:
    """Visit every configuration reachable under a budget (bytes) and check it.

    Raises ``ExplorationLimitError`` beyond ``limit`` states.
    """
    return next(explorations(program, (budget,), limit))


def explorations(program: Program, budgets: Iterable[int], limit: int = 200_000) -> Iterator[Exploration]:
    """The same under several budgets, one after the other.

    Raises ``ExplorationLimitError`` beyond ``limit`` states under one budget.
    """
    known: dict[Any, _Visit] = {}
    shared = _Bytes()
    start = initial(program, 0).but(budget=_Budget(shared))
    for budget in budgets:
        shared.budget = budget
        found = Exploration(budget)
        seen = {start.frozen()}
        pending = [(start, start.frozen())]
        while pending:
            c, key = pending.pop()
            if key not in known or not known[key].holds_within(budget):
                shared.compared.clear()
                known[key] = _visited(c, shared)
            for after in _noted(known[key], found):
                if after[1] not in seen:
                    seen.add(after[1])
                    pending.append(after)
            if len(seen) > limit:
                raise ExplorationLimitError(f"more than {limit} states; explore a smaller program or raise the limit")
        yield found


@dataclass
class _Bytes:
    """How many bytes the budget is, and what it has been compared with: n, where B < n was asked."""

    budget: int = 0
    compared: set[int] = field(default_factory=set)


class _Budget:
    """A budget that notes what it is compared with; plus ``more`` bytes."""

    def __init__(self, shared: _Bytes, more: int = 0) -> None:
        self._shared = shared
        self._more = more

    def __lt__(self, other: int) -> bool:
        self._shared.compared.add(other - self._more)
        return self._shared.budget < other - self._more

    def __ge__(self, other: int) -> bool:
        return not self < other

    def __le__(self, other: int) -> bool:
        return self < other + 1

    def __gt__(self, other: int) -> bool:
        return not self <= other

    def __add__(self, more: int) -> "_Budget":
        return _Budget(self._shared, self._more + more)

    def __sub__(self, less: int) -> "_Budget":
        return self + (-less)


@dataclass
class _Visit:
    """What a configuration is and leads to, for the budgets that are on the same side of all of ``compared``."""

    here: Configuration
    """Its budget a number, so that it can be shown."""
    budget: int
    compared: frozenset[int]
    steps: list[tuple[Label, tuple[Configuration, Any], Term | None]]
    """Label, configuration afterwards and its key, observation."""
    violations: list[str]
    unranked: list[Label]
    misjudged: bool

    def holds_within(self, budget: int) -> bool:
        """Whether each comparison comes out the same."""
        return all((self.budget < other) == (budget < other) for other in self.compared)


def _visited(c: Configuration, shared: _Bytes) -> _Visit:
    steps = [(label, (after, after.frozen()), observed(c, label)) for label, after in successors(c)]
    return _Visit(
        here=c.but(budget=shared.budget),
        budget=shared.budget,
        steps=steps,
        violations=list(violations(c)),
        unranked=[label for label, (after, _), _ in steps if not descends(c, label, after)],
        misjudged=not rightly_stops(c, {label: after for label, (after, _), _ in steps}),
        compared=frozenset(shared.compared),
    )


def _noted(visit: _Visit, found: Exploration) -> Iterator[tuple[Configuration, Any]]:
    """Add a visit to what is found; yields the configurations that follow, with their keys."""
    c = visit.here
    found.states += 1
    found.steps += len(visit.steps)
    found.violations += [(name, c) for name in visit.violations]
    found.unranked += [(c, label) for label in visit.unranked]
    found.misjudged += [c] * visit.misjudged
    if not visit.steps:
        _end(c, found)
    for label, after, seen in visit.steps:
        found.labels.add(label.rule)
        if seen is not None:
            found.observations.add((label.operands[0], seen))
        yield after


def _end(c: Configuration, found: Exploration) -> None:
    if c.stopped:
        found.out_of_memory += 1
    elif finished(c):
        found.finished += 1
    else:
        found.stuck.append(c)


def descends(before: Configuration, label: Label, after: Configuration) -> bool:
    """T6: the step lowers the rank; a rematerialization's COMMIT does so with whatever it may have been for.

    It may have been for nothing only if what it rebuilt is gone already: the case that ``ranking.followed`` excludes.
    """
    target = before.target[before.depth]
    if label.rule != "commit" or target == CLIENT:
        return ranking.falls(before, after)
    uses = [Label("lock", (target,)), Label("hold", (target,))]
    if after.facts.kind(after.position) is Kind.PIN and after.facts.subject(after.position) == target:
        uses.append(Label("pin", (after.facts.handle(after.position),)))
    used = [then for use in uses if isinstance(then := apply(after, use), Configuration)]
    return all(ranking.falls(before, then) for then in used) and (bool(used) or not after.resident[target])


def rightly_stops(c: Configuration, steps: dict[Label, Configuration]) -> bool:
    """T5: memory may be out for n bytes exactly if they are asked for, M + n > B and nothing is evictable.

    Then nothing else changes. What is asked for is what would be granted within any greater budget.
    """
    stops = {label.operands[0]: after for label, after in steps.items() if label.rule == "out_of_memory"}
    intact = all(after.but(stopped=False).frozen() == c.frozen() for after in stops.values())
    locked = {s for d in range(1, c.depth + 1) for s in c.locked[d]}
    if any(here and c.recoverable[s] and s not in locked for s, here in c.resident.items()):
        return not stops
    granted = (after.used - c.used for rule in _TAKING for _, after in taken(c.but(budget=inf), rule))
    return intact and stops.keys() == {n for n in granted if c.budget < c.used + n}


_TAKING = ("constant", "keep", "allocate")
"""The rules that ask for bytes."""
