# SPDX-License-Identifier: Apache-2.0
"""What holds of every program: the axioms of the proofs.

Written in the rules' vocabulary over a program's facts, so that the same definition is an axiom for
Z3 and a check on programs of values.
"""

from collections.abc import Callable
from typing import Any

from .facts import CLIENT, Kind
from .readings import implies, ite, no

Assumption = Callable[[Any], Any]


def successive(f: Any, holds: Callable[[Any, Any], Any]) -> Any:
    """Something holds of every position and the next.

    The next is a variable of its own, so that Z3 does not go on from position to position for ever.
    """
    positions = f.positions()
    return positions.every(lambda p: positions.every(lambda q: implies((p < q) & (q <= p + 1), holds(p, q))))


def sizes_are_not_negative(f: Any) -> Any:
    """Storages have no fewer than zero bytes."""
    return f.all_storages().every(lambda s: f.size(s) >= 0)


def calls_touch_storages(f: Any) -> Any:
    """What a call reads and creates are storages."""

    def touched(k: Any) -> Any:
        return f.read(k).every(f.all_storages().has) & f.created(k).every(f.all_storages().has)

    return f.positions().every(touched)


def only_calls_read_and_create(f: Any) -> Any:
    """Other commands read, overwrite and create nothing as calls do."""

    def is_call(k: Any) -> Any:
        return (f.kind(k) == Kind.CALL) & (k >= 0)

    return f.positions().every(
        lambda k: f.read(k).every(lambda s: is_call(k)) & f.created(k).every(lambda s: is_call(k))
    )


def overwritten_is_read(f: Any) -> Any:
    """A call reads what it overwrites."""
    return f.positions().every(lambda k: f.written(k).every(f.read(k).has))


def the_client_starts_with_nothing(f: Any) -> Any:
    """At the first command there are no versions and no handles."""
    return f.all_storages().every(lambda s: (f.version_at(s, 0) == 0) & (f.handles_at(s, 0) == 0))


def programs_end(f: Any) -> Any:
    """Commands lie before the end, and each is of one of the kinds."""

    def command(p: Any) -> Any:
        kind = f.kind(p)
        return (kind >= Kind.DONE) & (kind <= Kind.PIN) & ((kind == Kind.DONE) | (p < f.end()))

    return (f.end() >= 0) & f.positions().every(command)


def created_is_new(f: Any) -> Any:
    """A storage has one creator, before which it has no versions, no handles and no readers."""

    def new(k: Any, s: Any) -> Any:
        unread = no(f.read(k).has(s)) & no(f.written(k).has(s))
        return (f.creator(s) == k) & (f.version_at(s, k) == 0) & (f.handles_at(s, k) == 0) & unread

    constants = f.positions().where(lambda p: f.kind(p) == Kind.CONSTANT)
    by_constants = constants.every(lambda p: f.all_storages().has(f.subject(p)) & new(p, f.subject(p)))
    return by_constants & f.positions().every(lambda k: f.created(k).every(lambda s: new(k, s) & (f.chain(s, 0) == k)))


def reads_are_current(f: Any) -> Any:
    """A call reads versions of storages that were created before it and that the client can still name."""

    def current(k: Any, s: Any) -> Any:
        version = f.version_at(s, k)
        return (f.version_read(k, s) == version) & (f.creator(s) < k) & (f.handles_at(s, k) > 0)

    return f.positions().every(lambda k: f.read(k).every(lambda s: current(k, s)))


def versions_count_mutations(f: Any) -> Any:
    """Each mutation makes the next version; nothing else does."""

    def counted(s: Any, p: Any, q: Any) -> Any:
        return f.version_at(s, q) == f.version_at(s, p) + ite(f.written(p).has(s), 1, 0)

    def within(s: Any, p: Any) -> Any:
        return (f.version_at(s, p) >= 0) & (f.version_at(s, p) <= f.mutations(s))

    return f.all_storages().every(
        lambda s: f.positions().every(lambda p: within(s, p)) & successive(f, lambda p, q: counted(s, p, q))
    )


def chains_are_the_mutators(f: Any) -> Any:
    """The stages of a chain after the first are the storage's mutations, each of which reads the version before."""

    def mutator(s: Any, i: Any) -> Any:
        k = f.chain(s, i)
        return implies((i >= 1) & (i <= f.mutations(s)), f.written(k).has(s) & (f.version_at(s, k) == i - 1))

    def stage(k: Any, s: Any) -> Any:
        version = f.version_at(s, k)
        return (f.chain(s, version + 1) == k) & (version < f.mutations(s))

    stages = f.all_storages().every(lambda s: f.numbers().every(lambda i: mutator(s, i)))
    return stages & f.positions().every(lambda k: f.written(k).every(lambda s: stage(k, s)))


def chains_go_forward(f: Any) -> Any:
    """A chain follows the order of the program, and what has been written lies behind."""

    def ordered(s: Any, i: Any, j: Any) -> Any:
        return implies((i >= 0) & (i <= j) & (j <= f.mutations(s)), f.chain(s, i) <= f.chain(s, j))

    def past(s: Any, i: Any, p: Any) -> Any:
        behind = (f.creator(s) < p) & (i >= 0) & (i <= f.version_at(s, p))
        return implies(behind, f.chain(s, i) < p)

    numbers, positions = f.numbers(), f.positions()
    return f.all_storages().every(
        lambda s: (
            numbers.every(lambda i: numbers.every(lambda j: ordered(s, i, j)))
            & numbers.every(lambda i: positions.every(lambda p: past(s, i, p)))
        )
    )


