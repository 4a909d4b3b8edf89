# SPDX-License-Identifier: Apache-2.0
"""Is the engine a hundred times faster than simrd, and does it say the same? ``python -m benchmarks.simrd CHECKOUT``.

``CHECKOUT`` is the folder ``simrd/`` of uwsampl/dtr-prototype, unmodified, with its ``logs.zip``. Row by row, both
replay the same log with the same heuristic, runtime and budget, one after the other in one process and on one thread.
Only the replay is timed, in CPU seconds of its thread: both have parsed the log before. The rows are a fixed sample:
every published log, each heuristic under its runtime, at ratios that rotate through the strata. A row for which simrd
takes longer than ``--patience`` is cut off: it is not compared, and the factor is a lower bound, which the mean leaves
out (and a second mean takes in).
"""

import argparse
import importlib
import io
import json
import random
import signal
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from dtr_runtime.simrd import Simrd
from dtr_spec.copies import schedule
from dtr_spec.log import Log
from dtr_spec.simrd import DEALLOCATIONS, HEURISTICS

from .measure import measured

CASES = (
    *((name, "RuntimeV2EagerOptimized") for name in ("DTR", "DTREqClass", "DTRLocal", "MSPS", "LRU")),
    ("LargestStorage", "RuntimeV2EagerOptimized"),
    ("RandomStorage", "RuntimeV2EagerOptimized"),
    ("DTREqClass", "RuntimeV2Optimized"),
    ("DTRUnopt", "RuntimeV1"),
    *((name, "RuntimeV2EagerOptimized") for name in ("AbE", "AbESize", "AbEqStale", "AbLocalSize", "AbSizeStale")),
)
RATIOS = (0.8, 0.5, 0.3)


@dataclass(frozen=True)
class Comparison:
    """One row: whether the integers are equal, and the CPU seconds of either replay."""

    log: str
    heuristic: str
    runtime: str
    ratio: float
    equal: bool | None
    """None: simrd was cut off."""
    theirs: tuple[Any, ...]
    ours: tuple[Any, ...]
    their_seconds: float
    our_seconds: float

    @property
    def factor(self) -> float:
        """How many times faster the engine is, or at least if simrd was cut off."""
        return self.their_seconds / self.our_seconds


class _CutOff(Exception):
    """Patience is at its end."""


def _cut_off(*_: object) -> None:
    raise _CutOff


class Checkout:
    """An unmodified simrd."""

    def __init__(self, folder: Path, patience: float) -> None:
        self.patience = patience
        signal.signal(signal.SIGVTALRM, _cut_off)
        sys.path.insert(0, str(folder))
        self.parse: Any = importlib.import_module("simrd.parse.parse")
        self.runtime: Any = importlib.import_module("simrd.runtime")
        self.heuristic: Any = importlib.import_module("simrd.heuristic")
        importlib.import_module("simrd.heuristic.ablation")  # registers itself
        self.archive = zipfile.ZipFile(folder / "logs.zip")

    def logs(self) -> list[str]:
        return sorted(name for name in self.archive.namelist() if name.endswith(".log"))

    @cache  # noqa: B019 (one checkout a process)
    def text(self, log: str) -> str:
        return self.archive.read(log).decode()

    @cache  # noqa: B019
    def graph(self, log: str) -> Any:
        return self.parse.parse_file(io.StringIO(self.text(log)))

    def run(self, log: str, name: str, runtime: str, budget: int, limit: int) -> tuple[tuple[Any, ...], float]:
        """Status and integers as simrd has them, none if it was cut off, and the seconds of the replay."""
        replay = self.graph(log).get_closure()
        machine = self.runtime.RUNTIMES[runtime](budget, self.heuristic.HEURISTICS[name](), remat_limit=limit)
        random.seed(0)
        status = "finished"
        began = time.thread_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, self.patience)
        try:
            replay(machine)
        except _CutOff:
            return (), time.thread_time() - began
        except MemoryError:
            status = "out_of_memory"
        except self.runtime.RematExceededError:
            status = "thrashed"
        except AssertionError:
            return ("stopped",), time.thread_time() - began
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        seconds = time.thread_time() - began
        seen = machine.telemetry.summary
        counts = (seen["remat_compute"], seen["max_memory"], seen["heuristic_eval_count"])
        return (status, machine.clock, *counts, seen["heuristic_access_count"]), seconds


