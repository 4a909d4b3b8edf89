# SPDX-License-Identifier: Apache-2.0
"""Compute the paper's figures again and say which of its claims held.

    python -m benchmarks.reproduce [--quick] [--output FOLDER] [FIGURE ...]

Writes a PDF, a PNG and a JSON file for each figure, and ``claims.md``. Figure 4 and table 1 are times on the
paper's GPU, and are out of scope.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from ..measure import RESULTS, WIDTH
from . import ablation, accesses, asymptotics, deallocation, heuristics, memory_picture, static_schemes
from .grid import FULL, QUICK, Grid
from .result import Result

FIGURES: dict[str, Callable[[Grid], Result]] = {
    "figure2": heuristics.run,
    "figure3": static_schemes.run,
    "figure5": memory_picture.run,
    "theorem3_1": asymptotics.run,
    "ablation": ablation.run,
    "figure11": deallocation.run,
    "figure12": accesses.run,
}
OUT_OF_SCOPE = "Figure 4 and table 1 measure the prototype on the authors' GPU, and are out of scope here."


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduce", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="few models, few budgets")
    parser.add_argument("--output", type=Path, default=RESULTS / "reproduce", metavar="FOLDER")
    options = parser.parse_args()
    if unknown := set(options.figures) - set(FIGURES):
        parser.error(f"no figure {min(unknown)!r}; known are {', '.join(FIGURES)}")
    options.output.mkdir(parents=True, exist_ok=True)
    console = Console()
    results: list[Result] = []
    for name in options.figures or FIGURES:
        with console.status(name):
            results.append(FIGURES[name](QUICK if options.quick else FULL))
        results[-1].save(options.output)
        console.print(f"{name}: written to {options.output}")
    (options.output / "claims.md").write_text(markdown(results))
    Console(width=None if console.is_terminal else WIDTH).print(table(results))
    console.print(OUT_OF_SCOPE)


def table(results: list[Result]) -> Table:
    """Claim by claim."""
    shown = Table(box=box.SIMPLE, title="The paper's claims, on our logs and graphs")
    for column in ("where", "claim", "verdict", "evidence"):
        shown.add_column(column)
    for finding in (finding for result in results for finding in result.findings):
        shown.add_row(finding.source, finding.claim, finding.verdict, finding.evidence)
    return shown


def markdown(results: list[Result]) -> str:
    """The same as a document."""
    rows = ["| figure | where | claim | verdict | evidence |", "|---|---|---|---|---|"]
    for result in results:
        rows += [f"| {result.name} | {f.source} | {f.claim} | {f.verdict} | {f.evidence} |" for f in result.findings]
    return "\n".join((*rows, "", OUT_OF_SCOPE, ""))


if __name__ == "__main__":
    main()