def recipes_are_what_chains_read(f: Any) -> Any:
    """A recipe reads exactly what the calls of its chain read of other storages."""

    def noted(x: Any, i: Any, s: Any) -> Any:
        k = f.chain(x, i)
        stage = (i >= 0) & (i <= f.mutations(x)) & f.created(f.chain(x, 0)).has(x) & (s != x)
        return implies(stage, f.first_reading(x, s, f.version_read(k, s)) <= i)

    def real(s: Any, x: Any, v: Any) -> Any:
        i = f.first_reading(x, s, v)
        k = f.chain(x, i)
        reads = f.read(k).has(s) & (f.version_read(k, s) == v)
        return (i >= 0) & implies(i <= f.mutations(x), (s != x) & f.readers(s).has(x) & reads)

    storages, numbers = f.all_storages(), f.numbers()
    every_reading = storages.every(
        lambda x: numbers.every(lambda i: f.read(f.chain(x, i)).every(lambda s: noted(x, i, s)))
    )
    return every_reading & storages.every(lambda s: storages.every(lambda x: numbers.every(lambda v: real(s, x, v))))


def readers_are_storages(f: Any) -> Any:
    """What reads a storage in its recipe is another storage."""
    return f.all_storages().every(lambda s: f.readers(s).every(f.all_storages().has))


def handles_are_counted(f: Any) -> Any:
    """Constants, calls and aliases give handles, releases take them, and only what has one is named."""

    def counted(s: Any, p: Any, q: Any) -> Any:
        kind, subject = f.kind(p), f.subject(p) == s
        given = f.created(p).has(s) | (subject & ((kind == Kind.CONSTANT) | (kind == Kind.ALIAS)))
        taken = subject & (kind == Kind.RELEASE)
        return f.handles_at(s, q) == f.handles_at(s, p) + ite(given, 1, 0) - ite(taken, 1, 0)

    def named(p: Any) -> Any:
        kind = f.kind(p)
        by_handle = (kind == Kind.ALIAS) | (kind == Kind.RELEASE) | (kind == Kind.PIN)
        return implies(by_handle, f.all_storages().has(f.subject(p)) & (f.handles_at(f.subject(p), p) > 0))

    counts = f.all_storages().every(lambda s: successive(f, lambda p, q: counted(s, p, q)))
    return counts & f.positions().every(named)


def the_eager_machine(f: Any) -> Any:
    """The eager machine writes a constant's leaf, and what a call computes from the eager contents of what it reads."""

    def inputs(k: Any) -> Callable[[Any], Any]:
        return lambda x: f.meaning(x, f.version_read(k, x))

    def constant(p: Any) -> Any:
        return implies(f.kind(p) == Kind.CONSTANT, f.meaning(f.subject(p), 0) == f.leaf(f.subject(p)))

    def call(k: Any) -> Any:
        creates = f.created(k).every(lambda s: f.result(k, s, inputs(k)) == f.meaning(s, 0))
        return creates & f.written(k).every(
            lambda s: f.result(k, s, inputs(k)) == f.meaning(s, f.version_read(k, s) + 1)
        )

    return f.positions().every(lambda p: constant(p) & call(p))


ASSUMPTIONS: dict[str, Assumption] = {
    assumption.__name__: assumption
    for assumption in (
        sizes_are_not_negative,
        calls_touch_storages,
        only_calls_read_and_create,
        overwritten_is_read,
        the_client_starts_with_nothing,
        programs_end,
        created_is_new,
        reads_are_current,
        versions_count_mutations,
        chains_are_the_mutators,
        chains_go_forward,
        recipes_are_what_chains_read,
        readers_are_storages,
        handles_are_counted,
        the_eager_machine,
    )
}


def profiles_are_followed(f: Any) -> Any:
    """A declared profile asks piece by piece, never gives back more than it has, and sums to the results' bytes."""

    def done(k: Any, t: Any, i: Any) -> Any:
        return implies(f.asked(k, t, i), f.requested(k, t, i) == f.fresh_bytes(k))

    def asked(k: Any, t: Any, i: Any) -> Any:
        piece = f.piece(k, t, i)
        return f.asked(k, t, i) | (f.asks(k, t, i, piece) & (piece != 0))

    def summed(k: Any, t: Any, i: Any, j: Any) -> Any:
        return implies((i < j) & (j <= i + 1), f.requested(k, t, j) == f.requested(k, t, i) + f.piece(k, t, i))

    def only(k: Any, t: Any, i: Any) -> Any:
        return f.pieces(k, t, i).every(lambda n: (n == f.piece(k, t, i)) & (i < f.length(k, t)))

    def profile(k: Any, t: Any) -> Any:
        cursors = f.cursors(k, t)
        return (
            (f.requested(k, t, 0) == 0)
            & (f.length(k, t) >= 0)
            & cursors.every(lambda i: (f.requested(k, t, i) >= 0) & (f.requested(k, t, i) + f.piece(k, t, i) >= 0))
            & cursors.every(lambda i: done(k, t, i) & asked(k, t, i) & only(k, t, i))
            & cursors.every(lambda i: cursors.every(lambda j: summed(k, t, i, j)))
        )

    def enough(k: Any) -> Any:
        return f.created(k).every(lambda s: f.size(s) <= f.fresh_bytes(k))

    return f.calls().every(lambda k: enough(k) & profile(k, CLIENT) & f.all_storages().every(lambda t: profile(k, t)))


DECLARED: dict[str, Assumption] = {profiles_are_followed.__name__: profiles_are_followed}
"""What holds besides when calls ask for exactly the bytes of their profiles."""
