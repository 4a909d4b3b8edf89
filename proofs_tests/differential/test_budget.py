# SPDX-License-Identifier: Apache-2.0
"""T2: the bytes in use never exceed the budget, and are what is really held."""

from collections.abc import Callable

from hypothesis import given

from ..claims import claim
from ..reference.audit import Auditor
from ..strategies import Case, cases
from .checks import check_budget, simulator
from .corpus import corpus
from .reporting import replayable


def check(case: Case) -> int:
    """Both machines within their budget: the reference recounts its heap at every step; returns the events."""
    ours = Auditor(case.program, case.budget, case.heuristic, case.deallocation).run()
    theirs = simulator(case)
    check_budget(ours.trace)
    check_budget(theirs.trace)
    assert theirs.peak == max((event.used for event in theirs.trace.events), default=0)
    return len(ours.trace.events) + len(theirs.trace.events)


@claim("T2", "M <= B at every event, and M is what an independent recount finds.", method="property-tested")
@given(case=cases())
def test_bytes_are_recounted_and_within_the_budget(case: Case) -> None:
    """Reference and simulator, any heuristic and deallocation policy, scratch and kept copies included."""
    with replayable(case, "budget"):
        check(case)


@claim("T2", "M <= B at every event, and M is what an independent recount finds.", method="property-tested")
def test_bytes_on_the_corpus(claim_scope: Callable[[str], None]) -> None:
    """The same on programs large enough to evict dozens of times."""
    events = 0
    for case in corpus():
        with replayable(case, "budget-corpus"):
            events += check(case)
    claim_scope(f"{events:,} events of larger programs")
