# SPDX-License-Identifier: Apache-2.0
"""T9: reference and C++ engine make the same decisions, event for event."""

from collections import Counter
from collections.abc import Callable

from hypothesis import event, given, target

from ..claims import claim
from ..strategies import Case, cases
from .checks import check_decisions, depth, evictions, reference, simulator
from .corpus import corpus
from .reporting import replayable
from .watched import Watched

LEAST = 10
"""How many cases of each interesting kind the corpus must have, so that agreement on it means something."""


def check(case: Case) -> None:
    ours, theirs = reference(case), simulator(case)
    check_decisions(ours.trace, theirs.trace)
    assert (ours.status, ours.clock, ours.peak) == (theirs.status, theirs.clock, theirs.peak)


@claim("T9", "Reference and C++ engine take the same steps in the same order.", method="property-tested")
@given(case=cases())
def test_reference_and_engine_decide_alike(case: Case) -> None:
    """Same events, same bytes, same clock, same ending; both are given the program, budget and policy alone."""
    with replayable(case, "decisions"):
        check(case)
    events = reference(case).trace.events
    target(float(evictions(events)), label="evictions")
    event(f"depth {min(depth(events), 3)}")


@claim("T9", "Reference and C++ engine take the same steps in the same order.", method="property-tested")
def test_decisions_on_the_corpus(claim_scope: Callable[[str], None]) -> None:
    """The same where it is hard, and it is hard often enough."""
    kinds: Counter[str] = Counter()
    for case in corpus():
        with replayable(case, "decisions-corpus"):
            check(case)
        kinds.update(_kinds(case))
    wanted = ("runs with 20 evictions", "three rematerializations deep", "with ties", "out of memory")
    missing = [kind for kind in wanted if kinds[kind] < LEAST]
    assert not missing, f"vacuous: too few runs {missing}: {kinds}"
    for kind in wanted:
        claim_scope(f"{kinds[kind]:,} {kind}")


def _kinds(case: Case) -> list[str]:
    machine = Watched(case)
    run = machine.run()
    traits = {
        "runs with 20 evictions": run.evictions >= 20,
        "three rematerializations deep": depth(run.trace.events) >= 3,
        "with ties": machine.ties > 0,
        "out of memory": run.status == "out_of_memory",
    }
    return [trait for trait, shown in traits.items() if shown]
