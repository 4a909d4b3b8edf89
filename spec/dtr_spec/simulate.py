# SPDX-License-Identifier: Apache-2.0
"""``simulate LOG``: the command that reference and runtime share; each brings its own simulator."""

import argparse
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from . import report, simrd
from .sweep import Open, Row, SweepError, points, ratios, sweep


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``simulate`` and its options."""
    command = commands.add_parser("simulate", help="replay logs of the DTR prototype, as the paper's simulator does")
    command.add_argument("logs", nargs="+", metavar="LOG", help="a log of the DTR prototype")
    command.add_argument("--heuristic", default="all", help=f"names with commas between; all: {', '.join(simrd.PAPER)}")
    command.add_argument("--ratios", default="0.1:1.0:0.1", help="budgets / peak: first:last:step, or with commas")
    command.add_argument("--deallocation", default="eager", choices=("eager", "ignore", "banish"))
    command.add_argument(
        "--limit", type=float, default=1.0, help="thrashing: rematerialization above this, in computes"
    )
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    command.add_argument("--json", type=Path, metavar="OUT", help="append results here, and resume from it")
    command.add_argument("--plot", type=Path, metavar="OUT.png", help="draw slowdowns over budgets")


def simulate(simulator: Open, options: argparse.Namespace) -> int:
    """Run the command; returns the exit status (0: fine, 2: unusable input, 130: interrupted)."""
    try:
        _simulate(simulator, options)
    except (OSError, ValueError, OverflowError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command with the same --json goes on from here", file=sys.stderr)
        return 130
    return 0


def _simulate(simulator: Open, options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    names = list(simrd.PAPER) if options.heuristic == "all" else options.heuristic.split(",")
    for name in names:
        simrd.heuristic(name, options.deallocation)
    grid = points(options.logs, names, options.deallocation, ratios(options.ratios), options.limit)
    rows: list[Row] = []
    with TemporaryDirectory() as scratch, _executor(options.jobs) as executor:
        results = sweep(simulator, grid, options.json or Path(scratch, "results"), executor)
        progress = Console(stderr=True)
        rows += (row for row, _ in track(results, "simulating", total=len(grid), console=progress))
    report.console(width=200).print(report.table(rows))
    if options.plot is not None:
        report.plot(rows, options.plot)


@contextmanager
def _executor(jobs: int) -> Iterator[Executor | None]:
    """Processes that start afresh, or none for one job."""
    if jobs < 1:
        raise SweepError(f"--jobs must be at least 1, not {jobs}")
    if jobs == 1:
        yield None
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor
