# SPDX-License-Identifier: Apache-2.0
"""The C++ engine decides exactly as the reference does: the same events, in the same order, with the same bytes."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest

from dtr_reference import HEURISTICS, Run, run
from dtr_reference.machine import DEALLOCATIONS
from dtr_reference.outcome import OutOfMemory
from dtr_runtime.simulator import simulate
from dtr_spec.policy import Score, StorageView
from dtr_spec.program import Program

from ..agreement import first_difference
from ..claims import claim
from ..reference.programs import Builder, random_program
from .programs import training_program

PLENTY = 10**9
PROGRAMS = 40
RATIOS = (Fraction(1), Fraction(4, 5), Fraction(3, 5), Fraction(2, 5))


class EveryView:
    """A heuristic of the user's own that looks at everything a view offers."""

    def score(self, storage: StorageView, clock: int) -> Score:
        known = storage.neighborhood_cost + storage.class_cost + storage.ancestors_cost + storage.cost
        return Fraction(known + storage.dependents, (storage.size + storage.aliases + 1) * (clock - storage.index + 99))


class Coarse:
    """Floats, many of them equal or infinite."""

    def score(self, storage: StorageView, clock: int) -> Score:
        return float("inf") if storage.size % 3 == 0 else round((clock - storage.last_access) / 7) / 2


def compare(program: Program, heuristic: object, deallocation: str) -> Counter[str]:
    """Runs on both machines within several budgets; counts the rules that were taken."""

    def reference(budget: int) -> Run:
        return run(program, budget, heuristic, deallocation)  # pyright: ignore[reportArgumentType]

    plenty = reference(PLENTY)
    tight = [int(plenty.peak * ratio) for ratio in RATIOS]
    rules: Counter[str] = Counter()
    for budget, expected in [(PLENTY, plenty), *((budget, reference(budget)) for budget in tight)]:
        found = simulate(program, budget, heuristic, deallocation)  # pyright: ignore[reportArgumentType]
        assert first_difference(expected.trace.events, found.trace.events) is None, f"budget {budget}"
        assert (expected.status, expected.clock, expected.peak) == (found.status, found.clock, found.peak)
        assert expected.evictions == found.counters["evictions"]
        assert expected.rematerializations == found.counters["rematerializations"]
        assert expected.rematerialization_cost == found.counters["rematerialized"]
        assert found.counters["computed"] == found.clock - 1 - found.counters["rematerialized"]
        assert found.failure == expected_failure(expected.out_of_memory)
        rules.update(event.rule for event in expected.trace.events)
    return rules


def expected_failure(ran_out: OutOfMemory | None) -> str | None:
    """The engine's words for the reference's numbers: each byte in use is locked, irrecoverable or the call's own."""
    if ran_out is None:
        return None
    return (
        f"out of memory: {ran_out.need} more bytes do not fit a budget of {ran_out.budget} with {ran_out.used} in use, "
        f"of which {ran_out.locked} are locked by calls under way, {ran_out.held} cannot be recomputed and 0 are "
        f"evictable; going on takes a budget of at least {ran_out.used + ran_out.need} bytes"
    )


@claim("T9", "The engine and the reference take the same steps in the same order.", method="property-tested")
@pytest.mark.parametrize("deallocation", DEALLOCATIONS)
@pytest.mark.parametrize("heuristic", HEURISTICS)
def test_lockstep(heuristic: str, deallocation: str, claim_scope: Callable[[str], None]) -> None:
    rules: Counter[str] = Counter()
    for seed in range(PROGRAMS):
        rules += compare(random_program(seed, 40), heuristic, deallocation)
        rules += compare(training_program(seed), heuristic, deallocation)
    claim_scope(f"{2 * PROGRAMS * (1 + len(RATIOS))} runs")
    for rule in ("evict", "need", "replay", "advance", "keep", "drop", "hold", "pin", "collect", "out_of_memory"):
        assert rules[rule] > 0 or (rule, deallocation) == ("collect", "ignore"), f"no {rule}: nothing is shown of it"


def test_a_long_chain_of_mutations_is_held_alike() -> None:
    """The longest chain that is not held, and one call more."""
    for writes in (15, 16, 17):
        build = Builder()
        x = build.constant()
        t = build.call("t", x)
        for _ in range(writes):
            build.write("add_", t, x)
        held = compare(build.program(), "h_lru", "eager")["hold"]
        assert (held > 0) == (writes > 15)


def test_what_is_held_without_handles_is_banished_alike() -> None:
    """A constant waits for its reader, which is held when it is back, and gives way to its own reader in turn.

    A machine that lets only what is released wait keeps the first reader's bytes for good.
    """
    build = Builder()
    x = build.constant(2)
    y = build.call("y", x)
    z = build.call("z", y)
    build.release(y)
    build.call("large", sizes=(2,))
    build.release(x)
    build.read(z)
    for ran in (run(build.program(), 4, "h_lru"), simulate(build.program(), 4, "h_lru")):
        freed = [f"{event.rule} {event.subject}" for event in ran.trace.events if event.rule in ("hold", "collect")]
        assert freed == ["hold 1", "collect 0", "hold 2", "collect 1"]


def test_what_waits_for_a_reader_gives_way_when_another_is_pinned_alike() -> None:
    """Two constants that would have held more than they free: at the pin of one reader they go, holding the others."""
    build = Builder()
    one, other = build.constant(2), build.constant(2)
    y = build.call("y", one, other, sizes=(2,))
    readers = [build.call("z", one), build.call("z", other)]
    build.release(one, other)
    build.pin(y)
    build.read(*readers)
    for ran in (run(build.program(), 9, "h_lru"), simulate(build.program(), 9, "h_lru")):
        steps = [f"{event.rule} {event.subject}" for event in ran.trace.events]
        freed = ["hold 3", "collect 0", "hold 4", "collect 1"]
        assert steps[steps.index("release 0") :][:8] == ["release 0", "release 1", "pin 2", *freed, "call 8"]


@claim("T9", "So they do under heuristics written in Python.", method="property-tested")
@pytest.mark.parametrize("heuristic", [EveryView(), Coarse()], ids=lambda heuristic: type(heuristic).__name__)
def test_lockstep_under_python_heuristics(heuristic: object, claim_scope: Callable[[str], None]) -> None:
    for seed in range(PROGRAMS // 2):
        compare(random_program(seed), heuristic, "eager")
        compare(training_program(seed), heuristic, "banish")
    claim_scope(f"{PROGRAMS * (1 + len(RATIOS))} runs")
