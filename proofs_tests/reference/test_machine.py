# SPDX-License-Identifier: Apache-2.0
"""The machine on small programs: what it does, step by step. Observations are compared with eager evaluation."""

from fractions import Fraction
from typing import Any

import pytest

from dtr_reference import HEURISTICS, Mixing, Run, Terms, run
from dtr_spec.policy import HeuristicError, Score, StorageView
from dtr_spec.program import Program

from ..claims import claim
from .audit import audited, eager
from .programs import Builder


def steps(result: Run, *rules: str) -> list[str]:
    """The steps of a run (of these rules), written ``rule subject``."""
    return [f"{e.rule} {e.subject}" for e in result.trace.events if not rules or e.rule in rules]


def both(program: Program, budget: int, heuristic: Any = "h_lru", deallocation: str = "eager") -> Run:
    """A finished run, audited with terms and with numbers, which must not change what happens."""
    result = audited(program, budget, heuristic, deallocation, Terms())
    assert result.trace == audited(program, budget, heuristic, deallocation, Mixing()).trace
    assert result.status == "finished"
    return result


class LeastIndex:
    """Evicts the oldest storage: scores that are easy to follow by hand."""

    def score(self, storage: StorageView, clock: int) -> Score:
        return storage.index


class Constantly:
    """Scores everything alike, so that the tie-break alone decides."""

    def score(self, storage: StorageView, clock: int) -> Score:
        return 0


def test_chain() -> None:
    """A chain that does not fit is recomputed from its last resident storage."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    b = build.call("b", a)
    c = build.call("c", b)
    build.read(c)
    build.read(a)
    result = both(build.program(), 3, LeastIndex())
    assert steps(result) == [
        *["constant 0", "call 1", "lock 0", "allocate 1", "execute 1", "bind 1", "commit 0"],
        *["call 2", "lock 1", "allocate 1", "execute 2", "bind 2", "commit 0"],
        *["call 3", "lock 2", "evict 1", "allocate 1", "execute 3", "bind 3", "commit 0"],
        *["call 4", "lock 3", "execute 4", "commit 0"],
        *["call 5", "need 1", "lock 0", "evict 2", "allocate 1", "replay 1", "bind 1", "commit 0"],
        *["lock 1", "execute 5", "commit 0"],
    ]


def test_recursion_locks_the_resident_inputs_first() -> None:
    """Resident inputs are locked in argument order, then evicted ones rematerialized, then everything unlocks."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    b = build.call("b", a)
    d = build.call("d", x)
    build.release(build.call("large", x, sizes=(2,)))
    build.read(b, x, d)
    result = both(build.program(), 4, LeastIndex())
    last = steps(result)[steps(result).index("call 6") :]
    assert last == [
        *["call 6", "lock 0", "lock 3", "need 2", "need 1", "lock 0", "allocate 1", "replay 1", "bind 1", "commit 0"],
        *["lock 1", "allocate 1", "replay 2", "bind 2", "commit 0", "lock 2", "execute 6", "commit 0"],
    ]


