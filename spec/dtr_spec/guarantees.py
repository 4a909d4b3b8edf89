# SPDX-License-Identifier: Apache-2.0
"""What single steps guarantee: relations between the configurations before and after a rule, and its operands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .configuration import Configuration
from .readings import implies, no
from .rules import RULES, evictable, seen, unread

Relation = Callable[..., Any]
"""(before, after, *operands) -> does the guarantee hold of the step?"""


@dataclass(frozen=True)
class Guarantee:
    """A property (T1, T2, ...) of every step by one of some rules."""

    key: str
    relation: Relation
    rules: tuple[str, ...]


GUARANTEES: dict[str, Guarantee] = {}


def guarantee(key: str, *rules: str) -> Callable[[Relation], Relation]:
    """Register a relation that steps by these rules are in (by all rules, if none is named)."""

    def register(relation: Relation) -> Relation:
        GUARANTEES[relation.__name__] = Guarantee(key, relation, rules or tuple(RULES))
        return relation

    return register


@guarantee("T1", "execute")
def every_read_is_eager(before: Configuration, after: Configuration, k: Any) -> Any:
    """What a client's call reads, observations too, are the eager machine's terms, whatever the policy (hence T7)."""
    del after
    facts = before.facts
    return facts.read(k).every(lambda s: seen(before, before.depth, s) == facts.meaning(s, facts.version_read(k, s)))


@guarantee("T2", "allocate", "keep", "constant")
def bytes_are_granted_within_the_budget(before: Configuration, after: Configuration, operand: Any) -> Any:
    """Whoever is given bytes is given them within the budget."""
    del operand
    return (after.used >= before.used) & (after.used <= after.budget) & (after.budget == before.budget)


@guarantee("T3", "evict")
def evict_takes_what_is_free(before: Configuration, after: Configuration, s: Any) -> Any:
    """EVICT takes neither a locked nor a constant, held or pinned storage."""
    del after
    return before.recoverable[s] & before.frames.every(lambda d: no(before.locked[d].has(s)))


@guarantee("T3", "collect")
def collect_takes_what_is_unused(before: Configuration, after: Configuration, s: Any) -> Any:
    """COLLECT never takes a locked storage, nor one that a promised recipe reads or the client names."""
    del after
    unlocked = before.frames.every(lambda d: no(before.locked[d].has(s)))
    return unlocked & unread(before, s, before.version[s]) & (before.handles[s] == 0)


@guarantee("T3")
def irrecoverable_stays_so(before: Configuration, after: Configuration, *operands: Any) -> Any:
    """What has no recipe never gets one: no constant, held or pinned storage becomes evictable."""
    del operands
    return before.facts.all_storages().every(
        lambda s: implies(before.alive[s] & no(before.recoverable[s]), no(after.recoverable[s]))
    )


@guarantee("T3", "constant", "hold")
def constants_and_what_is_held_have_no_recipe(before: Configuration, after: Configuration, s: Any) -> Any:
    """Constants are born without a recipe; holding takes it away."""
    del before
    return no(after.recoverable[s])


@guarantee("T3", "pin")
def what_is_pinned_has_no_recipe(before: Configuration, after: Configuration, h: Any) -> Any:
    """Pinning takes the recipe away."""
    del h
    return no(after.recoverable[before.facts.subject(before.position)])


@guarantee("T4", "need")
def recipes_descend(before: Configuration, after: Configuration, s: Any) -> Any:
    """What the recipe of a storage reads was written by an earlier command than the storage."""
    facts = before.facts
    written = facts.chain(s, before.version[s])

    def earlier(x: Any, v: Any) -> Any:
        return implies(facts.first_reading(s, x, v) <= before.version[s], facts.chain(x, v) < written)

    del after
    return facts.all_storages().every(lambda x: facts.numbers().every(lambda v: earlier(x, v)))


@guarantee("T5", "out_of_memory")
def out_of_memory_is_the_last_resort(before: Configuration, after: Configuration, n: Any) -> Any:
    """The run ends for want of memory only if n bytes do not fit and no storage whatever is evictable."""
    nothing = before.facts.all_storages().every(lambda s: no(evictable(before, s)))
    return (before.used + n > before.budget) & nothing & (after.used == before.used)


@guarantee("T5")
def out_of_memory_is_the_end(before: Configuration, after: Configuration, *operands: Any) -> Any:
    """After a run has ended for want of memory no rule applies."""
    del after, operands
    return no(before.stopped)
