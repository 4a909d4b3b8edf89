# SPDX-License-Identifier: Apache-2.0
"""T6's proviso (``dtr_spec.ranking``): what was rebuilt is used at once. Of runs like that termination is proved."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given

from dtr_reference import run
from dtr_spec.monitor import check
from dtr_spec.trace import Event, Trace

from ..claims import claim
from ..reference.programs import Builder
from ..strategies import Case, cases
from .checks import check_followed, reference, simulator
from .corpus import corpus
from .reporting import replayable

STATEMENT = "In traces of the reference and of the C++ engine what was rebuilt is at once locked, held or pinned."


def uses(case: Case) -> Counter[str]:
    """For what either machine rebuilt storages."""
    return check_followed(reference(case).trace) + check_followed(simulator(case).trace)


@claim("T6", STATEMENT, method="property-tested")
@given(case=cases())
def test_what_is_rebuilt_is_used_at_once(case: Case) -> None:
    """Of each rematerialization's COMMIT, the next event uses its target."""
    with replayable(case, "followed"):
        uses(case)


@claim("T6", STATEMENT, method="property-tested")
def test_on_the_corpus(claim_scope: Callable[[str], None]) -> None:
    """The same on programs large enough to rebuild for every purpose."""
    found: Counter[str] = Counter()
    for case in corpus():
        with replayable(case, "followed-corpus"):
            found += uses(case)
    found += uses(pinned())
    assert found.keys() == {"lock", "hold", "pin"}
    claim_scope(", ".join(f"{count:,} to {use}" for use, count in sorted(found.items())))


def pinned() -> Case:
    """Within two bytes, a storage must go for another, and is then pinned."""
    build = Builder()
    first = build.call("f")
    build.call("g")
    build.call("h")
    build.pin(first)
    return Case(build.program(), 2, "h_lru", "ignore")


def wasted() -> Trace:
    """A run of the machine that rebuilds a storage, evicts it, and rebuilds it again before it is read."""
    build = Builder()
    source = build.call("f")
    build.release(build.call("g"))
    build.read(source)
    trace = run(build.program(), 1, "h_lru").trace
    begin = next(number for number, event in enumerate(trace.events) if event.rule == "need")
    end = next(n for n, event in enumerate(trace.events) if n > begin and event.rule == "commit") + 1
    once = trace.events[begin:end]
    again = (*once, Event("evict", source, 0, trace.events[begin].used))
    return replace(trace, events=(*trace.events[:begin], *again, *trace.events[begin:]))


def test_a_run_may_rebuild_for_nothing() -> None:
    """The semantics allows it, as often as one likes; the proviso does not."""
    trace = wasted()
    assert check(trace)
    with pytest.raises(AssertionError, match="rebuilt storage 0, but evict 0 follows"):
        check_followed(trace)