def test_diamond() -> None:
    """A shared ancestor is rematerialized once for both sides if it stays."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    b = build.call("b", a)
    c = build.call("c", a)
    build.call("large", x, sizes=(3,))
    build.release(4)
    build.read(b, c)
    result = both(build.program(), 4, LeastIndex())
    assert steps(result, "replay") == ["replay 1", "replay 2", "replay 3"]
    assert (result.rematerializations, result.rematerialization_cost) == (3, 3)
    assert result.clock == 1 + 4 + 3


def test_siblings_are_bound_if_they_lack_and_freed_if_not() -> None:
    """Replaying a call with several outputs restores those that are evicted and throws the others away."""
    build = Builder()
    x = build.constant()
    first = build.call("split", x, sizes=(1, 1, 1))
    build.release(build.call("large", x, sizes=(3,)))
    build.read(first)
    result = both(build.program(), 5, LeastIndex())
    assert steps(result, "evict") == ["evict 1", "evict 2", "evict 4"]
    replay = steps(result)[steps(result).index("replay 1") :]
    assert replay == ["replay 1", "bind 2", "free 1", "bind 1", "commit 0", "lock 1", "execute 4", "commit 0"]


def test_mutation_chain() -> None:
    """A temporary that was overwritten is recomputed by replaying its writes into one buffer, a stage each."""
    build = Builder()
    x = build.constant()
    y = build.constant()
    t = build.call("t", x)
    row = build.alias(t, "row")
    build.write("add_", t, y)
    build.write("mul_", row, x, t)
    build.release(build.call("large", x, sizes=(2,)))
    build.read(row, t)
    result = both(build.program(), 4, LeastIndex())
    replay = steps(result)[steps(result).index("need 2") :]
    assert replay == [
        *["need 2", "lock 0", "allocate 1", "replay 2", "advance 0", "lock 1", "replay 4"],
        *["advance 0", "lock 0", "replay 5", "bind 2", "commit 0", "lock 2", "execute 8", "commit 0"],
    ]


@claim("T4", "Before a version is overwritten, what depends on it and can still be reached is held.", method="computed")
def test_write_barrier_holds_the_nearest_storages_with_handles() -> None:
    """a = f(p), b = g(a), release a, overwrite p: b is made resident and held, a is collected, c stays recoverable."""
    build = Builder()
    p = build.constant()
    a = build.call("a", p)
    b = build.call("b", a)
    c = build.call("c", b)
    build.release(a)
    build.release(build.call("large", p, sizes=(3,)))
    build.write("add_", p)
    build.read(b)
    build.read(c)
    result = both(build.program(), 4, LeastIndex())
    trace = steps(result)
    barrier = trace[trace.index("release 4") + 1 : trace.index("call 7")]
    assert barrier == [
        *["evict 4", "collect 4", "need 2", "need 1", "lock 0", "allocate 1", "replay 1", "bind 1", "commit 0"],
        *["lock 1", "allocate 1", "replay 2", "bind 2", "commit 0", "hold 2", "collect 1"],
    ]
    assert "need 3" in trace[trace.index("call 7") :]


@claim("T4", "An output that reads overwritten statistics is recomputed from the versions kept.", method="computed")
def test_kept_versions_keep_a_normalization_recoverable() -> None:
    """Small statistics that a call updates are copied aside, so its large output can still be recomputed."""
    build = Builder()
    x = build.constant(16)
    mean, variance = build.constant(1), build.constant(1)
    y = build.call("norm", x, mean, variance, sizes=(16,), mutates=(1, 2))
    build.release(build.call("large", x, sizes=(16,)))
    build.read(y)
    build.read(mean, variance)
    build.release(y)
    result = both(build.program(), 38, LeastIndex())
    assert steps(result, "keep") == ["keep 1", "keep 2"]
    replay = steps(result)[steps(result).index("need 3") : steps(result).index("bind 3", 20)]
    assert replay == ["need 3", "lock 0", "allocate 1", "allocate 1", "allocate 16", "free 1", "free 1", "replay 3"]
    assert steps(result)[-4:] == ["evict 3", "collect 3", "drop 1", "drop 2"]
    assert result.trace.events[-1].used == 18


def test_large_versions_are_not_kept() -> None:
    """Otherwise the output has no recipe and stays."""
    build = Builder()
    x, state = build.constant(4), build.constant(2)
    y = build.call("step", x, state, sizes=(4,), mutates=(1,))
    build.read(y)
    result = audited(build.program(), 10)
    assert not steps(result, "keep")
    build.call("large", x, sizes=(1,))
    result = audited(build.program(), 10)
    assert result.status == "out_of_memory"
    assert not result.evictions


def test_versions_that_are_just_small_enough_are_kept() -> None:
    """What is only read has four times the bytes of what is overwritten; with a byte less nothing is kept."""
    for read, kept in ((8, ["keep 1"]), (7, [])):
        build = Builder()
        x, state = build.constant(read), build.constant(2)
        build.read(build.call("step", x, state, sizes=(4,), mutates=(1,)))
        assert steps(audited(build.program(), 20), "keep") == kept


def test_a_recipe_lost_at_execute_lets_its_ancestors_go() -> None:
    """Two temporaries overwritten together lose their recipes; after the commit, what only those read is collected."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    t, u = build.call("t", a), build.call("u", a)
    build.release(a)
    build.write("swap_", t, u, mutates=(0, 1))
    build.read(t, u)
    result = both(build.program(), 8)
    trace = steps(result)
    assert trace[trace.index("execute 5") :][:3] == ["execute 5", "commit 0", "collect 1"]


