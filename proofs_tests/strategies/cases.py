# SPDX-License-Identifier: Apache-2.0
"""A case is all that a run depends on: a program, a budget, a heuristic and a deallocation policy."""

from dataclasses import dataclass
from typing import get_args

from hypothesis import strategies as st

from dtr_reference import HEURISTICS
from dtr_reference.machine import Deallocation
from dtr_spec.policy import Heuristic
from dtr_spec.program import Program

from .memory import eager_peak, floor
from .moves import programs
from .training import directed_programs

DEALLOCATIONS: tuple[Deallocation, ...] = get_args(Deallocation)


@dataclass(frozen=True)
class Case:
    """What to run. ``budget`` is in bytes; ``heuristic`` a built-in's name, or the user's own."""

    program: Program
    budget: int
    heuristic: Heuristic | str
    deallocation: Deallocation


def heuristics() -> st.SearchStrategy[str]:
    """The name of a built-in heuristic."""
    return st.sampled_from(sorted(HEURISTICS))


def deallocations() -> st.SearchStrategy[Deallocation]:
    """A deallocation policy."""
    return st.sampled_from(DEALLOCATIONS)


def budgets(program: Program) -> st.SearchStrategy[int]:
    """From a little less than any run needs (out of memory) to the eager peak (little evicted), tight ones first."""
    least = floor(program)
    most = max(least, eager_peak(program))
    spread = st.integers(0, 8).map(lambda eighths: least + (most - least) * eighths // 8)
    return spread | st.integers(max(0, least - 1), most)


@st.composite
def cases(
    draw: st.DrawFn,
    heuristic: st.SearchStrategy[Heuristic] | st.SearchStrategy[str] | None = None,
    program: st.SearchStrategy[Program] | None = None,
) -> Case:
    """A case from either tier of programs."""
    drawn = draw(program if program is not None else programs() | directed_programs())
    score = draw(heuristic if heuristic is not None else heuristics())
    return Case(drawn, draw(budgets(drawn)), score, draw(deallocations()))
