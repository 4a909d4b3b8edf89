# SPDX-License-Identifier: Apache-2.0
"""Arbitrary partitions as Z3's terms, proofs about their steps, and sums over finitely many storages.

A sum is a function from maps to integers of which three things are known: it is 0 of the map of zeros, it changes by
the difference when one entry changes, and the sum of two maps added entry by entry is the sum of the sums. Each
use of these is an instance whose condition (which entries are equal) is itself proved.
"""

from collections.abc import Callable, Sequence
from typing import Any

import z3

from dtr_spec.symbolic import SET, SymbolicMap, SymbolicSet

from ..arithmetic.solver import Status, status
from .partition import Change, Partition, join, leave, unite

NUMBERS = z3.ArraySort(z3.IntSort(), z3.IntSort())

Entries = Callable[[Any], Any]
"""A map from storages to numbers, entry by entry."""


def storage(name: str) -> Any:
    """An arbitrary storage, class or number."""
    return z3.Int(name)


def anything(name: str) -> Partition:
    """An arbitrary partition."""
    return Partition(
        evicted=arbitrary_set(f"{name}.evicted"),
        label=SymbolicMap(z3.Const(f"{name}.label", NUMBERS)),
        own=SymbolicMap(z3.Const(f"{name}.own", NUMBERS)),
        cost=SymbolicMap(z3.Const(f"{name}.cost", NUMBERS)),
        fresh=z3.Int(f"{name}.fresh"),
        pending=arbitrary_set(f"{name}.pending"),
        latest=z3.Int(f"{name}.latest"),
    )


def arbitrary_set(name: str) -> SymbolicSet:
    """An arbitrary set."""
    array = z3.Const(name, SET)
    return SymbolicSet(lambda x: z3.Select(array, x))


def steps() -> dict[str, tuple[Partition, Change]]:
    """Each step from an arbitrary partition with arbitrary operands."""
    p = anything("p")
    s, n, cost = storage("s"), storage("n"), storage("cost")
    return {
        "join": (p, join(p, s, cost, arbitrary_set("neighbors"))),
        "unite": (p, unite(p, n)),
        "leave": (p, leave(p, s, cost)),
    }


def preserved(
    invariants: Sequence[Callable[[Partition], Any]],
    step: tuple[Partition, Change],
    given: Sequence[Any] = (),
) -> dict[str, Status]:
    """Whether each invariant holds after a step if all hold before."""
    before, change = step
    premises = [*(invariant(before) for invariant in invariants), *change.premises, *given]
    return {invariant.__name__: status(premises, invariant(change.after)) for invariant in invariants}


class Sums:
    """Sums of maps, related by what is known of sums."""

    def __init__(self, premises: Sequence[Any]) -> None:
        self.premises = list(premises)
        self.facts: list[Any] = []
        self.unproved: list[str] = []

    def zero(self, entries: Entries, total: Any) -> None:
        """A map of zeros: its sum is 0."""
        x = storage("x")
        self._relate("zeros", entries(x) == 0, total == 0)

    def changed(self, before: Entries, at: Any, after: Entries, total: Any, total_after: Any) -> None:
        """Two maps that differ at most in one entry: their sums differ as that does."""
        x = storage("x")
        equal = z3.Implies(x != at, after(x) == before(x))
        self._relate("one entry", equal, total_after == total - before(at) + after(at))

    def added(self, one: Entries, other: Entries, both: Entries, totals: tuple[Any, Any, Any]) -> None:
        """A map that is two others added up: so is its sum."""
        x = storage("x")
        self._relate("added", both(x) == one(x) + other(x), totals[2] == totals[0] + totals[1])

    def prove(self, conclusion: Any) -> Status:
        """Whether the conclusion follows; "unknown" if what the instances rest on was not proved."""
        return "unknown" if self.unproved else status([*self.premises, *self.facts], conclusion)

    def _relate(self, name: str, condition: Any, fact: Any) -> None:
        """``fact`` may be used if ``condition`` holds of an arbitrary entry."""
        if status(self.premises, condition) != "proved":
            self.unproved.append(name)
        self.facts.append(fact)
