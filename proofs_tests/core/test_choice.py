# SPDX-License-Identifier: Apache-2.0
"""What to evict is chosen by a tournament, exactly as by a look at every evictable storage."""

from collections.abc import Callable

import pytest

from dtr_reference import HEURISTICS
from dtr_runtime.simulator import Deallocation, Simulation, simulate
from dtr_spec.program import Program

from ..agreement import first_difference
from ..claims import claim
from ..reference.programs import Builder, random_program
from .programs import training_program

PLENTY = 1 << 62
AGEING = ("h_dtr", "h_dtr_eq", "h_dtr_local", "h_lru")
CHOSEN = tuple(heuristic for heuristic in HEURISTICS if heuristic != "h_rand")


def agree(program: Program, budget: int, heuristic: str, deallocation: Deallocation = "eager") -> Simulation:
    """The run by tournament, once the run by scan has been found to be the same."""
    found = simulate(program, budget, heuristic, deallocation)
    expected = simulate(program, budget, heuristic, deallocation, scan=True)
    assert first_difference(expected.trace.events, found.trace.events) is None
    assert (expected.status, expected.counters) == (found.status, found.counters)
    return found


def budgets(program: Program) -> tuple[int, ...]:
    peak = simulate(program, PLENTY, record=False).peak
    return (peak * 9 // 10, peak * 7 // 10, peak // 2)


@claim("T9", "A tournament chooses what a look at every evictable storage would.", method="property-tested")
@pytest.mark.parametrize("heuristic", CHOSEN)
def test_tournament_is_scan(heuristic: str, claim_scope: Callable[[str], None]) -> None:
    decisions = storages = 0
    for seed in range(3):
        for program in (random_program(seed, 600), training_program(seed, 12)):
            for budget in budgets(program):
                for deallocation in ("eager", "ignore", "banish"):
                    decisions += agree(program, budget, heuristic, deallocation).counters["evictions"]
    for rows in (30, 900):
        program = grid(rows, 2400 // rows)
        storages = max(storages, len(program.sizes))
        for budget in budgets(program)[:2]:
            decisions += agree(program, budget, heuristic).counters["evictions"]
    assert decisions > 5_000
    claim_scope(f"{decisions:,} decisions, up to {storages:,} storages")


def grid(rows: int, columns: int) -> Program:
    """Rows in turn, each storage read beside and below, then all again from the end: many scores change at once."""
    build = Builder()
    above = [build.constant(0)] * columns
    kept: list[int] = []
    for row in range(rows):
        for column in range(columns):
            left = above[column - 1]
            size, cost = 1 + (7 * row + 3 * column) % 11, (5 * row + column) % 9
            above[column] = build.call("f", above[column], left, sizes=(size,), cost=cost)
            kept.append(above[column])
    while kept:
        build.read(kept[-1], cost=1 + len(kept) % 3)
        build.release(kept.pop())
    return build.program()


@pytest.mark.parametrize("heuristic", AGEING)
def test_scores_beyond_64_bits(heuristic: str) -> None:
    """Costs and sizes near the ends of their ranges: products of more than 128 bits."""
    build = Builder()
    huge = 1 << 50
    kept = [build.constant(0)]
    for i in range(60):
        size, cost = huge + 977 * i * i % 1009, huge - 631 * i * i % 1013
        kept.append(build.call("f", kept[-1], sizes=(size,), cost=cost))
    for handle in (*kept[::-1], *kept[::2], *kept[::3]):
        build.read(handle, cost=huge // 7)
    assert agree(build.program(), 20 * huge, heuristic).counters["rematerializations"] > 60


@pytest.mark.parametrize("heuristic", CHOSEN)
def test_equal_and_infinite_scores(heuristic: str) -> None:
    """Sizes, costs and clocks that make most scores 0, infinite or equal to others."""
    build = Builder()
    kept = [build.constant(1)]
    for i in range(300):
        kept.append(build.call("f", kept[-1], kept[i // 2], sizes=(i % 4 // 2,), cost=i % 3 // 2))
    for handle in kept[::-1]:
        build.read(handle)
    program = build.program()
    for budget in (4, 12, 40):
        agree(program, budget, heuristic)


def test_a_union_keeps_who_watched_either_class() -> None:
    """A class that was watched is joined to one with as many watchers, and then loses a dear member.

    Whoever forgets its watchers compares scores that have fallen with what they were. No corpus happened to show it.
    """
    build = Builder()
    first = build.call("a", sizes=(1, 1, 1))
    source = build.call("b", cost=2)
    small = build.call("c", source, sizes=(2, 3), cost=4)
    joined = build.call("d", first + 2, small, sizes=(1, 1, 1), cost=0)
    large = build.call("e", small + 1, sizes=(3, 0))
    build.call("f", first + 2, sizes=(1, 1, 1))
    build.call("g", sizes=(1, 1, 1))
    build.call("h", large, sizes=(3, 3), cost=2)
    build.read(joined, cost=1)
    agree(build.program(), 15, "h_dtr_eq")
