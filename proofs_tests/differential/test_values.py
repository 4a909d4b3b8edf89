# SPDX-License-Identifier: Apache-2.0
"""T1: whatever is evicted, every read yields what the eager machine reads."""

from collections.abc import Callable

from hypothesis import event, given

from ..claims import claim
from ..strategies import Case, cases
from .arrays import Arrays
from .checks import check_arrays, check_values, reference
from .corpus import corpus
from .reporting import replayable


@claim("T1", "Every read of the reference yields the eager term, and the eager bits.", method="property-tested")
@given(case=cases())
def test_every_read_yields_the_eager_value(case: Case) -> None:
    """Under any heuristic and deallocation policy: terms by identity, numpy arrays bit for bit."""
    with replayable(case, "values"):
        run = reference(case)
        check_values(run, case.program)
        check_arrays(reference(case, Arrays()), case.program)
    event(run.status)


@claim("T1", "Every read of the reference yields the eager term, and the eager bits.", method="property-tested")
def test_every_read_on_the_corpus(claim_scope: Callable[[str], None]) -> None:
    """The same on programs large enough to evict dozens of times."""
    reads = 0
    for case in corpus():
        with replayable(case, "values-corpus"):
            run = reference(case)
            check_values(run, case.program)
            check_arrays(reference(case, Arrays()), case.program)
            reads += len(run.observations) if run.rematerializations else 0
    assert reads >= 200
    claim_scope(f"{reads:,} reads in runs that rematerialize")
