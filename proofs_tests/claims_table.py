# SPDX-License-Identifier: Apache-2.0
"""The table that closes a run of the tests: claim, statement, method, scope, status, time."""

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .claims import Claim, claims_of, function_of, key_order

COUNTED = re.compile(r"([\d,]+) (.+)", re.DOTALL)
EXAMPLES = re.compile(r"- (\d+) passing")
CLAIM, SCOPE, EXHIBIT = "claim", "claim_scope", "exhibit"
WIDTH = 160
STYLES = {"passed": "green", "failed": "bold red"}


@dataclass(slots=True)
class Row:
    """What is known of one claim after its tests have run. Seconds include set-up and tear-down."""

    claim: Claim
    tests: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """A claim holds if every test of it that could run here passed, and says how many could not."""
        if "failed" in self.outcomes:
            return "failed"
        skipped = self.outcomes.count("skipped")
        if "passed" in self.outcomes:
            return f"passed ({skipped} skipped)" if skipped else "passed"
        return "skipped"

    @property
    def scope(self) -> str:
        return "; ".join(filter(None, [self.claim.scope, *summed(self.scopes)]))


def summed(scopes: Iterable[str]) -> list[str]:
    """Measured scopes, counts of the same thing added: "30 programs" and "12 programs" are "42 programs"."""
    counts: dict[str, int] = {}
    others: dict[str, None] = {}
    for scope in scopes:
        if counted := COUNTED.fullmatch(scope):
            counts[counted[2]] = counts.get(counted[2], 0) + int(counted[1].replace(",", ""))
        else:
            others[scope] = None
    return [f"{count:,} {thing}" for thing, count in counts.items()] + list(others)


class ClaimsTable:
    """A pytest plugin: gathers the outcome of every test that carries a claim, and prints the table.

    What is said of a test travels in its report, so that it arrives from other processes too (pytest-xdist).
    """

    def __init__(self, json_path: Path | None) -> None:
        self.json_path = json_path
        self.rows: dict[Claim, Row] = {}
        self.exhibits: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item):
        report: pytest.TestReport = yield
        report.user_properties += [(CLAIM, astuple(made)) for made in claims_of(item)]
        if report.when == "teardown":
            report.user_properties += [(SCOPE, examples) for examples in examples_of(item)]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for made in said(report, CLAIM):
            row = self.rows.setdefault(Claim(*made), Row(Claim(*made)))
            row.seconds += report.duration
            if (test := function_of(report.nodeid)) not in row.tests:
                row.tests.append(test)
            if report.when == "call" or report.outcome != "passed":
                row.outcomes.append(report.outcome)
            if report.when == "teardown":
                row.scopes += said(report, SCOPE)
        if report.when == "teardown":
            self.exhibits += said(report, EXHIBIT)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        if config.option.collectonly:
            return
        for exhibit in self.exhibits:
            terminalreporter.write_line(exhibit)
        if not self.rows:
            return
        rows = sorted(self.rows.values(), key=lambda row: key_order(row.claim.key))
        terminalreporter.section("claims")
        terminal = bool(terminalreporter.isatty)
        width = shutil.get_terminal_size().columns if terminal else WIDTH
        terminalreporter.write(drawn(rendered(rows), width, color=terminal))
        if self.json_path:
            self.json_path.write_text(json.dumps([as_json(row) for row in rows], indent=2) + "\n")


def said(report: pytest.TestReport, name: str) -> list[Any]:
    return [value for key, value in report.user_properties if key == name]


def examples_of(item: pytest.Item) -> list[str]:
    """How many examples Hypothesis ran, for a test that does not itself say what it covered."""
    examples = sum(map(int, EXAMPLES.findall(getattr(item, "hypothesis_statistics", ""))))
    return [f"{examples:,} examples"] if examples and SCOPE not in dict(item.user_properties) else []


def drawn(shown: RenderableType, width: int = WIDTH, *, color: bool = False) -> str:
    console = Console(force_terminal=color, width=width, no_color=not color)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def rendered(rows: list[Row]) -> Table:
    table = Table("claim", "statement", "method", "scope", "status", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("time", justify="right", no_wrap=True)
    for row in rows:
        made, style = row.claim, STYLES.get(row.status, "yellow")
        cells = (made.key, made.statement, made.method, row.scope)
        table.add_row(*map(Text, cells), Text(row.status, style), f"{row.seconds:.1f} s")
    return table


def as_json(row: Row) -> dict[str, object]:
    made = row.claim
    return {
        "claim": made.key,
        "statement": made.statement,
        "method": made.method,
        "scope": row.scope,
        "status": row.status,
        "seconds": round(row.seconds, 3),
        "tests": row.tests,
    }
