# SPDX-License-Identifier: Apache-2.0
"""What is resident within B units is resident within B' >= B units: Mattson's inclusion (1970), in small steps.

A run without cascades, of calls that ask for one unit each, is seen as a set of resident storages. Two things happen to
it: a storage is wanted, and one is dropped for good. What is wanted and missing is brought in, for which the least of
what is not locked goes if there is no room. Written in the vocabulary of the semantics' rules (``dtr_spec.readings``),
so that one definition has two readings: over values it runs beside the machine (but for drops), over Z3's terms it is
proved that ``included`` is inductive.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dtr_spec.readings import implies, ite, no

Ranking = Callable[[Any], Any]
"""Storage -> its score at some moment. The least goes."""


@dataclass(frozen=True)
class Residents:
    """What a run has in memory. Values are Python's or Z3's, after the reading."""

    storages: Any
    """The set of resident storages."""
    used: Any
    """How many they are."""
    budget: Any
    """How many they may be."""
    brought: Any
    """How often something was brought in: computed for the first time, or replayed."""


@dataclass(frozen=True)
class Change:
    """What must hold for a step to be taken, and what is resident after it."""

    premises: tuple[Any, ...]
    after: Residents


def evicts(r: Residents, wanted: Any) -> Any:
    """To bring in what is wanted, something must go."""
    return no(r.storages.has(wanted)) & (r.budget <= r.used)


def least(r: Residents, victim: Any, locked: Any, score: Ranking) -> Any:
    """The victim is resident, not locked, and of such storages the one with the least score."""
    free = r.storages.has(victim) & no(locked.has(victim))
    return free & r.storages.every(lambda s: locked.has(s) | (score(victim) <= score(s)))


def want(r: Residents, wanted: Any, locked: Any, victim: Any, score: Ranking) -> Change:
    """A storage is wanted while others are locked; the victim goes if something must."""
    full, missing = evicts(r, wanted), no(r.storages.has(wanted))
    return Change(
        (implies(full, least(r, victim, locked, score)),),
        replace(
            r,
            storages=r.storages.where(lambda s: no(full & (s == victim))).add(wanted),
            used=r.used + ite(missing, 1, 0) - ite(full, 1, 0),
            brought=r.brought + ite(missing, 1, 0),
        ),
    )


def drop(r: Residents, dropped: Any) -> Change:
    """A storage is dropped if it is there: its last handle is gone."""
    return Change((), replace(r, storages=r.storages.remove(dropped), used=r.used - ite(r.storages.has(dropped), 1, 0)))


def included(less: Residents, more: Residents) -> Any:
    """The run with less memory has no storage that the other lacks, no more room left, and has brought in as much."""
    return (
        less.storages.every(more.storages.has)
        & (less.used <= less.budget)
        & (more.used <= more.budget)
        & (more.used - less.used <= more.budget - less.budget)
        & (more.brought <= less.brought)
    )


def locked_alike(less: Residents, locked: Any, locked_with_more: Any) -> Any:
    """What the run with less memory has is locked in both or in neither: inputs that it lacks are not locked yet."""
    return less.storages.every(lambda s: locked_with_more.has(s) == locked.has(s))
