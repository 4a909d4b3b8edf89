# SPDX-License-Identifier: Apache-2.0
"""What holds in every configuration.

All are written in the rules' vocabulary, so that they are evaluated on runs and proved inductive with the same
definition. The theorems come first; the others are what makes their conjunction inductive.
"""

from collections.abc import Callable, Iterator
from typing import Any

from .configuration import Configuration
from .facts import CLIENT, Kind
from .readings import implies, ite, no
from .rules import gathered, promised

Invariant = Callable[[Configuration], Any]


# --- notions -------------------------------------------------------------------------------------


def now(c: Configuration) -> Any:
    """Where the eager machine would be: behind the client's call as soon as that has executed."""
    executed = (c.depth > 0) & (c.target[1] == CLIENT) & c.executed[1]
    return ite(executed, c.position + 1, c.position)


def written_at(c: Configuration, s: Any) -> Any:
    """The call that wrote the current version of a storage that calls created: the order in which recipes descend."""
    return c.facts.chain(s, c.version[s])


def rebuilding(c: Configuration, d: Any) -> Any:
    """Frame d rematerializes."""
    return c.target[d] != CLIENT


def rebuilt(c: Configuration, d: Any) -> Any:
    """Frame d has bound its target."""
    return c.executed[d] & (c.stage[d] == c.version[c.target[d]]) & no(c.unbound[d].has(c.target[d]))


def available(c: Configuration, s: Any, version: Any) -> Any:
    """A version of s is kept aside; or it is current, and in memory or promised."""
    current = c.alive[s] & (c.version[s] == version) & (c.resident[s] | c.recoverable[s])
    return c.kept[s].has(version) | current


def _each_storage(c: Configuration, holds: Callable[[Any], Any]) -> Any:
    return c.facts.all_storages().every(holds)


# --- the theorems --------------------------------------------------------------------------------


def resident_is_eager(c: Configuration) -> Any:
    """T1: every resident storage holds the eager machine's term."""
    return _each_storage(c, lambda s: implies(c.resident[s], c.content[s] == c.facts.meaning(s, c.version[s])))


def kept_is_eager(c: Configuration) -> Any:
    """T1: so does every copy that is kept aside."""
    return _each_storage(c, lambda s: c.kept[s].every(lambda v: c.kept_content[s][v] == c.facts.meaning(s, v)))


def within_budget(c: Configuration) -> Any:
    """T2: the bytes in use never exceed the budget."""
    return c.used <= c.budget


def accounted(c: Configuration) -> Any:
    """T2: M is the sum over resident storages, kept copies, and what frames hold."""
    return c.used == c.facts.resident_bytes(c) + c.facts.kept_bytes(c) + c.facts.held_bytes(c)


def locked_is_resident(c: Configuration) -> Any:
    """T3: what a frame has locked stays in memory until the frame lets go of it."""
    return c.frames.every(lambda d: c.locked[d].every(lambda s: c.resident[s]))


def irrecoverable_is_resident(c: Configuration) -> Any:
    """T3: a constant, held or pinned storage is never without its bytes, except while its call binds its results."""

    def binding(s: Any) -> Any:
        return (c.depth == 1) & (c.target[1] == CLIENT) & c.executed[1] & c.unbound[1].has(s)

    created = c.facts.created(c.call[1])
    return c.facts.storages(c).every(lambda s: c.recoverable[s] | c.resident[s] | (binding(s) & created.has(s)))


def recoverable_has_its_inputs(c: Configuration) -> Any:
    """T4: whatever a promised recipe reads is kept, or current, alive, and resident or promised itself."""

    def readable(s: Any, x: Any) -> Any:
        return c.facts.numbers().every(lambda v: implies(promised(c, x, s, v), available(c, s, v)))

    return _each_storage(c, lambda s: c.facts.readers(s).every(lambda x: readable(s, x)))


