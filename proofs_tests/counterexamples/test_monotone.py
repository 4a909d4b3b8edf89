# SPDX-License-Identifier: Apache-2.0
"""Where more memory is never worse."""

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr_reference import run
from dtr_reference.theory.inclusion import Ranking, Residents, drop, evicts, included, locked_alike, want
from dtr_reference.theory.monotone import Cost, Oldest, rehearsed
from dtr_runtime.simulator import simulate
from dtr_spec.program import Program
from dtr_spec.prover import prove
from dtr_spec.readings import EMPTY, Set
from dtr_spec.symbolic import INT, SET, stored
from dtr_spec.trace import Trace

from ..claims import claim
from ..profiles import examples
from ..strategies import Case, cases, eager_peak, floor
from .examples import dearer_with_more, infeasible_with_more
from .small_programs import budgets, without_cascades

CONDITIONS = (
    "if calls ask for one result of one size, recipes read nothing evictable, and scores are distinct and the same "
    "within any budget"
)
INCLUSION = f"More memory is never worse, and what is resident only grows with it, {CONDITIONS}."

# For all runs, by Z3.


def anything(name: str) -> Residents:
    """Arbitrary residents."""
    return Residents(stored(z3.Const(name, SET)), *(z3.Int(f"{name}.{part}") for part in ("used", "budget", "brought")))


LESS, MORE = anything("less"), anything("more")
LOCKED, LOCKED_WITH_MORE = (stored(z3.Const(name, SET)) for name in ("locked", "locked with more"))
WANTED, VICTIM, VICTIM_WITH_MORE = z3.Ints("wanted victim victim_with_more")
SCORE = z3.Function("score", INT, INT)


def without_ties(score: Any) -> Any:
    """Different storages have different scores."""
    a, b = z3.Ints("a b")
    return z3.ForAll([a, b], z3.Implies(score(a) == score(b), a == b), patterns=[z3.MultiPattern(score(a), score(b))])


ALIKE = (included(LESS, MORE), LESS.budget <= MORE.budget, locked_alike(LESS, LOCKED, LOCKED_WITH_MORE))


@claim("T10", INCLUSION, method="proved for all", scope="of residents: any wants and drops, any ranking, two budgets")
def test_inclusion_is_inductive() -> None:
    """Initially; when a storage is wanted (the larger run finds a victim if the smaller does); when one is dropped.

    That the premises can be true, and that none can be left out, is in ``test_conditions.py``.
    """
    nothing = stored(z3.K(INT, z3.BoolVal(False)))
    empty = [Residents(nothing, z3.IntVal(0), side.budget, z3.IntVal(0)) for side in (LESS, MORE)]
    assert prove([LESS.budget >= 0, LESS.budget <= MORE.budget], included(*empty)).proved
    less = want(LESS, WANTED, LOCKED, VICTIM, SCORE)
    more = want(MORE, WANTED, LOCKED_WITH_MORE, VICTIM_WITH_MORE, SCORE)
    premises = (*ALIKE, without_ties(SCORE), *less.premises, *more.premises)
    assert prove(premises, included(less.after, more.after)).proved
    assert prove(ALIKE, included(drop(LESS, WANTED).after, drop(MORE, WANTED).after)).proved
    smaller_goes_on = want(LESS, WANTED, LOCKED, VICTIM, SCORE).premises
    free = MORE.storages.has(VICTIM) & z3.Not(LOCKED_WITH_MORE.has(VICTIM))
    assert prove([*ALIKE, *smaller_goes_on, evicts(MORE, WANTED)], free).proved


@claim(
    "T10",
    "The best of the budgets rehearsed never costs more when the budget grows, whatever runs cost.",
    method="proved for all",
    scope="of any best choice; that the rule's is one: of 4 budgets, each out of memory or of 3 costs",
)
def test_the_best_of_more_is_no_worse() -> None:
    tried: Any = z3.Function("tried", INT, z3.BoolSort())
    cost: Any = z3.Function("cost", INT, INT)
    one, other, budget, more, b = z3.Ints("one other budget more b")

    def best(found: Any, within: Any) -> list[Any]:
        better = z3.Implies(z3.And(tried(b), b <= within), cost(found) <= cost(b))
        return [tried(found), found <= within, z3.ForAll([b], better, patterns=[cost(b)])]

    assert prove([*best(one, budget), *best(other, more), budget <= more], cost(other) <= cost(one)).proved
    for costs in product((None, 0, 1, 2), repeat=4):
        of = dict(enumerate(costs))
        for within in of:
            finished = {b: c for b, c in of.items() if b <= within and c is not None}
            if finished:
                assert finished.get(rehearsed(within, [*of], of.get)) == min(finished.values())


# On values.


def wanted(r: Residents, storage: int, locked: Set, score: Ranking) -> Residents | None:
    """What is resident when a storage has been brought in; None if there is no victim."""
    candidates = r.storages - locked
    if evicts(r, storage) and not candidates:
        return None
    victim = min(candidates, key=score) if evicts(r, storage) else storage
    step = want(r, storage, locked, victim, score)
    assert all(step.premises)
    return step.after


