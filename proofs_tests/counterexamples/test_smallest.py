# SPDX-License-Identifier: Apache-2.0
"""Nothing smaller than the counterexamples shows what they show."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

from dtr_reference import Deallocation
from dtr_runtime.simulator import simulate
from dtr_spec.program import Call, Program

from ..claims import claim
from ..profiles import is_thorough
from .phantom import phantom_choices
from .small_programs import budgets, programs

OUT_OF_MEMORY = float("inf")


def replays(program: Program, budget: int, deallocation: Deallocation = "ignore") -> float:
    """How many calls are replayed under h_DTR^eq."""
    ended = simulate(program, budget, "h_dtr_eq", deallocation, record=False)
    return ended.counters["rematerializations"] if ended.status == "finished" else OUT_OF_MEMORY


def worse_with_more(program: Program) -> bool:
    """Whether some byte more costs a replay, or the run."""
    return any(more > less for less, more in pairwise(replays(program, budget) for budget in budgets(program)))


def of_at_most(length: int, *sizes: int, releases: bool = False) -> Iterator[Program]:
    """All programs of at most so many commands."""
    return (found for n in range(1, length + 1) for found in programs(n, sizes, releases=releases))


@claim(
    "T10",
    "The smallest programs that more memory makes dearer or infeasible under h_DTR^eq have 6 commands at unit sizes, 5 "
    "with sizes 1 and 2.",
    method="exhaustive to 5 commands at unit sizes, to 4 with sizes 1 and 2",
)
def test_nothing_smaller_is_worse_with_more_memory(claim_scope: Callable[[str], None]) -> None:
    smaller = [*of_at_most(5, 1), *of_at_most(4, 1, 2)]
    assert not any(map(worse_with_more, smaller))
    claim_scope(f"{len(smaller):,} programs, every budget")


@claim(
    "T12",
    "A phantom connection alone changes a decision of h_DTR^eq from 6 commands on.",
    method="exhaustive to 5 commands, unit sizes, every budget",
)
def test_nothing_smaller_has_a_phantom_choice() -> None:
    """A phantom connection needs a replay: something must have left."""
    for program in of_at_most(5, 1):
        for budget in budgets(program):
            if simulate(program, budget, "h_dtr_eq", "ignore", record=False).counters["rematerializations"]:
                assert not phantom_choices(program, budget), (program, budget)


@claim(
    "T5",
    "The order of two evicted parents decides between finishing and running out of memory from 5 commands on.",
    method="exhaustive to 4 commands, sizes 1 and 2, every budget",
    scope="h_DTR^eq; --thorough: sizes to 3",
)
def test_nothing_smaller_depends_on_the_order() -> None:
    for program in of_at_most(4, 1, 2, *((3,) if is_thorough() else ())):
        for budget in budgets(program):
            ends = {replays(ordered, budget) < OUT_OF_MEMORY for ordered in (program, exchanged(program))}
            assert len(ends) == 1, (program, budget)


@claim(
    "T3",
    "Banishing makes infeasible what eager eviction runs from 5 commands on; the converse never happens to 5.",
    method="exhaustive to 4 commands, sizes 1 and 2, every budget; the converse to 5 at unit sizes",
    scope="h_DTR^eq",
)
def test_nothing_smaller_suffers_from_banishing() -> None:
    for program in of_at_most(4, 1, 2, releases=True):
        for budget in budgets(program):
            assert (replays(program, budget, "banish") < OUT_OF_MEMORY) == (
                replays(program, budget, "eager") < OUT_OF_MEMORY
            ), (program, budget)
    for program in programs(5, releases=True):
        for budget in budgets(program):
            if replays(program, budget, "banish") < OUT_OF_MEMORY:
                assert replays(program, budget, "eager") < OUT_OF_MEMORY


def exchanged(program: Program) -> Program:
    """The program whose last command reads its arguments in the other order."""
    last = program.commands[-1]
    assert isinstance(last, Call)
    return Program((*program.commands[:-1], replace(last, inputs=last.inputs[::-1])))
