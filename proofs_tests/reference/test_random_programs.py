# SPDX-License-Identifier: Apache-2.0
"""Random programs under every heuristic and policy."""

import random
from collections.abc import Callable
from functools import cache

import pytest

from dtr_reference import HEURISTICS, Machine, Mixing, run
from dtr_reference.machine import DEALLOCATIONS, Deallocation
from dtr_spec.monitor import check
from dtr_spec.policy import Score, StorageView
from dtr_spec.program import Program

from ..claims import claim
from .audit import audited, unlimited
from .programs import random_program

PROGRAMS = 300


def budgets(seed: int, peak: int) -> list[int]:
    """Two budgets in bytes that a program of this peak feels, and may or may not survive."""
    draw = random.Random(seed)
    return [budget for budget in {draw.randint(peak // 3, peak), peak - 1} if budget >= 0]


@cache
def with_peak(seed: int, deallocation: Deallocation) -> tuple[Program, int]:
    """A program, and its peak in bytes where nothing is forced out: no heuristic is asked."""
    program = random_program(seed)
    roomy = audited(program, unlimited(program), NEVER_ASKED, deallocation)
    assert roomy.status == "finished"
    return program, roomy.peak


class NeverAsked:
    """A heuristic of which nothing is needed."""

    def score(self, storage: StorageView, clock: int) -> Score:
        raise AssertionError(f"storage {storage.index} is scored at {clock}, though there is room for everything")


NEVER_ASKED = NeverAsked()


@claim("T1", "The reference's reads yield the eager terms.", method="property-tested")
@claim(
    "T2", "The reference's bytes in use, recounted after every step, are within the budget.", method="property-tested"
)
@pytest.mark.slow
@pytest.mark.parametrize("deallocation", DEALLOCATIONS)
@pytest.mark.parametrize("heuristic", HEURISTICS)
def test_values_are_eager_and_bytes_within_budget(
    heuristic: str, deallocation: Deallocation, claim_scope: Callable[[str], None]
) -> None:
    """Whatever is evicted, observations are those of the eager machine, and used <= budget."""
    runs = rematerialized = 0
    for seed in range(PROGRAMS):
        program, peak = with_peak(seed, deallocation)
        for budget in budgets(seed, peak):
            tight = audited(program, budget, heuristic, deallocation)
            runs += 1
            rematerialized += tight.status == "finished" and tight.rematerializations > 0
    assert rematerialized > PROGRAMS // 4
    claim_scope(f"{runs} runs")


@claim("T1", "The reference's reads yield the eager numbers, bit by bit.", method="property-tested")
def test_numbers_are_eager_too(claim_scope: Callable[[str], None]) -> None:
    """The same with numpy words instead of terms."""
    runs = 0
    for seed in range(PROGRAMS // 3):
        program = random_program(seed)
        peak = audited(program, unlimited(program)).peak
        for budget in budgets(seed, peak):
            audited(program, budget, "h_dtr_eq", "eager", Mixing())
            runs += 1
    claim_scope(f"{runs} runs")


@claim("T8", "The reference's traces are runs of the machine.", method="property-tested")
@pytest.mark.slow
@pytest.mark.parametrize("deallocation", DEALLOCATIONS)
def test_traces_are_runs_of_the_machine(deallocation: Deallocation, claim_scope: Callable[[str], None]) -> None:
    """The monitor accepts every trace, out of memory or not."""
    runs = 0
    for seed in range(PROGRAMS // 2):
        program = random_program(seed)
        peak = run(program, unlimited(program), "h_lru", deallocation).peak
        heuristic = random.Random(seed).choice(list(HEURISTICS))
        for budget in budgets(seed, peak):
            verdict = check(run(program, budget, heuristic, deallocation).trace)
            assert verdict, verdict
            runs += 1
    claim_scope(f"{runs} runs")


@pytest.mark.parametrize("deallocation", ["eager", "banish"])
def test_nothing_is_left_behind(deallocation: Deallocation) -> None:
    """In the end no frame is open, no lock held, and nothing alive that neither the client nor a recipe can name."""
    for seed in range(PROGRAMS):
        program = random_program(seed)
        machine = Machine(program, unlimited(program), "h_rand", deallocation)
        machine.run()
        assert not machine.frames
        assert not any(storage.locks for storage in machine.heap.storages)
        assert not any(machine.heap.collectable(storage.index) for storage in machine.heap.storages)
        assert all(machine.heap.promised(version) for version in machine.heap.kept)
