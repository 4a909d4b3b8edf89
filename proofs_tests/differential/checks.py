# SPDX-License-Identifier: Apache-2.0
"""What must hold of runs, as functions that raise AssertionError: for tests, mutants and replays alike."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dtr_reference import Machine, Run, Terms
from dtr_reference.values import Interpretation
from dtr_runtime.simulator import Simulation, simulate
from dtr_spec import terms
from dtr_spec.facts import CLIENT
from dtr_spec.monitor import Verdict, check
from dtr_spec.policy import Heuristic, HeuristicError, Score, StorageView, checked
from dtr_spec.program import Program
from dtr_spec.trace import Event, Trace

from ..strategies import Case
from . import arrays


def reference(case: Case, interpretation: Interpretation | None = None) -> Run:
    """A run of the reference machine."""
    machine = Machine(case.program, case.budget, case.heuristic, case.deallocation, interpretation)
    return machine.run()


def simulator(case: Case) -> Simulation:
    """A run of the C++ engine without tensors."""
    return simulate(case.program, case.budget, case.heuristic, case.deallocation)


def check_values(run: Run, program: Program) -> None:
    """T1, for terms: every read yields the eager machine's term."""
    expected = terms.eager(program).observations
    _check_count(run, len(expected))
    for number, (seen, meant) in enumerate(zip(run.observations, expected, strict=False)):
        assert seen is meant, f"read {number} yields {seen!r}, the eager machine {meant!r}"


def check_arrays(run: Run, program: Program) -> None:
    """T1, for numpy: every read yields the bits of the eager evaluation with real views and in-place writes."""
    expected = arrays.evaluated(program)
    _check_count(run, len(expected))
    for number, (seen, meant) in enumerate(zip(run.observations, expected, strict=False)):
        assert np.array_equal(seen, meant), f"read {number} yields {seen}, the eager evaluation {meant}"


def check_budget(trace: Trace) -> None:
    """T2: at every event, the bytes reported are those recounted from the events, and within the budget."""
    for number, (event, recounted) in enumerate(zip(trace.events, recount(trace), strict=True)):
        assert event.used == recounted, f"event {number}, {event}: {recounted} bytes are in use"
        assert 0 <= event.used <= trace.budget, f"event {number}, {event}: the budget is {trace.budget} bytes"


def check_refinement(trace: Trace) -> Verdict:
    """T8: the trace is a run of the machine."""
    verdict = check(trace)
    assert verdict, verdict.reason
    return verdict


def check_followed(trace: Trace) -> Counter[str]:
    """T6's proviso: whatever is rebuilt is at once locked, held or pinned. Returns how many were for which of these."""
    uses: Counter[str] = Counter()
    under_way: list[int] = []
    for number, (event, following) in enumerate(pairwise((*trace.events, Event("nothing", 0, 0, 0)))):
        match event.rule:
            case "call":
                under_way.append(CLIENT)
            case "need":
                under_way.append(event.subject)
            case "commit" if (target := under_way.pop()) != CLIENT:
                used = trace.program.storage(following.subject) if following.rule == "pin" else following.subject
                at_once = following.rule in ("lock", "hold", "pin") and used == target
                told = f"event {number}: rebuilt storage {target}, but {following.rule} {following.subject} follows"
                assert at_once, told
                uses[following.rule] += 1
    return uses


def check_decisions(one: Trace, other: Trace) -> None:
    """T9: the same steps, in the same order, with the same bytes in use."""
    for number, (left, right) in enumerate(zip(one.events, other.events, strict=False)):
        assert left == right, f"event {number}: {left} in one machine, {right} in the other"
    assert len(one.events) == len(other.events), f"{len(one.events)} events in one, {len(other.events)} in the other"


def check_all(case: Case) -> Run:
    """Everything that must hold of one case; returns the run of the reference machine."""
    ours, again, theirs = reference(case, Terms()), reference(case, arrays.Arrays()), simulator(case)
    check_decisions(ours.trace, again.trace)
    check_values(ours, case.program)
    check_arrays(again, case.program)
    for trace in (ours.trace, theirs.trace):
        check_budget(trace)
        check_refinement(trace)
        check_followed(trace)
    check_decisions(ours.trace, theirs.trace)
    return ours


def recount(trace: Trace) -> Iterator[int]:
    """The bytes in use after each event, from the sizes of what the events say is in memory."""
    sizes = trace.program.sizes
    resident: set[int] = set()
    kept: set[tuple[int, int]] = set()
    versions = dict.fromkeys(range(len(sizes)), 0)
    allocated = 0
    for event in trace.events:
        match event.rule:
            case "constant":
                resident.add(event.subject)
            case "bind":
                resident.add(event.subject)
                allocated -= sizes[event.subject]
            case "evict" | "collect":
                resident.discard(event.subject)
            case "keep":
                kept.add((event.subject, versions[event.subject]))
            case "drop":
                kept.remove((event.subject, event.detail))
            case "allocate":
                allocated += event.subject
            case "free":
                allocated -= event.subject
            case "execute":
                for storage in trace.program.writes[event.subject]:
                    versions[storage] += 1
        yield sum(sizes[s] for s in resident) + sum(sizes[s] for s, _ in kept) + allocated


@dataclass(frozen=True)
class Repeatable:
    """A heuristic that is asked everything twice. Raises ``HeuristicError`` where it contradicts itself."""

    heuristic: Heuristic

    def score(self, storage: StorageView, clock: int) -> Score:
        """The score, if it is the same twice."""
        once = checked(self.heuristic.score(storage, clock), self.heuristic, storage)
        twice = self.heuristic.score(storage, clock)
        if once != twice:
            raise HeuristicError(
                f"{type(self.heuristic).__name__}.score returned {once!r}, then {twice!r}, for storage {storage.index} "
                f"at clock {clock}; it must be deterministic in what it is given"
            )
        return once


def evictions(events: tuple[Event, ...]) -> int:
    """How many storages lost their bytes."""
    return sum(event.rule == "evict" for event in events)


def depth(events: tuple[Event, ...]) -> int:
    """How many rematerializations were under way at once, at most."""
    deepest = under_way = 0
    for event in events:
        under_way += (event.rule == "need") - (event.rule == "commit" and under_way > 0)
        deepest = max(deepest, under_way)
    return deepest


def _check_count(run: Run, count: int) -> None:
    done = len(run.observations)
    assert done == count or (run.status == "out_of_memory" and done < count), f"{done} of {count} reads were made"
