# SPDX-License-Identifier: Apache-2.0
"""The simulator on programs written by hand."""

from typing import Any

import pytest

from dtr_runtime._build import load
from dtr_runtime.simulator import simulate
from dtr_spec import monitor
from dtr_spec.policy import HeuristicError, Score, StorageView
from dtr_spec.program import Program

from ..claims import claim
from ..reference.programs import Builder


def chain(length: int) -> Program:
    """t_i = f(t_{i-1}), all alive; then the first is read."""
    build = Builder()
    last = build.constant(1)
    handles = []
    for _ in range(length):
        last = build.call("f", last)
        handles.append(last)
    build.read(handles[0])
    return build.program()


def steps(program: Program, budget: int, heuristic: str = "h_lru") -> list[str]:
    trace = simulate(program, budget, heuristic).trace
    assert monitor.check(trace)
    return [f"{event.rule} {event.subject}" for event in trace.events]


def test_a_chain_in_two_bytes_more_than_its_constant() -> None:
    assert steps(chain(3), 3) == [
        *("constant 0", "call 1", "lock 0", "allocate 1", "execute 1", "bind 1", "commit 0"),
        *("call 2", "lock 1", "allocate 1", "execute 2", "bind 2", "commit 0"),
        *("call 3", "lock 2", "evict 1", "allocate 1", "execute 3", "bind 3", "commit 0"),
        *("call 4", "need 1", "lock 0", "evict 2", "allocate 1", "replay 1", "bind 1", "commit 0"),
        *("lock 1", "execute 4", "commit 0"),
    ]


def test_out_of_memory_says_what_would_do() -> None:
    result = simulate(chain(3), 2)
    assert result.status == "out_of_memory"
    assert result.trace.events[-1].rule == "out_of_memory"
    assert result.counters["evictable"] == 0  # the input of the call under way is locked
    assert result.failure is not None
    assert "a budget of at least 3 bytes" in result.failure
    assert simulate(chain(3), 3).status == "finished"


@claim("T6", "A chain of 100,000 evicted calls is rematerialized, on an explicit stack.", method="regression")
def test_a_long_chain_is_rematerialized_without_recursion() -> None:
    length = 100_000
    build = Builder()
    last = build.call("f", build.constant(0))
    for _ in range(length - 1):
        previous, last = last, build.call("f", last)
        build.release(previous)
    build.release(build.call("g", 0, sizes=(2,)))  # two bytes: nothing else stays
    build.read(last)
    result = simulate(build.program(), 2, record=False)
    assert result.status == "finished"
    assert result.counters["rematerializations"] == length


class Constantly:
    """Gives every storage the same score."""

    def __init__(self, value: object) -> None:
        self.value = value

    def score(self, storage: StorageView, clock: int) -> Score:
        return self.value  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("value", [float("nan"), None, "1", 1j])
def test_an_unusable_score_is_an_error(value: object) -> None:
    with pytest.raises(HeuristicError, match=r"Constantly\.score returned"):
        simulate(chain(4), 3, Constantly(value))


def test_what_a_heuristic_raises_passes_through() -> None:
    class Failing:
        def score(self, storage: StorageView, clock: int) -> Score:
            raise ZeroDivisionError(storage.index)

    with pytest.raises(ZeroDivisionError, match="1"):
        simulate(chain(4), 3, Failing())


def test_a_view_is_lent_for_one_choice() -> None:
    views: list[StorageView] = []

    class Keeping:
        def score(self, storage: StorageView, clock: int) -> Score:
            assert isinstance(storage, StorageView)
            views.append(storage)
            return 1

    simulate(chain(4), 3, Keeping())
    with pytest.raises(RuntimeError, match="may only be read while its score is asked for"):
        _ = views[0].size


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="known are h_dtr, h_dtr_eq"):
        simulate(chain(1), 9, "h_best")
    with pytest.raises(ValueError, match="known are eager, ignore, banish"):
        simulate(chain(1), 9, deallocation="lazy")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"score\(storage, clock\)"):
        simulate(chain(1), 9, 7)  # pyright: ignore[reportArgumentType]


def test_commands_that_are_none_are_refused() -> None:
    """Programs are checked before they come to the engine, which has a look itself."""
    core: Any = load()
    made = core.Command
    twice = [made.constant(1), made.call([0], [], [1], 1, [1]), made.release(0, 0), made.release(0, 0)]
    with pytest.raises(RuntimeError, match="storage 0 has no handle to release"):
        core.simulate(twice, 9, "h_lru", "ignore", True)
    with pytest.raises(RuntimeError, match="storage 7 does not exist"):
        core.simulate([made.pin(7, 7)], 9, "h_lru", "ignore", True)
    with pytest.raises(ValueError, match="the cost of a call is -1, below 0"):
        core.simulate([made.call([], [], [], -1, [])], 9, "h_lru", "ignore", True)


def test_counters_name_why_bytes_stay() -> None:
    build = Builder()
    p = build.constant(3)
    a = build.call("f", p, sizes=(4,))
    build.write("w", p, cost=2)  # a is held
    b = build.call("g", p, sizes=(5,), mutates=(0,))  # b is born held: what else the call reads is too small to keep p
    c = build.call("h", a, b, sizes=(6,))
    d = build.call("h", c, sizes=(7,))
    build.pin(d)
    build.pin(build.constant(2))
    result = simulate(build.program(), 100)
    expected = {"constant": 3, "held": 4, "born_held": 5, "pinned": 9, "kept": 0, "evictable": 6}
    assert {name: result.counters[name] for name in expected} == expected


@pytest.mark.parametrize(("heuristic", "name"), [("h_lru", "h_lru"), (Constantly(1), "Constantly")])
def test_a_trace_says_what_made_it(heuristic: str | Constantly, name: str) -> None:
    made = simulate(chain(3), 9, heuristic, "banish").trace.configuration
    assert made == {"heuristic": name, "deallocation": "banish", "machine": "simulator"}


def test_counters_name_what_kept_versions_take() -> None:
    """While the recipe lives that reads the version before."""
    build = Builder()
    p = build.constant(2)
    result = build.call("norm", p, build.constant(8), mutates=(0,))
    assert simulate(build.program(), 100).counters["kept"] == 2
    build.release(result)
    assert simulate(build.program(), 100).counters["kept"] == 0


def test_events_are_optional() -> None:
    assert simulate(chain(9), 4, record=False).trace.events == ()
