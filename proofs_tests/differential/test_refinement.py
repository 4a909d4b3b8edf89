# SPDX-License-Identifier: Apache-2.0
"""T8: every trace of the reference and of the C++ engine is a run of the machine."""

from collections.abc import Callable

from hypothesis import given

from ..claims import claim
from ..strategies import Case, cases
from .checks import check_refinement, reference, simulator
from .corpus import corpus
from .reporting import replayable


def check(case: Case) -> int:
    """Both traces are accepted, and the machine's clock ends as theirs do; returns how many events."""
    events = 0
    for ran in (reference(case), simulator(case)):
        verdict = check_refinement(ran.trace)
        assert verdict.configuration.clock == ran.clock
        events += verdict.index
    return events


@claim("T8", "Traces of the reference and of the C++ engine are runs of the machine.", method="property-tested")
@given(case=cases())
def test_traces_are_runs_of_the_machine(case: Case) -> None:
    """The monitor accepts them, event by event."""
    with replayable(case, "refinement"):
        check(case)


@claim("T8", "Traces of the reference and of the C++ engine are runs of the machine.", method="property-tested")
def test_traces_of_the_corpus(claim_scope: Callable[[str], None]) -> None:
    """The same on programs large enough to evict dozens of times."""
    events = 0
    for case in corpus()[::2]:
        with replayable(case, "refinement-corpus"):
            events += check(case)
    claim_scope(f"{events:,} events of larger programs")
