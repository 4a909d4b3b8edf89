# SPDX-License-Identifier: Apache-2.0
"""Compute the paper's figures again and say which of its claims held.

    python -m benchmarks.reproduce [--quick] [--logs LOGS.zip] [--output FOLDER] [FIGURE ...]

Writes a PDF, a PNG and a JSON file for each figure, and ``claims.md`` about all that the folder has. With ``--logs``
the figures about models (2 and 7 to 12) are of the logs published with the paper, in place of ours. Figure 4 and
table 1 are times on the paper's GPU, and are out of scope.
"""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from dtr_spec.report import console

from ..measure import RESULTS
from . import ablation, accesses, asymptotics, deallocation, heuristics, memory_picture, static_schemes
from .grid import FULL, QUICK, Grid
from .result import Finding, Result, findings
from .simulation import published

OF_MODELS: dict[str, Callable[[Grid], Result]] = {
    "figure2": heuristics.run,
    "figure12": accesses.run,
    "figure11": deallocation.run,
    "ablation": ablation.run,
}
FIGURES: dict[str, Callable[[Grid], Result]] = {
    **OF_MODELS,
    "figure5": memory_picture.run,
    "theorem3_1": asymptotics.run,
    "figure3": static_schemes.run,
}
OUT_OF_SCOPE = "Figure 4 and table 1 measure the prototype on the authors' GPU, and are out of scope here."


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduce", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="few models, few budgets")
    parser.add_argument("--logs", type=Path, metavar="LOGS.zip", help="the published logs, in place of ours")
    parser.add_argument("--output", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    grid, known = QUICK if options.quick else FULL, FIGURES
    if options.logs is not None:
        grid, known = replace(grid, models=published(options.logs)), OF_MODELS
    if unknown := set(options.figures) - set(known):
        parser.error(f"no figure {min(unknown)!r}; known are {', '.join(known)}")
    output: Path = options.output or RESULTS / ("reproduce" if options.logs is None else "published")
    output.mkdir(parents=True, exist_ok=True)
    progress = Console(stderr=True)
    for name in options.figures or known:
        with progress.status(name):
            known[name](grid).save(output)
        (output / "claims.md").write_text(markdown(findings(output, known)))
        progress.print(f"{name}: written to {output}")
    console().print(table(findings(output, known)))
    console().print(OUT_OF_SCOPE)


def table(found: Iterable[tuple[str, Finding]]) -> Table:
    """Claim by claim."""
    shown = Table(box=box.SIMPLE, title="The paper's claims, on these logs and graphs")
    for column in ("where", "claim", "verdict", "evidence"):
        shown.add_column(column)
    for _, finding in found:
        shown.add_row(finding.source, finding.claim, finding.verdict, finding.evidence)
    return shown


def markdown(found: Iterable[tuple[str, Finding]]) -> str:
    """The same as a document."""
    rows = ["| figure | where | claim | verdict | evidence |", "|---|---|---|---|---|"]
    rows += [f"| {name} | {f.source} | {f.claim} | {f.verdict} | {f.evidence} |" for name, f in found]
    return "\n".join((*rows, "", OUT_OF_SCOPE, ""))


if __name__ == "__main__":
    main()