def ours(engine: Simrd, name: str, runtime: str, budget: int, limit: int) -> tuple[tuple[Any, ...], float]:
    """The same of the engine."""
    began = time.thread_time()
    try:
        found = engine.run(budget, name, DEALLOCATIONS[runtime], limit)
    except AssertionError:
        return ("stopped",), time.thread_time() - began
    seconds = time.thread_time() - began
    counts = (found.rematerialization_cost, found.peak, found.evaluations, found.accesses)
    return (found.status, found.clock, *counts), seconds


def compare(checkout: Checkout, every: int, most: int | None) -> Iterator[Comparison]:
    """The rows of the sample, or every n-th of them; ``most`` bounds the bytes of a log that is taken."""
    number = 0
    for log in checkout.logs():
        if most is not None and len(checkout.text(log)) > most:
            continue
        steps = schedule(Log.parse(io.StringIO(checkout.text(log)), log))
        engine = Simrd(steps)
        for name, runtime in CASES:
            ratio = RATIOS[number % len(RATIOS)]
            number += 1
            if number % every:
                continue
            budget = int(ratio * engine.baseline.peak)
            found, our_seconds = ours(engine, name, runtime, budget, steps.cost)
            expected, their_seconds = checkout.run(log, name, runtime, budget, steps.cost)
            # Under union-find simrd's own count of accesses varies from run to run.
            count = 5 if HEURISTICS[name].cost == "classes" else 6
            equal = found[:count] == expected[:count] if expected else None
            yield Comparison(Path(log).name, name, runtime, ratio, equal, expected, found, their_seconds, our_seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simrd", description=__doc__)
    parser.add_argument("checkout", type=Path, help="the folder simrd/ of uwsampl/dtr-prototype")
    parser.add_argument("--every", type=int, default=1, help="take every n-th row of the sample")
    parser.add_argument("--largest", type=int, help="leave out logs of more bytes")
    parser.add_argument("--patience", type=float, default=20.0, help="CPU seconds for one row of simrd (default 20)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the rows there")
    options = parser.parse_args()
    sys.setrecursionlimit(100_000)  # simrd recurses
    rows: list[Comparison] = []
    for row in compare(Checkout(options.checkout, options.patience), options.every, options.largest):
        rows.append(row)
        name = f"{row.log[:24]:24} {row.heuristic:15} {row.runtime[7:]:16} {row.ratio:.1f}"
        print(f"{name} {row.factor:8.0f}x {verdict(row)}", flush=True)
    summary = summarized(rows)
    print(
        "{equal} of {compared} rows equal; {geometric_mean:.0f} times faster in geometric mean, "
        "{least:.0f} at least; {cut_off} more rows cut off, with which the mean is at least "
        "{geometric_mean_of_all_with_bounds:.0f}".format(**summary)
    )
    if options.json is not None:
        options.json.write_text(json.dumps(measured(**summary, rows=[kept(row) for row in rows]), indent=1) + "\n")
    return 0 if summary["equal"] == summary["compared"] else 1


def kept(row: Comparison) -> dict[str, Any]:
    """What is written down of a row. The integers that simrd computes are not: they are its authors'."""
    return {name: value for name, value in asdict(row).items() if name not in ("theirs", "ours")}


def verdict(row: Comparison) -> str:
    """In words."""
    if row.equal is None:
        return "or more: simrd cut off"
    return "equal" if row.equal else f"DIFFERENT: simrd {row.theirs}, ours {row.ours}"


def summarized(rows: list[Comparison]) -> dict[str, Any]:
    """Of the rows that simrd finished: how many are equal, and how much faster the engine is."""
    compared = [row for row in rows if row.equal is not None]
    return {
        "geometric_mean": geometric_mean(row.factor for row in compared),
        "geometric_mean_of_all_with_bounds": geometric_mean(row.factor for row in rows),
        "least": min(row.factor for row in compared),
        "compared": len(compared),
        "equal": sum(row.equal is True for row in compared),
        "cut_off": len(rows) - len(compared),
    }


if __name__ == "__main__":
    sys.exit(main())