def test_random_operators_are_replayed_with_the_state_they_saw() -> None:
    """A generator is a constant of zero bytes, mutated by every draw; its versions are always kept."""
    build = Builder()
    generator, x = build.constant(0), build.constant(1)
    masks = [build.call("dropout", generator, x, mutates=(0,)) for _ in range(3)]
    for mask in masks:
        build.read(mask)
    result = both(build.program(), 2)
    assert steps(result, "keep") == ["keep 0"] * 3
    assert result.rematerializations == 3
    assert len(set(map(id, result.observations))) == 3


def test_banishing_waits_for_the_dependents_and_holds_them() -> None:
    """A released storage with an evicted dependent waits; when it goes, the dependent is held."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    b = build.call("b", a)
    build.release(build.call("large", x, sizes=(2,)))
    build.release(a)
    build.read(b)
    result = both(build.program(), 4, LargestIndexBelow(3), "banish")
    assert steps(result, "evict", "release", "hold", "collect", "need") == [
        *["evict 2", "release 3", "collect 3", "release 1", "need 2", "hold 2", "collect 1"]
    ]


class LargestIndexBelow:
    """Evicts the youngest storage below an index."""

    def __init__(self, bound: int) -> None:
        self.bound = bound

    def score(self, storage: StorageView, clock: int) -> Score:
        return -storage.index if storage.index < self.bound else 0


def test_banishing_a_constant_with_resident_dependents() -> None:
    """Nothing keeps a released storage whose dependents are resident, constants included."""
    build = Builder()
    x = build.constant()
    a, b = build.call("a", x), build.call("b", x)
    build.release(x)
    build.read(a, b)
    result = both(build.program(), 4, "h_lru", "banish")
    assert steps(result, "hold", "collect") == ["hold 1", "hold 2", "collect 0"]


def test_ignored_releases_leave_everything_where_it_is() -> None:
    """Without a deallocation policy a released storage stays until its room is needed."""
    build = Builder()
    x = build.constant()
    build.release(build.call("a", x))
    build.read(x)
    result = both(build.program(), 2, "h_lru", "ignore")
    assert not steps(result, "evict", "collect")
    assert result.trace.events[-1].used == 2
    eager = both(build.program(), 2, "h_lru", "eager")
    assert steps(eager, "evict", "collect") == ["evict 1", "collect 1"]


def test_the_latest_to_become_evictable_goes_among_equals() -> None:
    """Being locked and unlocked again counts as becoming evictable."""
    build = Builder()
    x = build.constant()
    a, b = build.call("a", x), build.call("b", x)
    build.call("c", x)
    assert steps(both(build.program(), 3, Constantly()), "evict") == ["evict 2"]
    build.commands.pop()
    build.read(b, a)
    build.call("d", x)
    assert steps(both(build.program(), 3, Constantly()), "evict") == ["evict 1"]


def test_inputs_are_touched_when_they_are_requested() -> None:
    """The least recently used goes: a was made before b, but read after it, at a cost that comes later."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    build.call("b", x)
    build.read(x, cost=1)
    build.read(a, cost=10)
    build.call("c", x)
    result = both(build.program(), 3, "h_lru")
    assert steps(result, "evict") == ["evict 2"]
    build.commands[3:4] = []
    build.commands.insert(-1, build.commands.pop(2))
    result = both(build.program(), 3, "h_lru")
    assert steps(result, "evict") == ["evict 1"]