def named_is_alive(c: Configuration) -> Any:
    """T4: what the client has a handle on exists."""
    return _each_storage(
        c, lambda s: (c.handles[s] == c.facts.handles_at(s, now(c))) & implies(c.handles[s] > 0, c.alive[s])
    )


def stack_descends(c: Configuration) -> Any:
    """T6: what a frame rebuilds was written before the calls under it; hence no storage is rebuilt twice at a time."""

    def below(d: Any, e: Any) -> Any:
        return implies((d < e) & rebuilding(c, e), written_at(c, c.target[e]) < c.call[d])

    return c.frames.every(lambda d: c.frames.every(lambda e: below(d, e)))


def stack_is_bounded(c: Configuration) -> Any:
    """T6: there are no more frames than commands of the client so far, and one; only the oldest can be the client's."""

    def latest(d: Any) -> Any:
        return ite(rebuilding(c, d), written_at(c, c.target[d]), c.position)

    return (c.depth >= 0) & c.frames.every(lambda d: (latest(d) >= 0) & (latest(d) + d <= c.position + 1))


# --- the heap ------------------------------------------------------------------------------------


def recoverable_is_alive(c: Configuration) -> Any:
    """Only what exists promises a recipe or occupies memory, and only what a call created promises one."""
    return _each_storage(
        c,
        lambda s: (
            implies(c.resident[s], c.alive[s])
            & implies(c.recoverable[s], c.alive[s] & c.facts.created(c.facts.chain(s, 0)).has(s))
        ),
    )


def alive_is_created(c: Configuration) -> Any:
    """What exists was created before."""
    return c.facts.storages(c).every(lambda s: c.facts.creator(s) < now(c))


def position_is_in_the_program(c: Configuration) -> Any:
    """The client does not run past the end."""
    return (c.position >= 0) & (c.position <= c.facts.end())


def versions_are_current(c: Configuration) -> Any:
    """Every storage has the version that it has in the eager machine."""
    return _each_storage(c, lambda s: c.version[s] == c.facts.version_at(s, now(c)))


# --- the stack -----------------------------------------------------------------------------------


def frames_run_the_program(c: Configuration) -> Any:
    """The client's frame runs its call; a rematerialization a stage of its target's chain, which is promised."""

    def client(d: Any) -> Any:
        return (c.call[d] == c.position) & (c.facts.kind(c.call[d]) == Kind.CALL)

    def remat(d: Any) -> Any:
        t = c.target[d]
        stage = (c.stage[d] >= 0) & (c.stage[d] <= c.version[t]) & (c.call[d] == c.facts.chain(t, c.stage[d]))
        return c.facts.all_storages().has(t) & c.alive[t] & c.recoverable[t] & stage

    return c.frames.every(lambda d: ite(c.target[d] == CLIENT, client(d), remat(d)))


def only_the_top_has_executed(c: Configuration) -> Any:
    """A frame with results has all its inputs, and nothing is pushed on it."""
    return c.frames.every(lambda d: implies(c.executed[d], (d == c.depth) & gathered(c, d)))


def locked_is_wanted(c: Configuration) -> Any:
    """What a frame has locked is one of its inputs, and current, unless the client's call has just overwritten it."""

    def current(d: Any, s: Any) -> Any:
        overwriting = c.executed[d] & no(rebuilding(c, d))
        return overwriting | (c.facts.version_read(c.call[d], s) == c.version[s])

    return c.frames.every(lambda d: c.locked[d].every(lambda s: c.facts.read(c.call[d]).has(s) & current(d, s)))


def rebuilt_is_eager(c: Configuration) -> Any:
    """T1: what a rematerialization has under construction is the eager machine's term of the last stage computed."""

    def construction(d: Any) -> Any:
        last = ite(c.executed[d], c.stage[d], c.stage[d] - 1)
        return implies(rebuilding(c, d) & (last >= 0), c.outcome[d][c.target[d]] == c.facts.meaning(c.target[d], last))

    return c.frames.every(construction)


