# SPDX-License-Identifier: Apache-2.0
"""The machine: one definition per small-step rule.

A rule takes a configuration ``c`` and operands, and gives its premises and the configuration
after it. It is written once, in the vocabulary of ``readings.py``, and read as values, as Z3
terms and as text. The docstring says why the rule is as it is. The text after "rule" in a
trace, in an error and in the README is the function's name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .configuration import Configuration
from .facts import CLIENT, Kind
from .readings import EMPTY, ite, no


class Step(NamedTuple):
    """What a rule says of one configuration: it applies if all premises hold, and then leads to ``after()``."""

    premises: tuple[Any, ...]
    after: Callable[[], Configuration]


@dataclass(frozen=True)
class Rule:
    """A named rule and the kinds of its operands (storage, handle, call, bytes, version)."""

    name: str
    operands: tuple[str, ...]
    definition: Callable[..., Step]

    def __call__(self, c: Configuration, *operands: Any) -> Step:
        """The rule's premises and effect at ``c``."""
        return self.definition(c, *operands)


RULES: dict[str, Rule] = {}


def rule(*operands: str) -> Callable[[Callable[..., Step]], Rule]:
    """Register a rule under its function's name."""

    def register(definition: Callable[..., Step]) -> Rule:
        named = Rule(definition.__name__, operands, definition)
        RULES[named.name] = named
        return named

    return register


# --- notions that several rules share ---------------------------------------------------------


def evictable(c: Configuration, s: Any) -> Any:
    """Resident, promised to be recomputable, and in nobody's use."""
    return c.resident[s] & c.recoverable[s] & c.frames.every(lambda d: no(c.locked[d].has(s)))


def settled(c: Configuration, s: Any) -> Any:
    """No frame rebuilds s or has yet to bind it."""
    return c.frames.every(lambda d: (c.target[d] != s) & no(c.unbound[d].has(s)))


def promised(c: Configuration, reader: Any, s: Any, version: Any) -> Any:
    """The reader's recipe may still be run, and it reads that version of s."""
    reads = c.facts.first_reading(reader, s, version) <= c.version[reader]
    return c.alive[reader] & c.recoverable[reader] & reads


def unread(c: Configuration, s: Any, version: Any) -> Any:
    """No promised recipe reads that version of s."""
    return c.facts.readers(s).every(lambda x: no(promised(c, x, s, version)))


def wanted(c: Configuration, d: Any, s: Any) -> Any:
    """Frame d's call reads the current version of s, which is not what the frame rebuilds."""
    k = c.call[d]
    return c.facts.read(k).has(s) & (s != c.target[d]) & (c.facts.version_read(k, s) == c.version[s])


def provided(c: Configuration, d: Any, s: Any) -> Any:
    """Frame d can read s: it is what the frame rebuilds, or locked by it, or an earlier version kept aside."""
    version = c.facts.version_read(c.call[d], s)
    return (s == c.target[d]) | c.locked[d].has(s) | ((version != c.version[s]) & c.kept[s].has(version))


def seen(c: Configuration, d: Any, s: Any) -> Any:
    """What frame d reads of s: the content under construction, the current one, or the copy of an earlier version."""
    version = c.facts.version_read(c.call[d], s)
    current = ite(version == c.version[s], c.content[s], c.kept_content[s][version])
    return ite(s == c.target[d], c.outcome[d][s], current)


def computed(c: Configuration, d: Any, s: Any) -> Any:
    """The content that frame d's call gives to s."""
    return c.facts.result(c.call[d], s, lambda x: seen(c, d, x))


def gathered(c: Configuration, d: Any) -> Any:
    """Frame d can read all inputs of its call."""
    return c.facts.read(c.call[d]).every(lambda s: provided(c, d, s))


def running(c: Configuration) -> Any:
    """The top frame has its inputs and has not computed its results yet."""
    return no(c.stopped) & (c.depth > 0) & no(c.executed[c.depth]) & gathered(c, c.depth)


def client_turn(c: Configuration) -> Any:
    """No frame is under way."""
    return no(c.stopped) & (c.depth == 0)


def pushed(c: Configuration, target: Any, call: Any) -> Configuration:
    """A new top frame."""
    d = c.depth + 1
    return emptied(c, d).but(
        depth=d,
        target=c.target.set(d, target),
        stage=c.stage.set(d, 0),
        call=c.call.set(d, call),
        held=c.held.set(d, 0),
        owed=c.owed.set(d, 0),
        outcome=c.outcome.set(d, c.facts.no_outcome()),
    )