def test_the_inputs_of_a_rematerialization_are_touched_too() -> None:
    """a is read when b is rematerialized, after d was made; so d goes next."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    b = build.call("b", a)
    build.read(x, cost=1)
    build.read(a)
    build.call("c", x)
    build.call("d", x)
    build.read(x, cost=1)
    build.read(b)
    build.call("e", x)
    assert steps(both(build.program(), 4, "h_lru"), "evict") == ["evict 2", "evict 3", "evict 4"]


def test_the_write_barrier_collects_what_nobody_can_name() -> None:
    """Under *ignore*, released storages that read an overwritten version and cannot be needed again go with it."""
    build = Builder()
    p = build.constant()
    a = build.call("a", p)
    b = build.call("b", a)
    build.release(a, b)
    build.write("add_", p)
    result = both(build.program(), 3, "h_lru", "ignore")
    assert steps(result, "release", "collect", "call")[-3:] == ["collect 2", "collect 1", "call 5"]


def test_a_pinned_storage_stays() -> None:
    """Pinning rematerializes a storage, forgets its recipe, and lets go what only that needed."""
    build = Builder()
    x = build.constant()
    a = build.call("a", x)
    b = build.call("b", a)
    build.release(a)
    build.release(build.call("large", x, sizes=(2,)))
    build.pin(b)
    build.call("d", x)
    build.read(b)
    result = both(build.program(), 3, LeastIndex())
    trace = steps(result)
    assert trace[trace.index("replay 2") : trace.index("call 7")] == [
        *["replay 2", "bind 2", "commit 0", "pin 2", "collect 1"],
    ]
    build.call("e", x, sizes=(2,))
    assert audited(build.program(), 3, LeastIndex()).status == "out_of_memory"


def test_a_pin_lets_go_of_what_only_its_recipe_read() -> None:
    """The version of a generator that was kept for a mask, and a released storage that the mask was computed from."""
    build = Builder()
    generator, x = build.constant(0), build.constant(1)
    a = build.call("a", x)
    mask = build.call("dropout", generator, a, mutates=(0,))
    build.release(a)
    build.pin(mask)
    assert steps(both(build.program(), 4, "h_lru", "ignore"))[-3:] == [f"pin {mask}", "drop 0", f"collect {a}"]


def test_out_of_memory_says_what_is_in_the_way() -> None:
    """The run ends with the event; what is in use is accounted for."""
    build = Builder()
    x = build.constant(3)
    a = build.call("a", x, sizes=(2,), profile=(5, -5, 2))
    build.call("b", x, a, sizes=(4,))
    result = audited(build.program(), 8)
    lack = result.out_of_memory
    assert result.status == "out_of_memory"
    assert lack is not None
    assert (lack.position, lack.need, lack.used, lack.locked, lack.held, lack.allocated) == (2, 4, 5, 2, 3, 0)
    assert str(lack) == (
        "command 2: 4 bytes more do not fit into 8 with 5 in use (2 locked, 3 without a recipe, 0 in kept versions, "
        "0 allocated by calls under way); 1 bytes more would get past this point"
    )
    assert audited(build.program(), 9).status == "finished"
    assert steps(audited(build.program(), 2)) == ["out_of_memory 3"]
    assert audited(build.program(), 2).clock == 1


@pytest.mark.slow
@claim("T6", "A rematerialization of 20,000 evicted calls in a row needs no recursion.", method="computed")
def test_a_long_chain_of_evicted_calls_is_rematerialized() -> None:
    """20,000 evicted calls in a row need no recursion."""
    length = 20_000
    build = Builder()
    x = build.constant()
    last = x
    for _ in range(length):
        after = build.call("f", last)
        if last != x:
            build.release(last)
        last = after
    build.release(build.call("large", x, sizes=(2,)))
    build.read(last)
    program = build.program()
    result = run(program, 3, "h_lru")
    assert result.status == "finished"
    assert result.rematerializations == length
    assert result.observations == eager(program, Terms())


class Broken:
    """Returns what it is told to, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def score(self, storage: StorageView, clock: int) -> Score:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [float("nan"), None, "low", ZeroDivisionError("division by zero")])
