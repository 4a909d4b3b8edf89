# SPDX-License-Identifier: Apache-2.0
"""Sweeps: many runs of one simulator over logs, heuristics and budgets, on any executor, resumed where they stopped.

A result is a line of JSON, appended as soon as it is computed and never rewritten. A sweep that finds lines
of an earlier one computes only what is missing.
"""

import hashlib
import json
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from .simrd import Deallocation, Outcome, SimrdStopsError

UNLIMITED = 2**62
"""No run needs as many bytes, or computes for as many clock units."""
Row = dict[str, Any]
"""One result: the fields of its point, its budget (bytes), its baseline's cost and peak, and of its outcome."""


class Point(NamedTuple):
    """One run: a log (its path and the SHA-256 of its bytes), a heuristic, a budget as a share of the peak.

    ``limit`` bounds rematerialization, in multiples of the cost of computing everything once.
    """

    path: str
    sha256: str
    heuristic: str
    deallocation: Deallocation
    ratio: float
    limit: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """What ratios refer to: everything computed once (clock units), and its peak under banishing (bytes)."""

    cost: int
    peak: int


Replay = Callable[[int, str, Deallocation, int], Outcome]
"""Budget in bytes, heuristic, deallocation policy, limit in clock units -> outcome."""
Open = Callable[[str], tuple[Baseline, Replay]]
"""A simulator: from a log's path to its baseline and a replay. A module's function, which processes can be sent."""


class SweepError(ValueError):
    """An option or a file of results that cannot be used; the message says why."""


def ratios(text: str) -> tuple[float, ...]:
    """``0.1:1.0:0.1`` (first, last, step; both ends included) or ``0.2,0.5``. Raises ``SweepError``."""
    try:
        if ":" in text:
            first, last, step = map(Decimal, text.split(":"))
            count = int((last - first) / step) + 1 if step > 0 else 0
            found = [float(first + step * i) for i in range(count)]
        else:
            found = list(map(float, text.split(",")))
    except (InvalidOperation, ValueError, OverflowError):
        found = []
    if not found or not all(0 < ratio < math.inf for ratio in found):
        raise SweepError(f"cannot read the ratios {text!r}; write 0.1:1.0:0.1 (first:last:step) or 0.2,0.5")
    return tuple(found)


def points(
    paths: Iterable[str], heuristics: Iterable[str], deallocation: Deallocation, given: Iterable[float], limit: float
) -> tuple[Point, ...]:
    """The grid, log by log, each once. Raises ``SweepError`` for a limit that is none."""
    if not 0 <= limit <= math.inf:
        raise SweepError(f"a limit of {limit} is none: it is a multiple of the cost of computing everything once")
    names, shares = tuple(heuristics), tuple(given)
    sums = {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths}
    grid = (
        Point(path, digest, name, deallocation, ratio, limit)
        for path, digest in sums.items()
        for name in names
        for ratio in shares
    )
    return tuple(dict.fromkeys(grid))


def run(simulator: Open, point: Point) -> Row:
    """One result. A run that stops where simrd stops at an assertion has the status ``stopped`` and the reason."""
    baseline, replay = simulator(point.path)
    budget = int(min(point.ratio * baseline.peak, UNLIMITED))
    row = _key(point) | {"budget": budget, "baseline_cost": baseline.cost, "baseline_peak": baseline.peak}
    limit = UNLIMITED if math.isinf(point.limit) else int(min(point.limit * baseline.cost, UNLIMITED))
    try:
        return row | asdict(replay(budget, point.heuristic, point.deallocation, limit))
    except SimrdStopsError as error:
        return row | {"status": "stopped", "reason": str(error)}


def sweep(
    simulator: Open, grid: Iterable[Point], out: Path, executor: Executor | None = None
) -> Generator[tuple[Row, bool], None, None]:
    """The results of a grid, each with whether it was computed now; those of an earlier sweep in ``out`` first.

    Without an executor runs follow each other in this process. If the caller stops early, what has not begun is
    cancelled and what was computed is in ``out``. Raises ``SweepError`` if ``out`` holds anything but results.
    """
    known = {_identity(row): row for row in stored(out)}
    missing: list[Point] = []
    for point in grid:
        row = known.get(_identity(_key(point)))
        if row is None:
            missing.append(point)
        else:
            yield row, False
    with out.open("a", encoding="utf-8") as file:
        for row in _computed(simulator, missing, executor):
            file.write(json.dumps(row) + "\n")
            file.flush()
            yield row, True


def _computed(simulator: Open, missing: list[Point], executor: Executor | None) -> Iterator[Row]:
    if executor is None:
        for point in missing:
            yield run(simulator, point)
        return
    futures: list[Future[Row]] = [executor.submit(run, simulator, point) for point in missing]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def stored(out: Path) -> list[Row]:
    """The results in a file; an unfinished last line, left by an interruption, is cut off. Raises ``SweepError``."""
    if not out.exists():
        return []
    text = out.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with out.open("r+b") as file:
            file.truncate(len(whole))
    rows: list[Row] = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            row = json.loads(line)
            _identity(row)
        except (ValueError, KeyError, TypeError):
            raise SweepError(f"{out}:{number}: not a result of a sweep; name another file") from None
        rows.append(row)
    return rows


def _key(point: Point) -> Row:
    return {
        "log": Path(point.path).name,
        "sha256": point.sha256,
        "heuristic": point.heuristic,
        "deallocation": point.deallocation,
        "ratio": point.ratio,
        "limit": point.limit,
    }


def _identity(row: Row) -> tuple[Any, ...]:
    """By what a result is found again: the log's content, not its name."""
    return tuple(row[name] for name in ("sha256", "heuristic", "deallocation", "ratio", "limit"))