def modelled(program: Program, budget: int) -> Iterator[Residents]:
    """What is resident after each call of a run under ``Oldest``, as long as memory suffices."""
    r: Residents | None = Residents(EMPTY, 0, budget, 0)
    for position in range(len(program.commands)):
        inputs = [read.storage for read in program.reads[position]]
        locked = r.storages.where(inputs.__contains__)
        for storage in (*(s for s in inputs if not locked.has(s)), *program.fresh[position]):
            r = wanted(r, storage, locked, lambda s: s)
            if r is None:
                return
            locked = locked.add(storage)
        yield r


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


@claim("T10", INCLUSION, method="exhaustive to 7 commands, 5 with reads of two tensors, every budget")
def test_a_fixed_ranking_without_cascades(claim_scope: Callable[[str], None]) -> None:
    """On the engine, which has in memory what the steps of the proof say."""
    checked = 0
    for program in (*without_cascades(7, 1), *without_cascades(5, 2)):
        runs = [simulate(program, budget, Oldest(), "ignore") for budget in budgets(program)]
        for ran in runs:
            steps = list(modelled(program, ran.trace.budget))
            assert resident(ran.trace) == [step.storages for step in steps]
            if ran.status == "finished":
                assert ran.counters["rematerializations"] == steps[-1].brought - len(program.sizes)
        for less, more in pairwise(runs):
            assert less.status == "out_of_memory" or more.status == "finished"
            if less.status == "finished":
                assert more.counters["rematerializations"] <= less.counters["rematerializations"]
            assert all(a <= b for a, b in zip(resident(less.trace), resident(more.trace), strict=False))
        checked += 1
    claim_scope(f"{checked:,} programs")


def test_residents_are_counted() -> None:
    """What is wanted is there, what is dropped is not, and ``used`` is how many there are."""
    for actions in product(range(-3, 3), repeat=5):
        r: Residents | None = Residents(EMPTY, 0, 2, 0)
        for action in actions:
            storage = max(action, -1 - action)
            r = wanted(r, storage, EMPTY, lambda s: s) if action >= 0 else drop(r, storage).after
            assert r
            assert r.storages.has(storage) == (action >= 0)
            assert r.used == len(r.storages)


Wants = Callable[[int], tuple[int, ...]]


def parted(score: Ranking, score_with_more: Ranking, extra: Wants) -> tuple[int, ...] | None:
    """A shortest sequence of wants within 2 and 3 units after which the runs are not included in each other.

    ``extra`` says what only the run with less memory wants before what is missing there.
    """
    for wants in (found for length in range(1, 6) for found in product(range(5), repeat=length)):
        less: Residents | None = Residents(EMPTY, 0, 2, 0)
        more: Residents | None = Residents(EMPTY, 0, 3, 0)
        for storage in wants:
            for needed in extra(storage) if not less.storages.has(storage) else ():
                less = wanted(less, needed, EMPTY, score) or less
            less, more = wanted(less, storage, EMPTY, score), wanted(more, storage, EMPTY, score_with_more)
            assert less
            assert more
        if not included(less, more):
            return wants
    return None


@pytest.mark.parametrize(
    ("score_with_more", "extra", "found"),
    [
        (lambda s: s, lambda s: (), False),
        (lambda s: -s, lambda s: (), True),
        (lambda s: s, lambda s: (s + 1,), True),
    ],
    ids=["alike", "another ranking", "cascades"],
)
def test_each_condition_is_needed(score_with_more: Ranking, extra: Wants, found: bool) -> None:
    """Without it, a short run loses what a run within less memory has."""
    assert (parted(lambda s: s, score_with_more, extra) is not None) == found


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


def costs_of(case: Case) -> tuple[Cost, Cost]:
    """What runs of the reference and of the engine cost, in clock units of replays."""

    def reference(budget: int) -> int | None:
        ran = run(case.program, budget, case.heuristic, case.deallocation)
        return ran.rematerialization_cost if ran.status == "finished" else None

    def engine(budget: int) -> int | None:
        ran = simulate(case.program, budget, case.heuristic, case.deallocation, record=False)
        return ran.counters["rematerialized"] if ran.status == "finished" else None

    return reference, engine


EIGHTHS = st.integers(0, 8)


@claim(
    "T10",
    "Any program run at the best of the budgets rehearsed costs no more when the budget grows, on both machines.",
    method="property-tested",
)
@settings(max_examples=examples(40))
@given(case=cases(), tried=st.sets(EIGHTHS, min_size=1, max_size=4), allowed=st.tuples(EIGHTHS, EIGHTHS))
def test_rehearsals_of_any_program(case: Case, tried: set[int], allowed: tuple[int, int]) -> None:
    """Budgets are eighths of the way from too little to what eager evaluation takes; what is chosen is then run."""
    least, most = floor(case.program), eager_peak(case.program)
    budget = [max(0, least - 1 + (most + 1 - least) * eighths // 8) for eighths in range(9)]
    known = [budget[eighths] for eighths in tried]
    for cost in costs_of(case):
        costs: list[int] = []
        for within in (budget[eighths] for eighths in sorted(allowed)):
            if all(cost(other) is None for other in known if other <= within):
                with pytest.raises(ValueError, match="lets the program finish"):
                    rehearsed(within, known, cost)
                assert not costs
                continue
            chosen = rehearsed(within, known, cost)
            replayed = cost(chosen)
            assert chosen in known
            assert chosen <= within
            assert replayed is not None
            costs.append(replayed)
        assert costs == sorted(costs, reverse=True)
