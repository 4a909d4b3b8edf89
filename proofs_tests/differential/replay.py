# SPDX-License-Identifier: Apache-2.0
"""Runs one saved case again, through every check, and prints what it does.

python -m proofs_tests.differential.replay FILE [--heuristic FILE.py:CLASS | NAME]
"""

import argparse
import sys
from pathlib import Path
from typing import cast

from dtr_reference import HEURISTICS
from dtr_reference.heuristic_option import HeuristicOptionError, load_heuristic
from dtr_reference.machine import DEALLOCATIONS, Deallocation
from dtr_spec.trace import Trace, TraceError

from ..strategies import Case
from .checks import Repeatable, check_all


def load(path: Path, heuristic: str | None = None) -> Case:
    """The case in a file; raises ``TraceError`` or ``HeuristicOptionError`` if it cannot be run."""
    trace = Trace.load(path)
    name = heuristic or trace.configuration.get("heuristic", "")
    deallocation = trace.configuration.get("deallocation", "eager")
    if deallocation not in DEALLOCATIONS:
        raise TraceError(f"{path}: unknown deallocation policy {deallocation!r}")
    score = name if name in HEURISTICS else Repeatable(load_heuristic(name))
    return Case(trace.program, trace.budget, score, cast("Deallocation", deallocation))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m proofs_tests.differential.replay", description="Runs a case again."
    )
    parser.add_argument("file", type=Path, help="a case that a failing test saved, or any trace")
    parser.add_argument("--heuristic", help="another heuristic than the one it failed with")
    options = parser.parse_args()
    try:
        case = load(options.file, options.heuristic)
    except (OSError, TraceError, HeuristicOptionError) as error:
        sys.exit(f"replay: {error}")
    for position, command in enumerate(case.program.commands):
        print(f"{position:4} {command}")
    run = check_all(case)
    print(f"{run.status}: {len(run.trace.events)} events, {run.evictions} evictions; every check passes")


if __name__ == "__main__":
    main()
