# SPDX-License-Identifier: Apache-2.0
"""Random programs under every heuristic and policy: eager values, bytes within the budget at every step."""

import random

import pytest

from dtr_reference import HEURISTICS, Mixing
from dtr_reference.machine import DEALLOCATIONS

from .audit import audited, unlimited
from .programs import random_program

PROGRAMS = 300


@pytest.mark.parametrize("heuristic", HEURISTICS)
@pytest.mark.parametrize("deallocation", DEALLOCATIONS)
def test_values_are_eager_and_bytes_within_budget(heuristic: str, deallocation: str) -> None:
    """Whatever is evicted, observations are those of the eager machine, and used <= budget."""
    finished = rematerialized = 0
    for seed in range(PROGRAMS):
        program = random_program(seed)
        roomy = audited(program, unlimited(program), heuristic, deallocation)
        assert roomy.status == "finished"
        draw = random.Random(f"{seed} {heuristic} {deallocation}")
        for budget in {draw.randint(roomy.peak // 3, roomy.peak), roomy.peak - 1}:
            tight = audited(program, max(budget, 0), heuristic, deallocation)
            finished += tight.status == "finished"
            rematerialized += tight.status == "finished" and tight.rematerializations > 0
    assert finished > PROGRAMS // 4
    assert rematerialized > PROGRAMS // 8


def test_numbers_are_eager_too() -> None:
    """The same with numpy words instead of terms."""
    for seed in range(PROGRAMS // 3):
        program = random_program(seed)
        peak = audited(program, unlimited(program)).peak
        for budget in range(peak // 2, peak + 1, max(1, peak // 8)):
            audited(program, budget, "h_dtr_eq", "eager", Mixing())
