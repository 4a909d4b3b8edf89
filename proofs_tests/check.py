# SPDX-License-Identifier: Apache-2.0
"""The quick differential check: do specification, reference and runtime still agree?

    python -m proofs_tests.check [--heuristic NAME|FILE.py:CLASS] [--model NAME] [--budget BYTES|PERCENT%]

Random programs go through monitor, reference and simulator; then one training step of a real model
runs within several budgets and is compared with PyTorch alone. Exits with 1 if anything disagrees.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from dtr_reference import HEURISTICS
from dtr_reference.heuristic_option import HeuristicOptionError, load_heuristic
from dtr_spec.policy import Heuristic
from dtr_spec.report import console as plain_console

from .agreement import Case, cases, disagreement
from .models.bounded import Eager, Training, eager
from .models.verdict import Row, judge
from .models.zoo import ZOO

PROGRAMS = 60
BUDGETS = ("90%", "60%", "40%", "25%")


@dataclass(frozen=True)
class Options:
    """The command line."""

    heuristic: str
    model: str
    budgets: tuple[str, ...]
    device: str
    json: Path | None
    case: Case | None
    """A single random program to run instead of everything."""

    def policy(self) -> str | Heuristic:
        """A built-in's name, or an instance of the user's class."""
        return self.heuristic if self.heuristic in HEURISTICS else load_heuristic(self.heuristic)

    def replay(self, case: Case) -> str:
        """The command that runs one random program again."""
        heuristic = shlex.quote(self.heuristic)
        return f"python -m proofs_tests.check --heuristic {heuristic} --program {case.seed} --budget {case.budget}"


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; exits with 2 and says why if it is malformed."""
    parser = argparse.ArgumentParser(prog="python -m proofs_tests.check", description=(__doc__ or "").splitlines()[0])
    known = ", ".join(HEURISTICS)
    parser.add_argument("--heuristic", default="h_dtr_eq", help=f"FILE.py:CLASS or one of {known}")
    parser.add_argument("--model", default="gpt", choices=ZOO)
    parser.add_argument("--budget", metavar="BYTES|PERCENT%", help="one budget; a percentage is of eager's peak")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the results there")
    parser.add_argument("--program", type=int, metavar="SEED", help="only this random program, within --budget bytes")
    given = parser.parse_args(arguments)
    budgets = (given.budget,) if given.budget else BUDGETS
    if not all(budget.removesuffix("%").isdigit() for budget in budgets):
        parser.error(f"--budget {given.budget}: bytes or a percentage, such as 4000000 or 40%")
    if given.program is not None and not (given.budget or "").isdigit():
        parser.error("--program needs --budget BYTES")
    case = None if given.program is None else Case(given.program, int(given.budget))
    if torch.device(given.device).type == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: this machine has no CUDA device that torch can use")
    options = Options(given.heuristic, given.model, budgets, given.device, given.json, case)
    try:
        options.policy()
    except HeuristicOptionError as error:
        parser.error(f"{error}; built in are {known}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check; the exit status."""
    options = parse(arguments)
    console = plain_console()
    wanted = [options.case] if options.case else list(cases(PROGRAMS))
    failed = [(case, why) for case, why in programs(options, wanted, console) if why]
    if failed:
        show(options, *min(failed, key=lambda failure: len(failure[0].program.commands)), console)
    console.print(f"random programs: {len(wanted)} run, {len(failed)} disagree")
    rows = [] if options.case or failed else list(steps(options, console))
    if rows:
        console.print(table(rows, options))
        for line in complaints(rows, options):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if options.json:
        options.json.write_text(json.dumps(report(options, wanted, failed, rows), indent=1) + "\n")
    if not all(row.sufficient for row in rows):
        console.print("too small: the runtime ran out of memory and said so, which is no disagreement")
    good = not failed and all(row.agrees for row in rows)
    console.print("[green]everything agrees[/green]" if good else "[red]something disagrees[/red]")
    return 0 if good else 1


def show(options: Options, case: Case, why: str, console: Console) -> None:
    """What is wrong, the program, and how to run it again."""
    console.print(f"[red]{case}[/red]: {escape(why)}", highlight=False, soft_wrap=True)
    for position, command in enumerate(case.program.commands):
        console.print(f"  {position:3} {command}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"again: {options.replay(case)}", highlight=False, markup=False, soft_wrap=True)


def programs(options: Options, wanted: list[Case], console: Console) -> Iterator[tuple[Case, str | None]]:
    """Each random program with what is wrong with it."""
    for case in track(wanted, "random programs", console=console, transient=True):
        yield case, disagreement(case, options.policy())


def steps(options: Options, console: Console) -> Iterator[Row]:
    """One training step within each budget."""
    training = Training(ZOO[options.model], "adamw", 1, options.policy(), options.device)
    alone = eager(training)
    for budget in track(options.budgets, f"{options.model} step", console=console, transient=True):
        yield judge(training, in_bytes(budget, alone), alone)


def in_bytes(budget: str, alone: Eager) -> int:
    """Bytes as given, or as a percentage of eager's peak."""
    return alone.peak * int(budget[:-1]) // 100 if budget.endswith("%") else int(budget)


def table(rows: list[Row], options: Options) -> Table:
    """A row a budget."""
    title = f"{options.model}, one step, {options.heuristic}, {options.device}"
    shown = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("budget\nbytes", "observed\npeak", "evicted", "replayed", "cost"):
        shown.add_column(column, justify="right", no_wrap=True)
    for column in ("decisions", "monitor", "bits"):
        shown.add_column(column, no_wrap=True)
    for row in rows:
        peak = f"{row.peak:,}" if row.within_budget else f"[red]{row.peak:,}[/red]"
        numbers = (f"{row.evictions:,}", f"{row.rematerializations:,}", f"x{row.slowdown:.3f}")
        verdicts = (mark(row.decisions), mark(row.monitor)) if row.started or row.decisions else ("", "")
        bits = mark(row.bits) if row.sufficient else "[yellow]too small[/yellow]"
        shown.add_row(f"{row.budget:,}", peak, *numbers, *verdicts, bits)
    return shown


def mark(wrong: str | None) -> str:
    """A verdict as a cell."""
    return "[red]differ[/red]" if wrong else "[green]agree[/green]"


def complaints(rows: list[Row], options: Options) -> Iterator[str]:
    """What is wrong with each budget, and how to run it again."""
    for row in rows:
        kept = None if row.within_budget else f"{row.peak - row.budget} bytes over the budget"
        wrong = {"peak": kept, "decisions": row.decisions, "monitor": row.monitor, "bits": row.bits}
        yield from (f"{row.budget:,} bytes, {what}: {why}" for what, why in wrong.items() if why)
        if not row.agrees:
            flags = f"--heuristic {shlex.quote(options.heuristic)} --model {options.model} --budget {row.budget}"
            yield f"again: python -m proofs_tests.check {flags}"


def report(options: Options, wanted: list[Case], failed: list[tuple[Case, str]], rows: list[Row]) -> dict[str, object]:
    """The results as JSON values."""
    return {
        "heuristic": options.heuristic,
        "model": options.model,
        "device": options.device,
        "programs": len(wanted),
        "disagreements": [{"program": str(c), "why": why, "again": options.replay(c)} for c, why in failed],
        "budgets": [asdict(row) | {"agrees": row.agrees} for row in rows],
    }


if __name__ == "__main__":
    sys.exit(main())
