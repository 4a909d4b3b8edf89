# SPDX-License-Identifier: Apache-2.0
"""The smallest examples of what ``reference/SIMRD.md`` calls an artefact of simrd."""

import pytest

from dtr_reference import simrd as reference
from dtr_runtime.simrd import Simrd
from dtr_spec.copies import Schedule, schedule
from dtr_spec.log import START, Annotation, Call, Constant, Entry, Log, Release, Result
from dtr_spec.monitor import check
from dtr_spec.simrd import SimrdStopsError

from ..claims import claim


def of(*entries: Entry) -> Schedule:
    """The schedule of a log that can be written and read."""
    return schedule(Log.parse(Log((Annotation(START), *entries)).lines()))


@claim("simrd", "A view that makes a cycle of storages leaves a region stale, and simrd stops.", method="regression")
def test_a_stale_region_stops_simrd() -> None:
    view_of_c = Result("x", 0, alias=0)
    steps = of(
        Constant("c", 1),
        Call("f", ("c",), (Result("a", 1),), 1),
        Call("g", ("c", "a"), (view_of_c, Result("z", 1)), 1),
        Release("a"),
    )
    for run in (Simrd(steps).run, lambda *options: reference.run(steps, *options)):
        with pytest.raises(SimrdStopsError, match="not on the frontier"):
            run(100, "DTR")
        assert run(100, "h_dtr_exact").status == "finished"


@claim("simrd", "A parent that is banished hides the next one, which stays locked.", method="regression")
def test_banishing_passes_over_a_parent() -> None:
    entries = (
        Constant("c", 1),
        Call("f", ("c",), (Result("x", 1),), 1),
        Call("f", ("c",), (Result("y", 1),), 1),
        Call("g", ("x", "y"), (Result("z", 2),), 1),
        Call("h", ("x", "y"), (Result("w", 4),), 1),  # evicts z
        *map(Release, ("x", "y", "w")),
        Call("k", ("z",), (Result("v", 1),), 1),  # computes z again; x is banished, y should be
    )

    def last(size: int) -> Call:
        return Call("l", ("v",), (Result("u", size),), 1)

    # c, z, v hold 4 bytes of 7. With y gone there would be room for 3 more, and there is not.
    assert Simrd(of(*entries, last(2))).run(7, "h_lru", "banish").status == "finished"
    assert Simrd(of(*entries, last(3))).run(7, "h_lru", "banish").status == "out_of_memory"
    outcome, trace = reference.traced(of(*entries, last(3)), 7, "h_lru", "banish")
    assert outcome.status == "out_of_memory"
    assert check(trace)


@claim("simrd", "A banished storage comes back when what was made with it is computed again.", method="regression")
def test_a_banished_storage_comes_back() -> None:
    steps = of(
        Constant("c", 1),
        Call("f", ("c",), (Result("x", 1), Result("y", 2)), 1),
        Release("y"),  # banished
        Call("g", ("c",), (Result("w", 3),), 1),  # evicts x
        Release("w"),
        Call("h", ("x",), (Result("d", 1),), 1),  # computes x again, and y, which is then evicted
    )
    outcome, trace = reference.traced(steps, 4, "h_lru", "banish")
    assert Simrd(steps).run(4, "h_lru", "banish") == outcome
    assert outcome.evictions == 2
    assert check(trace)
    assert [event.subject for event in trace.events if event.rule == "evict"] == [1]
    assert [event.subject for event in trace.events if event.rule == "free"] == [2]


@claim("T8", "Banishing in the middle of a rematerialization is a step of the machine.", method="regression")
def test_banishing_inside_has_a_trace() -> None:
    steps = of(
        Constant("c", 1),
        Call("f", ("c",), (Result("a", 1),), 1),
        Call("g", ("a",), (Result("b", 1),), 1),
        Call("k", ("c",), (Result("w", 3),), 1),  # evicts a and b
        *map(Release, ("w", "c", "a")),
        Call("h", ("b",), (Result("d", 1),), 1),  # computes b from a from c, of which nobody else needs c
    )
    outcome, trace = reference.traced(steps, 4, "h_lru", "banish")
    assert Simrd(steps).run(4, "h_lru", "banish") == outcome
    assert outcome.status == "finished"
    assert check(trace)
    told = [f"{event.rule} {event.subject}" for event in trace.events]
    inside = told[told.index("need 2") : told.index("replay 3")]
    assert inside[:4] == ["need 2", "need 1", "lock 0", "allocate 1"]
    assert inside[4:] == ["replay 2", "bind 1", "commit 0", "hold 1", "collect 0", "lock 1", "allocate 1"]
