# SPDX-License-Identifier: Apache-2.0
"""Each condition under which more memory is never worse is needed: without it, a run with more memory is worse.

That Z3 does not prove the inclusion without a condition shows nothing. Here is where it is false: programs whose runs
on both machines are worse with a byte more, and single steps of the model that leave nothing included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

import pytest

from dtr_reference import run
from dtr_reference.theory.inclusion import Ranking, Residents, included, locked_alike, want
from dtr_reference.theory.monotone import rehearsed
from dtr_runtime.simulator import simulate
from dtr_spec.monitor import check
from dtr_spec.policy import Score, StorageView
from dtr_spec.program import Call, Program
from dtr_spec.readings import EMPTY, Set

from ..claims import claim
from ..profiles import is_thorough
from ..reference.programs import Builder
from .small_programs import budgets, without_cascades


@dataclass(frozen=True)
class Ranked:
    """h(s) = the place of s in a table."""

    table: Sequence[int]

    def score(self, storage: StorageView, clock: int) -> Score:
        """Whatever the clock."""
        return self.table[storage.index]


@dataclass(frozen=True)
class Worse:
    """A program that a byte more makes dearer, by the least score in a table for each budget."""

    program: Program
    budget: int
    """The smaller, in bytes."""
    ranking: Sequence[int]
    """The scores; equal ones are told apart by the tables."""
    tables: tuple[Sequence[int], Sequence[int]]
    replays: tuple[int, int]

    def broken(self) -> set[str]:
        """The conditions that do not hold."""
        calls = [(p, c) for p, c in enumerate(self.program.commands) if isinstance(c, Call)]
        results = [output for _, call in calls for output in call.outputs]
        conditions = {
            "one result": all(len(call.outputs) <= 1 for _, call in calls),
            "one size": len({result.size for result in results}) == 1,
            "no scratch": all(len(call.profile) <= len(call.outputs) for _, call in calls),
            "no cascades": not any(call.outputs and self.program.reads[p] for p, call in calls),
            "no ties": len(set(self.ranking)) == len(self.ranking),
            "one ranking": all(ordered(table, self.ranking) for table in self.tables),
        }
        return {name for name, holds in conditions.items() if not holds}


def ordered(table: Sequence[int], ranking: Sequence[int]) -> bool:
    """A table without ties puts no storage before one of lesser rank."""
    storages = range(len(ranking))
    strict = all(table[a] < table[b] for a, b in product(storages, storages) if ranking[a] < ranking[b])
    return strict and len(set(table)) == len(table)


def another_ranking() -> Worse:
    """The oldest goes with two bytes, the youngest with three; the youngest but one is read."""
    build = Builder()
    for _ in range(4):
        build.call("f")
    build.read(2)
    return Worse(build.program(), 2, (0, 1, 2, 3), ((0, 1, 2, 3), (3, 2, 1, 0)), (0, 1))


def ties() -> Worse:
    """The same runs, of scores that are all equal: each budget breaks ties as it likes."""
    return replace(another_ranking(), ranking=(0, 0, 0, 0))


def two_sizes() -> Worse:
    """With two bytes the first storage must go for the second, and then both others fit; with three the second goes."""
    build = Builder()
    for size in (2, 1, 1):
        build.call("f", sizes=(size,))
    build.read(1)
    return Worse(build.program(), 2, (1, 0, 2), ((1, 0, 2), (1, 0, 2)), (0, 1))


def scratch() -> Worse:
    """A replay with scratch empties the memory that is less, where then both calls to come fit."""
    build = Builder()
    build.call("f", profile=(3, -2))
    for _ in range(3):
        build.call("f")
    build.read(0)
    build.call("f")
    build.call("f")
    build.read(4)
    build.read(0)
    ranking = (0, 3, 4, 5, 1, 2)
    return Worse(build.program(), 3, ranking, (ranking, ranking), (1, 2))


def siblings() -> Worse:
    """Siblings come in together, and what goes for them may be what the run with less memory keeps."""
    build = Builder()
    build.call("f")
    build.call("f", sizes=(1, 1))
    build.call("f", sizes=(1, 1))
    build.read(0, 1)
    build.read(2)
    build.read(0)
    ranking = range(5)
    return Worse(build.program(), 3, ranking, (ranking, ranking), (2, 3))


def cascades() -> Worse:
    """A replay of t_2 needs t_0 and t_1, which are there afterwards; who has t_2 still does not bring them in."""
    build = Builder()
    for inputs in ((), (0,), (1, 0), (1, 0), (3,)):
        build.call("f", *inputs)
    build.read(2)
    build.call("f", 0)
    build.call("f", 2, 5)
    ranking = (1, 2, 3, 4, 6, 0, 5)
    return Worse(build.program(), 3, ranking, (ranking, ranking), (2, 3))


WITNESSES: dict[str, Callable[[], Worse]] = {
    "no ties": ties,
    "one ranking": another_ranking,
    "one size": two_sizes,
    "no scratch": scratch,
    "one result": siblings,
    "no cascades": cascades,
}


@claim(
    "T10",
    "Without any one of the conditions of the inclusion, a byte more costs a replay.",
    method="computed",
    scope="ties, another ranking, two sizes, scratch, two results, cascades",
)
@pytest.mark.parametrize("condition", WITNESSES)
def test_without_a_condition_more_memory_is_worse(condition: str) -> None:
    """Runs of both machines that the monitor accepts; all other conditions hold."""
    worse = WITNESSES[condition]()
    assert worse.broken() == {condition}
    replays: list[int] = []
    for more, table in enumerate(worse.tables):
        ran = run(worse.program, worse.budget + more, Ranked(table), "ignore")
        engine = simulate(worse.program, worse.budget + more, Ranked(table), "ignore")
        assert check(ran.trace)
        assert engine.trace.events == ran.trace.events
        assert ran.status == "finished"
        replays.append(ran.rematerializations)
    assert tuple(replays) == worse.replays
    assert replays[0] < replays[1]


def test_the_machines_own_ties_do_no_harm_in_small_programs() -> None:
    """To 5 commands (``--thorough``: 6) that read up to two tensors, for every ranking with ties and every budget.

    Where each budget breaks ties as it likes, 5 commands suffice (``ties``).
    """
    for length in range(1, 7 if is_thorough() else 6):
        for program in without_cascades(length, 2):
            for ranking in with_ties(len(program.sizes)):
                runs = [simulate(program, b, Ranked(ranking), "ignore", record=False) for b in budgets(program)]
                for less, more in pairwise(runs):
                    assert less.status == "out_of_memory" or more.status == "finished"
                    if less.status == "finished":
                        assert more.counters["rematerializations"] <= less.counters["rematerializations"]


def with_ties(storages: int) -> list[tuple[int, ...]]:
    """All rankings in which some storages share a place."""
    tables = product(range(storages), repeat=storages)
    return [table for table in tables if len(set(table)) < storages and set(table) == set(range(len(set(table))))]


# Single steps of the model that the proof is of.

LESS = Residents(Set({0, 1}), 2, 2, 3)
MORE = Residents(Set({0, 1, 2}), 3, 3, 3)
WANTED = 3


def step_keeps_inclusion(
    score: Ranking,
    victims: tuple[int, int],
    score_with_more: Ranking | None = None,
    locked: tuple[Set, Set] | None = None,
) -> bool:
    """Whether storage 3, wanted by both, leaves them included; all premises that the proof has otherwise are true."""
    held = locked or (EMPTY, EMPTY)
    less = want(LESS, WANTED, held[0], victims[0], score)
    more = want(MORE, WANTED, held[1], victims[1], score_with_more or score)
    assert all((included(LESS, MORE), LESS.budget <= MORE.budget, *less.premises, *more.premises))
    assert bool(locked_alike(LESS, *held)) == (locked is None)
    return bool(included(less.after, more.after))


def test_each_condition_of_the_proof_is_needed() -> None:
    """A step of which all hypotheses but one are true, and the conclusion is false; and one of which all are true."""
    assert step_keeps_inclusion(lambda s: s, (0, 0))
    assert not step_keeps_inclusion(lambda s: s // 2, (0, 1))
    assert not step_keeps_inclusion(lambda s: s, (0, 1), lambda s: (s - 1) % 4)
    assert not step_keeps_inclusion(lambda s: s, (0, 1), locked=(EMPTY, Set({0})))


def test_a_budget_that_was_not_tried_is_no_choice() -> None:
    """Were one's own budget a choice always, the best could get worse."""
    costs = {3: 7, 4: 1, 5: 2}
    assert [rehearsed(allowed, [3], costs.get) for allowed in (3, 4, 5)] == [3, 3, 3]
    assert [costs[rehearsed(allowed, [3, allowed], costs.get)] for allowed in (4, 5)] == [1, 2]
