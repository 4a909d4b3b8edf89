# SPDX-License-Identifier: Apache-2.0
"""What holds in every configuration.

Those in ``INVARIANTS`` are written in the rules' vocabulary, so that they are evaluated on runs
and proved inductive with the same definition. ``violations`` adds those that need a sum, a program's
meaning or its recipes, which are checked on runs.
"""

from collections.abc import Callable, Iterator
from typing import Any

from .configuration import CLIENT, Configuration
from .program import Version
from .readings import implies
from .terms import Meaning

Invariant = Callable[[Configuration], Any]


def within_budget(c: Configuration) -> Any:
    """T2: the bytes in use never exceed the budget."""
    return c.used <= c.budget


def locked_is_resident(c: Configuration) -> Any:
    """T3: what a frame has locked stays in memory until the frame lets go of it."""
    return c.frames.every(lambda d: c.locked[d].every(lambda s: c.resident[s]))


def irrecoverable_is_resident(c: Configuration) -> Any:
    """T3: a constant, held or pinned storage is never without its bytes, except while its call binds its results."""

    def binding(s: Any) -> Any:
        return (c.depth == 1) & (c.target[1] == CLIENT) & c.executed[1] & c.unbound[1].has(s)

    created = c.facts.created(c.call[1])
    return c.facts.storages(c).every(lambda s: c.recoverable[s] | c.resident[s] | (binding(s) & created.has(s)))


def one_client_frame(c: Configuration) -> Any:
    """Only the oldest frame can be the client's: the others rematerialize."""
    return c.frames.every(lambda d: implies(d > 1, c.target[d] != CLIENT))


def recoverable_is_alive(c: Configuration) -> Any:
    """Only what exists promises a recipe or occupies memory."""
    return c.facts.all_storages().every(lambda s: implies(c.recoverable[s] | c.resident[s], c.alive[s]))


def unbound_is_alive(c: Configuration) -> Any:
    """A result is only kept for a storage that exists."""
    return c.frames.every(lambda d: c.unbound[d].every(lambda s: c.alive[s]))


INVARIANTS: dict[str, Invariant] = {
    invariant.__name__: invariant
    for invariant in (
        within_budget,
        locked_is_resident,
        irrecoverable_is_resident,
        one_client_frame,
        recoverable_is_alive,
        unbound_is_alive,
    )
}


def violations(c: Configuration, meaning: Meaning) -> Iterator[str]:
    """The invariants that do not hold of a configuration of values, by name."""
    for name, invariant in INVARIANTS.items():
        if not invariant(c):
            yield name
    if not sound(c, meaning):
        yield "sound"
    for checked in (accounted, recoverable, unrepeated):
        if not checked(c):
            yield checked.__name__


def accounted(c: Configuration) -> bool:
    """T2: M is the sum over resident storages, kept copies, and what frames hold."""
    program = c.facts.program
    resident = sum(program.sizes[s] for s, here in c.resident.items() if here)
    copies = sum(program.sizes[s] * len(versions) for s, versions in c.kept.items())
    return c.used == resident + copies + sum(c.held[d] for d in c.frames)


def sound(c: Configuration, meaning: Meaning) -> bool:
    """T1: every resident storage and every kept copy holds the eager machine's term."""
    resident = all(c.content[s] is meaning.contents[Version(s, c.version[s])] for s, here in c.resident.items() if here)
    return resident and all(
        c.kept_content[s][version] is meaning.contents[Version(s, version)]
        for s, versions in c.kept.items()
        for version in versions
    )


def recoverable(c: Configuration) -> bool:
    """T4: whatever a promised recipe reads is kept, or current, alive, and resident or promised itself."""
    program = c.facts.program
    return all(
        read.number in c.kept[read.storage]
        or (
            c.alive[read.storage]
            and c.version[read.storage] == read.number
            and (c.resident[read.storage] or c.recoverable[read.storage])
        )
        for s, promised in c.recoverable.items()
        if promised
        for read in program.recipe_reads(Version(s, c.version[s]))
    )


def unrepeated(c: Configuration) -> bool:
    """T6: no storage is being rematerialized twice at a time, so the stack cannot grow without end."""
    targets = [c.target[d] for d in c.frames]
    return len(targets) == len(set(targets))