def emptied(c: Configuration, d: Any) -> Configuration:
    """Frame d is ready for a call: it locks nothing and has computed nothing."""
    return c.but(
        locked=c.locked.set(d, EMPTY),
        unbound=c.unbound.set(d, EMPTY),
        executed=c.executed.set(d, False),
        cursor=c.cursor.set(d, 0),
    )


# --- the client's commands -------------------------------------------------------------------


@rule("storage")
def constant(c: Configuration, s: Any) -> Step:
    """The client brings a storage that nothing can recompute; it is born with one handle."""
    return Step(
        (
            client_turn(c),
            c.facts.kind(c.position) == Kind.CONSTANT,
            c.facts.subject(c.position) == s,
            no(c.alive[s]),
            c.used + c.facts.size(s) <= c.budget,
        ),
        lambda: c.but(
            position=c.position + 1,
            used=c.used + c.facts.size(s),
            alive=c.alive.set(s, True),
            resident=c.resident.set(s, True),
            handles=c.handles.set(s, 1),
            content=c.content.set(s, c.facts.leaf(s)),
        ),
    )


@rule("handle")
def alias(c: Configuration, h: Any) -> Step:
    """A view is a further handle: views read nothing, so they need no memory and no recipe."""
    s = c.facts.subject(c.position)
    return Step(
        (client_turn(c), c.facts.kind(c.position) == Kind.ALIAS, c.facts.handle(c.position) == h),
        lambda: c.but(position=c.position + 1, handles=c.handles.set(s, c.handles[s] + 1)),
    )


@rule("handle")
def release(c: Configuration, h: Any) -> Step:
    """The client drops a handle. What that frees is up to ``evict`` and ``collect``."""
    s = c.facts.subject(c.position)
    return Step(
        (client_turn(c), c.facts.kind(c.position) == Kind.RELEASE, c.facts.handle(c.position) == h),
        lambda: c.but(position=c.position + 1, handles=c.handles.set(s, c.handles[s] - 1)),
    )


@rule("handle")
def pin(c: Configuration, h: Any) -> Step:
    """The client wants the bytes for good: without a recipe the storage can never be evicted."""
    s = c.facts.subject(c.position)
    return Step(
        (client_turn(c), c.facts.kind(c.position) == Kind.PIN, c.facts.handle(c.position) == h, c.resident[s]),
        lambda: c.but(position=c.position + 1, recoverable=c.recoverable.set(s, False)),
    )


@rule("call")
def call(c: Configuration, k: Any) -> Step:
    """The client's call begins; its frame now gathers the inputs."""
    return Step(
        (client_turn(c), c.facts.kind(c.position) == Kind.CALL, c.position == k),
        lambda: pushed(c, CLIENT, k),
    )


# --- inputs ----------------------------------------------------------------------------------


@rule("storage")
def need(c: Configuration, s: Any) -> Step:
    """Rematerialize an evicted storage: the top frame reads it, or no frame is under way.

    The second case serves the write barrier and pins. A frame's call is then the first of the
    storage's chain; mutations are replayed after it, in order, into the same buffer.
    """
    top = c.depth
    return Step(
        (
            no(c.stopped),
            c.alive[s],
            c.recoverable[s],
            no(c.resident[s]),
            (top == 0) | (no(c.executed[top]) & wanted(c, top, s)),
        ),
        lambda: pushed(c, s, c.facts.chain(s, 0)),
    )


@rule("storage")
def lock(c: Configuration, s: Any) -> Step:
    """The top frame secures a resident input until its call is done."""
    top = c.depth
    return Step(
        (
            no(c.stopped),
            top > 0,
            no(c.executed[top]),
            wanted(c, top, s),
            c.resident[s],
            no(c.locked[top].has(s)),
        ),
        lambda: c.but(locked=c.locked.set(top, c.locked[top].add(s))),
    )


@rule("storage")
def evict(c: Configuration, s: Any) -> Step:
    """Any evictable storage may lose its bytes: the machine's one real choice, left to a policy."""
    return Step(
        (no(c.stopped), evictable(c, s)),
        lambda: c.but(
            resident=c.resident.set(s, False),
            used=c.used - c.facts.size(s),
        ),
    )


# --- the write barrier -----------------------------------------------------------------------


@rule("storage")
def hold(c: Configuration, s: Any) -> Step:
    """Forget the recipe of a resident storage, so that nothing it reads is needed for it any more.

    This is how the write barrier cuts the recipe graph before a version is overwritten, and how
    banishing frees a storage for good.
    """
    return Step(
        (no(c.stopped), c.alive[s], c.resident[s], c.recoverable[s], settled(c, s)),
        lambda: c.but(recoverable=c.recoverable.set(s, False)),
    )


