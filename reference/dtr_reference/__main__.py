# SPDX-License-Identifier: Apache-2.0
"""``python -m dtr_reference``: heuristics against the optimum, the series behind the theorems, logs replayed."""

import argparse
import json
import sys
from pathlib import Path

from rich.progress import track

from dtr_spec.report import console
from dtr_spec.simulate import add_command, simulate

from .competitive import instances, record
from .competitive_report import report, table
from .heuristic_option import HeuristicOptionError, load_heuristic
from .heuristics import HEURISTICS
from .simrd import opened
from .small_networks import small_networks
from .theory.asymptotics import asymptotics

LEAST_DEEPEST = 9
"""Two points: 2^8 layers and 2^9."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0: fine, 2: unusable input)."""
    parser = argparse.ArgumentParser(prog="python -m dtr_reference", description="The reference algorithm of DTR.")
    commands = parser.add_subparsers(dest="command", required=True)
    ratios = commands.add_parser("competitive", help="what heuristics cost, over the least cost of any run")
    ratios.add_argument("--heuristic", action="append", default=[], help="FILE.py:CLASS, beside the built-in ones")
    ratios.add_argument("--results", type=int, default=3, help="how many results the programs compute (default 3)")
    ratios.add_argument("--json", type=Path, metavar="OUT", help="also write the table there")
    theorems = commands.add_parser("theorems", help="the series behind theorems 3.1 and 3.2")
    theorems.add_argument("--deepest", type=int, default=12, help="to networks of 2^DEEPEST layers (default 12)")
    theorems.add_argument("--json", type=Path, metavar="OUT", required=True, help="where to write them")
    add_command(commands)
    options = parser.parse_args(arguments)
    if options.command == "theorems":
        return _theorems(options)
    if options.command == "simulate":
        return simulate(opened, options)
    if options.results < 2:
        parser.error(f"--results {options.results}: programs of fewer than 2 results leave no choice")
    return _competitive(options)


def _theorems(options: argparse.Namespace) -> int:
    if options.deepest < LEAST_DEEPEST:
        print(f"--deepest {options.deepest}: a power law needs at least {LEAST_DEEPEST}", file=sys.stderr)
        return 2
    options.json.write_text(json.dumps(asymptotics(options.deepest), indent=1) + "\n")
    return 0


def _competitive(options: argparse.Namespace) -> int:
    try:
        given = {name: load_heuristic(name) for name in (*HEURISTICS, *options.heuristic)}
    except HeuristicOptionError as error:
        print(error, file=sys.stderr)
        return 2
    out = console()
    programs = list(small_networks(options.results))
    family = list(instances(track(programs, "least costs", console=out, transient=True)))
    records = [
        record(name, heuristic, family)
        for name, heuristic in track(given.items(), "heuristics", console=out, transient=True)
    ]
    out.print(f"{len(programs):,} programs of {options.results} results, {len(family):,} with a budget")
    out.print(table(records))
    if options.json:
        options.json.write_text(json.dumps(report(f"small networks of {options.results} results", records)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