def test_a_broken_heuristic_is_named_with_storage_and_event(answer: Any) -> None:
    """A heuristic's mistake is reported where it happened, its own exception chained."""
    build = Builder()
    x = build.constant()
    build.call("a", x)
    build.call("b", x)
    with pytest.raises(HeuristicError, match=r"^no score for storage 1 at event 9 \(command 2, making room") as caught:
        run(build.program(), 2, Broken(answer))
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("answer", [True, 0, Fraction(1, 3), float("inf"), -float("inf")])
def test_any_number_is_a_score(answer: Any) -> None:
    """Integers, fractions and infinities compare."""
    build = Builder()
    x = build.constant()
    build.call("a", x)
    build.call("b", x)
    assert run(build.program(), 2, Broken(answer)).evictions == 1


def test_arguments_are_checked() -> None:
    """Errors say what is known."""
    program = Builder().program()
    with pytest.raises(ValueError, match="unknown heuristic 'h_best'; known are h_dtr, h_dtr_eq, h_dtr_local, h_lru"):
        run(program, 1, "h_best")
    with pytest.raises(ValueError, match="unknown deallocation policy 'never'; known are eager, ignore, banish"):
        run(program, 1, "h_lru", "never")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="the budget is -1 bytes; it cannot be negative"):
        run(program, -1, "h_lru")


def test_the_configuration_names_the_policy() -> None:
    """A trace says what resolved its choices."""
    program = Builder().program()
    for name in HEURISTICS:
        assert run(program, 0, name).trace.configuration == {"heuristic": name, "deallocation": "eager"}
    assert run(program, 0, Constantly(), "ignore").trace.configuration["heuristic"] == "Constantly"


@claim("T3", "A held storage that only a smaller one's recipe reads gives way to it.", method="computed")
def test_what_has_no_recipe_gives_way_to_its_readers() -> None:
    """A constant without handles is freed by holding a resident reader that is no larger, but not for a larger one."""
    for size, freed in ((2, True), (3, False)):
        build = Builder()
        x = build.constant(2)
        build.call("y", x, sizes=(size,))
        build.release(x)
        result = audited(build.program(), 10)
        assert steps(result)[-2:] == (["hold 1", "collect 0"] if freed else ["commit 0", "release 0"])


def test_what_has_no_recipe_waits_for_evicted_readers() -> None:
    """The constant goes when its reader is resident again."""
    build = Builder()
    x = build.constant(2)
    y = build.call("y", x, sizes=(2,))
    build.release(build.call("large", sizes=(8,)))
    build.release(x)
    build.read(y)
    result = audited(build.program(), 10)
    assert steps(result)[-2:] == ["hold 1", "collect 0"]


@claim("T4", "A storage overwritten without end does not keep a recipe without end.", method="computed")
def test_a_long_chain_of_mutations_is_held() -> None:
    """With the seventeenth call of its chain a storage is held, and the recipe's inputs go."""
    build = Builder()
    x = build.call("zeros", sizes=(2,))
    for _ in range(40):
        step = build.constant(1)
        build.write("add", x, step)
        build.release(step)
    build.read(x)
    result = audited(build.program(), 40)
    assert steps(result, "hold") == ["hold 0"]
    assert steps(result)[steps(result).index("hold 0") - 5] == f"call {1 + 3 * 15 + 1}"
    assert result.peak == 2 + 16