@rule("storage")
def keep(c: Configuration, s: Any) -> Step:
    """Copy aside a version that the client's call is about to overwrite, so that recipes may go on reading it."""
    top = c.depth
    version = c.version[s]
    return Step(
        (
            running(c),
            c.target[top] == CLIENT,
            c.facts.written(c.call[top]).has(s),
            no(c.kept[s].has(version)),
            c.used + c.facts.size(s) <= c.budget,
        ),
        lambda: c.but(
            kept=c.kept.set(s, c.kept[s].add(version)),
            kept_content=c.kept_content.set(s, c.kept_content[s].set(version, c.content[s])),
            used=c.used + c.facts.size(s),
        ),
    )


@rule("storage", "version")
def drop(c: Configuration, s: Any, version: Any) -> Step:
    """Free a copy that no promised recipe reads, between calls: within one it could be copied again, for ever."""
    return Step(
        (client_turn(c), c.kept[s].has(version), unread(c, s, version)),
        lambda: c.but(kept=c.kept.set(s, c.kept[s].remove(version)), used=c.used - c.facts.size(s)),
    )


# --- a call runs -----------------------------------------------------------------------------


@rule("bytes")
def allocate(c: Configuration, n: Any) -> Step:
    """The running call asks for bytes, outputs and scratch alike; they are granted only within the budget."""
    top = c.depth
    return Step(
        (running(c), n > 0, c.facts.asks(c.call[top], c.target[top], c.cursor[top], n), c.used + n <= c.budget),
        lambda: c.but(
            held=c.held.set(top, c.held[top] + n), used=c.used + n, cursor=c.cursor.set(top, c.cursor[top] + 1)
        ),
    )


@rule("bytes")
def free(c: Configuration, n: Any) -> Step:
    """The call gives bytes back: scratch and copies while it runs, unwanted results when it has computed."""
    top = c.depth
    spare = c.held[top] - c.owed[top]
    given = no(c.executed[top]) & c.facts.asks(c.call[top], c.target[top], c.cursor[top], -n)
    return Step(
        (no(c.stopped), top > 0, n > 0, n <= spare, gathered(c, top), c.executed[top] | given),
        lambda: c.but(
            held=c.held.set(top, c.held[top] - n), used=c.used - n, cursor=c.cursor.set(top, c.cursor[top] + 1)
        ),
    )


@rule("call")
def execute(c: Configuration, k: Any) -> Step:
    """The client's call computes, once: fresh storages come into being, overwritten ones take their next version.

    The write barrier is a premise: whatever the call overwrites, no *other* promised recipe reads,
    unless the version is kept. A result that reads what its own call overwrites is recoverable only
    if that version is kept.
    """
    top, facts = c.depth, c.facts
    written, created = facts.written(k), facts.created(k)

    def overwritten_only_here(s: Any) -> Any:
        return written.every(lambda w: (w == s) | c.kept[w].has(c.version[w]))

    return Step(
        (
            running(c),
            c.target[top] == CLIENT,
            c.call[top] == k,
            facts.asked(k, CLIENT, c.cursor[top]),
            c.held[top] == facts.fresh_bytes(k),
            created.every(lambda s: no(c.alive[s])),
            written.every(lambda w: c.locked[top].has(w)),
            written.every(lambda w: c.kept[w].has(c.version[w]) | unread(c, w, c.version[w])),
        ),
        lambda: c.but(
            clock=c.clock + facts.cost(k),
            executed=c.executed.set(top, True),
            unbound=c.unbound.set(top, created),
            owed=c.owed.set(top, facts.fresh_bytes(k)),
            outcome=c.outcome.set(top, c.outcome[top].set_each(created, lambda s: computed(c, top, s))),
            alive=c.alive.set_each(created, lambda s: True),
            handles=c.handles.set_each(created, lambda s: 1),
            recoverable=c.recoverable.set_each(created, overwritten_only_here).set_each(
                written, lambda s: c.recoverable[s] & overwritten_only_here(s)
            ),
            content=c.content.set_each(written, lambda s: computed(c, top, s)),
            version=c.version.set_each(written, lambda s: c.version[s] + 1),
        ),
    )