def unbound_is_eager(c: Configuration) -> Any:
    """T1: a result waits only for a storage that exists and is not in memory, whose current term it is."""

    def waits(d: Any, s: Any) -> Any:
        return c.facts.all_storages().has(s) & c.alive[s] & (c.outcome[d][s] == c.facts.meaning(s, c.version[s]))

    return c.frames.every(lambda d: c.unbound[d].every(lambda s: waits(d, s)))


def unbound_waits(c: Configuration) -> Any:
    """Only an executed frame has results to bind, its target's at the last stage, none for another frame's target."""

    def waits(d: Any, s: Any) -> Any:
        absent = rebuilding(c, d) | no(c.resident[s])
        last = (s != c.target[d]) | (c.stage[d] == c.version[s])
        return c.executed[d] & absent & last & c.frames.every(lambda e: (e == d) | (c.target[e] != s))

    return c.frames.every(lambda d: c.unbound[d].every(lambda s: waits(d, s)))


def rebuilt_is_absent(c: Configuration) -> Any:
    """What a frame rebuilds is not in memory until the frame has bound it."""
    return c.frames.every(lambda d: implies(rebuilding(c, d), rebuilt(c, d) | no(c.resident[c.target[d]])))


def kept_is_past(c: Configuration) -> Any:
    """T5: a copy is of an earlier version, or of one that the client's call is about to overwrite."""
    running = (c.depth == 1) & (c.target[1] == CLIENT) & no(c.executed[1]) & gathered(c, 1)

    def about_to_go(s: Any) -> Any:
        return running & c.facts.written(c.call[1]).has(s)

    return _each_storage(
        c,
        lambda s: c.kept[s].every(lambda v: (v < c.version[s]) | (about_to_go(s) & (v == c.version[s]))),
    )


def owed_is_held(c: Configuration) -> Any:
    """T5: a frame holds what it owes: the client's all its results unbound, a rematerialization its target."""

    def owed(d: Any) -> Any:
        size = c.facts.size(c.target[d])
        remat = ite(c.executed[d], ite(rebuilt(c, d), 0, size), ite(c.stage[d] > 0, size, 0))
        client = ite(c.executed[d], c.facts.bytes(c.unbound[d]), 0)
        return c.owed[d] == ite(rebuilding(c, d), remat, client)

    return c.frames.every(lambda d: owed(d) & implies(c.executed[d], c.owed[d] <= c.held[d]))


def profile_is_followed(c: Configuration) -> Any:
    """T5: until it executes, a frame holds what it owes and what its call has asked for so far."""

    def followed(d: Any) -> Any:
        asked = c.facts.requested(c.call[d], c.target[d], c.cursor[d])
        pieces = (c.cursor[d] >= 0) & (c.cursor[d] <= c.facts.length(c.call[d], c.target[d]))
        return c.executed[d] | (pieces & (c.held[d] == c.owed[d] + asked))

    return c.frames.every(followed)


INVARIANTS: dict[str, Invariant] = {
    invariant.__name__: invariant
    for invariant in (
        resident_is_eager,
        kept_is_eager,
        within_budget,
        accounted,
        locked_is_resident,
        irrecoverable_is_resident,
        recoverable_has_its_inputs,
        named_is_alive,
        stack_descends,
        stack_is_bounded,
        recoverable_is_alive,
        alive_is_created,
        position_is_in_the_program,
        versions_are_current,
        frames_run_the_program,
        only_the_top_has_executed,
        locked_is_wanted,
        rebuilt_is_eager,
        unbound_is_eager,
        unbound_waits,
        rebuilt_is_absent,
        kept_is_past,
        owed_is_held,
    )
}

DECLARED: dict[str, Invariant] = {profile_is_followed.__name__: profile_is_followed}
"""What holds besides when calls ask for exactly the bytes of their profiles."""


def violations(c: Configuration) -> Iterator[str]:
    """The invariants that do not hold of a configuration of values, by name."""
    expected = INVARIANTS | DECLARED if c.facts.declared else INVARIANTS
    return (name for name, invariant in expected.items() if not invariant(c))
