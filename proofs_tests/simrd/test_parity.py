# SPDX-License-Identifier: Apache-2.0
"""For every row of simrd's results: the same integers."""

from collections.abc import Callable
from functools import cache

import pytest

from dtr_runtime.simrd import Simrd
from dtr_spec.simrd import DEALLOCATIONS, HEURISTICS, Outcome

from ..claims import claim
from .data import Row, logs, published, rows

pytestmark = pytest.mark.needs_simrd_data
EACH_LOG = pytest.mark.parametrize("log", logs() or ("no log",), ids=lambda log: log.partition("-")[0])


@cache
def engine(log: str) -> Simrd:
    return Simrd(published(log))


def expected(row: Row, evictions: int) -> Outcome:
    """A row as an outcome; simrd does not count evictions."""
    assert row.status in ("finished", "out_of_memory", "thrashed")
    return Outcome(
        row.status, row.clock, row.rematerialization_cost, row.peak, evictions, row.evaluations, row.accesses
    )


def without_accesses(outcome: Outcome) -> tuple[object, ...]:
    return (outcome.status, outcome.clock, outcome.rematerialization_cost, outcome.peak, outcome.evaluations)


def differs(row: Row, found: Outcome) -> bool:
    """Whether any integer differs. How often simrd walks union-find trees depends on addresses in memory."""
    wanted = expected(row, found.evictions)
    if HEURISTICS[row.heuristic].cost == "classes":
        return without_accesses(found) != without_accesses(wanted)
    return found != wanted


@claim(
    "simrd",
    "The C++ engine computes simrd's status, clock, rematerialization cost, peak, heuristic evaluations and metadata "
    "accesses (but for union-find, where simrd's own vary) for every row.",
    method="computed",
)
@EACH_LOG
def test_the_engine_equals_simrd(log: str, claim_scope: Callable[[str], None]) -> None:
    mine = [row for row in rows() if row.log == log]
    found = [engine(log).run(row.budget, row.heuristic, DEALLOCATIONS[row.runtime], row.baseline_cost) for row in mine]
    different = [(row, outcome) for row, outcome in zip(mine, found, strict=True) if differs(row, outcome)]
    assert not different, f"{len(different)} of {len(mine)} rows differ; the first: {different[0]}"
    claim_scope(f"{len(mine)} rows")


@claim("simrd", "The runs that ratios refer to have simrd's costs and peaks.", method="computed")
@EACH_LOG
def test_baselines_equal_simrds(log: str) -> None:
    row = next(row for row in rows() if row.log == log)
    assert published(log).cost == row.baseline_cost
    assert engine(log).baseline.peak == row.baseline_peak
    assert all(int(row.ratio * row.baseline_peak) == row.budget for row in rows() if row.log == log)
