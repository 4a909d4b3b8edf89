# SPDX-License-Identifier: Apache-2.0
"""The reference's reading of simrd: the same integers, in lockstep with the engine, and runs of the machine."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import get_args

import pytest

from dtr_reference import simrd as reference
from dtr_runtime.simrd import Simrd
from dtr_spec.copies import Schedule, schedule
from dtr_spec.monitor import check
from dtr_spec.simrd import DEALLOCATIONS, HEURISTICS, PAPER, Deallocation, Outcome, SimrdStopsError, heuristic
from dtr_spec.trace import Trace

from ..claims import claim
from ..profiles import examples, is_thorough
from .data import published, rows
from .generated import random_log
from .test_parity import differs

RATIOS = (1.0, 0.8, 0.6)
SECONDS = float("inf") if is_thorough() else 0.03
"""Rows that simrd took less time for are computed: on a thorough run all of them, which takes hours of one core."""
GROUPS = sorted({(row.log, row.heuristic, row.runtime) for row in rows() if row.seconds < SECONDS})
"""A test each, so that processes share them and progress is seen."""


def random_schedule(seed: int) -> Schedule:
    draw = random.Random(seed)
    return schedule(random_log(draw, draw.choice((10, 40, 100))))


def outcome_or_stop(
    run: Callable[[int, str, Deallocation, int], Outcome],
    budget: int,
    name: str,
    deallocation: Deallocation,
    limit: int,
) -> Outcome | str:
    """What a run comes to, or where simrd would stop. Accesses of union-find depend on an order that is left open."""
    try:
        outcome = run(budget, name, deallocation, limit)
    except SimrdStopsError as error:
        return str(error)
    return replace(outcome, accesses=0) if HEURISTICS[name].cost == "classes" else outcome


@claim("simrd", "Reference and engine compute the same integers, or stop where simrd does.", method="property-tested")
@pytest.mark.parametrize("deallocation", get_args(Deallocation))
def test_reference_and_engine_agree(deallocation: Deallocation, claim_scope: Callable[[str], None]) -> None:
    endings: Counter[str] = Counter()
    for seed in range(examples(15)):
        steps = random_schedule(seed)
        engine = Simrd(steps)
        for name in HEURISTICS:
            if deallocation == "banish" and HEURISTICS[name].cached:
                continue
            for ratio in RATIOS:
                budget = int(ratio * engine.baseline.peak)
                options = (budget, name, deallocation, steps.cost // 4)
                expected = outcome_or_stop(partial(reference.run, steps), *options)
                assert outcome_or_stop(engine.run, *options) == expected
                endings[expected if isinstance(expected, str) else expected.status] += 1
    claim_scope(f"{endings.total()} runs")
    assert {"finished", "thrashed", "out_of_memory"} <= set(endings)


def refusal(outcome: Outcome, trace: Trace) -> str | None:
    """Why the trace is no run of the machine; a thrashing run ends in the middle, but all that it did must be steps."""
    verdict = check(trace)
    accepted = verdict.index == len(trace.events) if outcome.status == "thrashed" else verdict
    return None if accepted else str(verdict)


def told(trace: Trace) -> Iterator[str]:
    """The rule of each event, and once more, as inside, if a frame is under way."""
    frames = 0
    for event in trace.events:
        yield event.rule
        if frames > 0:
            yield f"{event.rule} inside"
        frames += {"call": 1, "need": 1, "commit": -1}.get(event.rule, 0)


@claim("T8", "Runs of simrd are runs of the machine, with aliases as storages of zero bytes.", method="property-tested")
@pytest.mark.parametrize("deallocation", get_args(Deallocation))
def test_traces_are_runs_of_the_machine(deallocation: Deallocation, claim_scope: Callable[[str], None]) -> None:
    rules: Counter[str] = Counter()
    runs = 0
    for seed in range(examples(30 if deallocation == "banish" else 15)):
        steps = random_schedule(seed)
        peak = Simrd(steps).baseline.peak
        for name in ("DTRUnopt" if deallocation == "banish" else "h_dtr_eq", "h_lru", "h_rand"):
            for ratio in RATIOS:
                outcome, trace = reference.traced(steps, int(ratio * peak), name, deallocation, steps.cost)
                assert refusal(outcome, trace) is None
                rules.update(told(trace))
                runs += 1
    claim_scope(f"{runs} runs")
    banishing = ("hold", "collect", "hold inside", "collect inside") if deallocation == "banish" else ()
    for rule in ("evict", "need", "replay", "free", "pin", "alias", "out_of_memory", *banishing):
        assert rules[rule] > 0, f"no {rule}: nothing is shown of it"


@claim("simrd", "The reference computes simrd's integers too.", method="computed")
@claim("T8", "Its runs on published logs are runs of the machine, banishing or not.", method="computed")
@pytest.mark.needs_simrd_data
@pytest.mark.parametrize(
    ("log", "name", "runtime"),
    GROUPS or [("no log", "", "")],
    ids=lambda part: part.partition("-")[0].removeprefix("Runtime"),
)
def test_the_reference_equals_simrd(log: str, name: str, runtime: str, claim_scope: Callable[[str], None]) -> None:
    group = [row for row in rows() if (row.log, row.heuristic, row.runtime) == (log, name, runtime)]
    mine = [row for row in group if row.seconds < SECONDS]
    for row in mine:
        found, trace = reference.traced(
            published(row.log), row.budget, row.heuristic, DEALLOCATIONS[row.runtime], row.baseline_cost
        )
        assert not differs(row, found), f"{row}: {found}"
        assert refusal(found, trace) is None
    claim_scope(f"{len(mine)} rows")


def test_names_are_simrds_and_ours() -> None:
    assert all(HEURISTICS[ours] == HEURISTICS[theirs] for ours, theirs in PAPER.items())
    with pytest.raises(ValueError, match="unknown heuristic 'h_best'; known are DTR"):
        heuristic("h_best", "eager")
    with pytest.raises(ValueError, match="unknown deallocation policy 'lazy'"):
        heuristic("h_lru", "lazy")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="DTR needs caches that are not kept under banishing"):
        heuristic("DTR", "banish")
