# SPDX-License-Identifier: Apache-2.0
"""Where more memory is never worse."""

from collections.abc import Callable, Iterator
from itertools import pairwise, product

import pytest

from dtr_reference import run
from dtr_reference.theory.monotone import Oldest, rehearsed
from dtr_runtime.simulator import simulate
from dtr_spec.program import Program
from dtr_spec.trace import Trace

from ..claims import claim
from ..reference.programs import Builder
from .examples import dearer_with_more, infeasible_with_more
from .small_programs import budgets


def without_cascades(length: int) -> Iterator[Program]:
    """Every program of calls that read nothing and reads of one tensor, as their commands in order."""
    for pattern in product(range(-1, length - 1), repeat=length):
        build = Builder()
        for read in pattern:
            if read < 0:
                build.call("f")
            elif read < build.handles:
                build.read(read, cost=1)
            else:
                break
        else:
            yield build.program()


def resident(trace: Trace) -> list[frozenset[int]]:
    """What is resident after each of the client's calls."""
    found: list[frozenset[int]] = []
    here: set[int] = set()
    replaying = 0
    for event in trace.events:
        match event.rule:
            case "bind":
                here.add(event.subject)
            case "evict":
                here.remove(event.subject)
            case "need":
                replaying += 1
            case "commit" if replaying:
                replaying -= 1
            case "commit":
                found.append(frozenset(here))
    return found


@claim(
    "T10",
    "More memory is never worse, and what is resident only grows with it, if sizes are equal, recipes read nothing "
    "evictable, calls read one tensor at most and scores are fixed and distinct (by argument in theory/monotone.py).",
    method="exhaustive to 7 commands, every budget",
)
def test_a_fixed_ranking_without_cascades(claim_scope: Callable[[str], None]) -> None:
    checked = 0
    for program in (found for length in range(1, 8) for found in without_cascades(length)):
        runs = [simulate(program, budget, Oldest(), "ignore") for budget in budgets(program)]
        for less, more in pairwise(runs):
            assert more.counters["rematerializations"] <= less.counters["rematerializations"]
            assert all(a <= b for a, b in zip(resident(less.trace), resident(more.trace), strict=True))
        checked += 1
    claim_scope(f"{checked:,} programs")


@claim(
    "T10",
    "The best of the budgets rehearsed never costs more when the budget grows, also where the machine's own cost does.",
    method="computed",
)
@pytest.mark.parametrize("program", [dearer_with_more(), infeasible_with_more()], ids=["dearer", "infeasible"])
def test_a_rehearsal_is_never_worse_with_more(program: Program) -> None:
    def cost(budget: int) -> int | None:
        ended = run(program, budget, "h_dtr_eq", "ignore")
        return None if ended.out_of_memory else ended.rematerializations

    least = next(budget for budget in budgets(program) if cost(budget) is not None)
    own = [cost(budget) for budget in budgets(program)[least - 1 :]]
    assert any(more is None or (less is not None and more > less) for less, more in pairwise(own))
    costs = [cost(rehearsed(budget, budgets(program), cost)) for budget in budgets(program)[least - 1 :]]
    assert all(less is not None and more is not None and more <= less for less, more in pairwise(costs))
    with pytest.raises(ValueError, match="lets the program finish"):
        rehearsed(least - 1, budgets(program), cost)
