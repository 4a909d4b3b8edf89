# SPDX-License-Identifier: Apache-2.0
"""The checks for a heuristic of the user's own, given as ``--heuristic FILE.py:CLASS``.

    pytest proofs_tests/differential/test_user_heuristic.py --heuristic FILE.py:CLASS

Without the option they run on an example, so that they are themselves checked.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import RenderableType
from rich.table import Table

from dtr_reference import HEURISTICS
from dtr_spec.policy import Heuristic
from dtr_spec.program import Call, Program

from ..claims import claim
from ..strategies import Case, budgets, deallocations, directed_programs, eager_peak, programs
from .checks import Repeatable, check_all, reference
from .corpus import corpus, training_program
from .example_heuristics import CheapestByte
from .reporting import replayable

STATEMENT = (
    "Values, bytes, steps and decisions are right under the user's heuristic (or an example), which is repeatable."
)


@pytest.fixture(scope="module")
def heuristic(user_heuristic: Heuristic | None) -> Heuristic:
    """The user's heuristic, or the example."""
    return user_heuristic or CheapestByte()


@claim(
    "T7",
    STATEMENT,
    method="property-tested",
)
@given(data=st.data())
def test_user_heuristic(heuristic: Heuristic, data: st.DataObject) -> None:
    """Values, budget, refinement and decisions under the user's heuristic, on both tiers of programs."""
    program = data.draw(programs() | directed_programs(), "program")
    budget = data.draw(budgets(program), "budget")
    case = Case(program, budget, anew(heuristic), data.draw(deallocations(), "deallocation"))
    with replayable(case, "user-heuristic"):
        check_all(case)


@claim(
    "T7",
    STATEMENT,
    method="property-tested",
)
def test_user_heuristic_on_the_corpus(heuristic: Heuristic, claim_scope: Callable[[str], None]) -> None:
    """The same on programs large enough to evict dozens of times."""
    evictions = 0
    for drawn in corpus()[::6]:
        case = Case(drawn.program, drawn.budget, anew(heuristic), drawn.deallocation)
        with replayable(case, "user-heuristic-corpus"):
            evictions += check_all(case).evictions
    claim_scope(f"{evictions:,} evictions on larger programs")


def anew(heuristic: Heuristic) -> Repeatable:
    """A new instance for every case, so that a heuristic with a memory fails the same way again."""
    return Repeatable(type(heuristic)())


def test_cost_of_the_user_heuristic(heuristic: Heuristic, exhibit: Callable[[RenderableType], None]) -> None:
    """What rematerialization costs under the user's heuristic and the built-ins, in per cent of the program's cost."""
    name = type(heuristic).__name__
    policies: dict[str, Heuristic | str] = {name: heuristic} | {built_in: built_in for built_in in HEURISTICS}
    shown = Table("heuristic", *(f"{percent}%" for percent in PERCENT), "finished", title=TITLE)
    rows = {label: [overheads(policy, percent) for percent in PERCENT] for label, policy in policies.items()}
    for label, row in rows.items():
        finished = sum(len(found) for found in row)
        shown.add_row(label, *map(mean, row), f"{finished}/{len(PERCENT) * len(measured_programs())}")
    exhibit(shown)
    assert all(rows[name]), "the heuristic runs out of memory on every program at some budget"


PERCENT = (95, 85, 75, 60)
TITLE = "cost of rematerialization, % of the program's, at budgets in % of the eager peak (mean of runs that finish)"


@cache
def measured_programs() -> tuple[Program, ...]:
    """Eight training programs of 16 layers."""
    return tuple(training_program(seed, 16) for seed in range(8))


def overheads(policy: Heuristic | str, percent: int) -> list[Fraction]:
    """For each program that finishes: the cost of its rematerializations over its own."""
    return list(_overheads(policy, percent))


def _overheads(policy: Heuristic | str, percent: int) -> Iterator[Fraction]:
    for program in measured_programs():
        run = reference(Case(program, eager_peak(program) * percent // 100, policy, "eager"))
        if run.status == "finished":
            own = sum(command.cost for command in program.commands if isinstance(command, Call))
            yield Fraction(run.rematerialization_cost, max(1, own))


def mean(found: list[Fraction]) -> str:
    """In per cent, or a dash if there is nothing."""
    return f"{float(100 * sum(found) / len(found)):.1f}" if found else "-"