@rule("call")
def replay(c: Configuration, k: Any) -> Step:
    """A rematerialization computes one call of its chain again, reading the versions that were read then.

    Nothing but the target changes: what else the call overwrites are copies. Results other than the
    target may revive evicted storages that still want them.
    """
    top, facts = c.depth, c.facts
    t = c.target[top]
    produced = facts.created(k).add(t)

    def wants(s: Any) -> Any:
        last = ite(s == t, c.stage[top] == c.version[t], c.version[s] == 0)
        idle = c.frames.every(lambda d: (d == top) | (c.target[d] != s))
        return c.alive[s] & c.recoverable[s] & no(c.resident[s]) & idle & last

    return Step(
        (
            running(c),
            t != CLIENT,
            c.call[top] == k,
            facts.asked(k, t, c.cursor[top]),
            facts.size(t) <= c.held[top],
        ),
        lambda: c.but(
            clock=c.clock + facts.cost(k),
            executed=c.executed.set(top, True),
            unbound=c.unbound.set(top, produced.where(wants)),
            owed=c.owed.set(top, facts.size(t)),
            outcome=c.outcome.set(top, c.outcome[top].set_each(produced, lambda s: computed(c, top, s))),
        ),
    )


@rule("storage")
def bind(c: Configuration, s: Any) -> Step:
    """A computed result becomes resident: bytes pass from the frame to the storage, none are asked for."""
    top = c.depth
    size = c.facts.size(s)
    due = ite((c.target[top] == CLIENT) | (c.target[top] == s), size, 0)
    return Step(
        (
            no(c.stopped),
            top > 0,
            c.executed[top],
            c.unbound[top].has(s),
            no(c.resident[s]),
            c.owed[top] - due <= c.held[top] - size,
        ),
        lambda: c.but(
            resident=c.resident.set(s, True),
            content=c.content.set(s, c.outcome[top][s]),
            unbound=c.unbound.set(top, c.unbound[top].remove(s)),
            held=c.held.set(top, c.held[top] - size),
            owed=c.owed.set(top, c.owed[top] - due),
        ),
    )


@rule()
def advance(c: Configuration) -> Step:
    """A rematerialization goes on to the mutation that came next; its buffer is all that it still holds."""
    top = c.depth
    t = c.target[top]
    return Step(
        (
            no(c.stopped),
            top > 0,
            c.executed[top],
            t != CLIENT,
            c.stage[top] < c.version[t],
            c.held[top] == c.facts.size(t),
        ),
        lambda: emptied(c, top).but(
            stage=c.stage.set(top, c.stage[top] + 1),
            call=c.call.set(top, c.facts.chain(t, c.stage[top] + 1)),
        ),
    )


@rule()
def commit(c: Configuration) -> Step:
    """The top frame is done: what it owed is bound, nothing else is held, its locks fall."""
    top = c.depth
    t = c.target[top]
    done = ite(
        t == CLIENT,
        c.facts.created(c.call[top]).every(lambda s: no(c.unbound[top].has(s))),
        no(c.unbound[top].has(t)) & (c.stage[top] == c.version[t]),
    )
    return Step(
        (no(c.stopped), top > 0, c.executed[top], done, c.held[top] == 0),
        lambda: c.but(
            depth=top - 1,
            position=ite(t == CLIENT, c.position + 1, c.position),
        ),
    )


# --- the end of a storage, and of memory -----------------------------------------------------


@rule("storage")
def collect(c: Configuration, s: Any) -> Step:
    """A storage without handles that no promised recipe reads ceases to exist, resident or not.

    It may do so while frames are under way: what these have still to read has a handle, or a promised recipe reads it.
    """
    return Step(
        (no(c.stopped), c.alive[s], c.handles[s] == 0, unread(c, s, c.version[s]), settled(c, s)),
        lambda: c.but(
            alive=c.alive.set(s, False),
            recoverable=c.recoverable.set(s, False),
            resident=c.resident.set(s, False),
            used=c.used - ite(c.resident[s], c.facts.size(s), 0),
        ),
    )


@rule("bytes")
def out_of_memory(c: Configuration, n: Any) -> Step:
    """n bytes are asked for, do not fit, and nothing is evictable. The state stays as it is; the run ends."""
    top, facts = c.depth, c.facts
    by_constant = (top == 0) & (facts.kind(c.position) == Kind.CONSTANT) & (facts.size(facts.subject(c.position)) == n)
    unkept = facts.written(c.call[top]).where(lambda s: (facts.size(s) == n) & no(c.kept[s].has(c.version[s])))
    by_keep = (c.target[top] == CLIENT) & no(unkept.every(lambda s: False))
    by_call = facts.asks(c.call[top], c.target[top], c.cursor[top], n)
    return Step(
        (
            no(c.stopped),
            by_constant | (running(c) & (by_keep | by_call)),
            c.budget < c.used + n,
            facts.storages(c).every(lambda s: no(evictable(c, s))),
        ),
        lambda: c.but(stopped=True),
    )
