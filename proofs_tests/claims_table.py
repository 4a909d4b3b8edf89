# SPDX-License-Identifier: Apache-2.0
"""The table that closes a run of the tests: claim, statement, method, scope, status, time."""

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .claims import Claim, claims_of, function_of, key_order

COUNTED = re.compile(r"([\d,]+) (.+)", re.DOTALL)
EXAMPLES = re.compile(r"- (\d+) passing")
SCOPE = "claim_scope"
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
        return "skipped" if skipped else "not run"

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
    """A pytest plugin: gathers the outcome of every test that carries a claim, and prints the table."""

    def __init__(self, json_path: Path | None) -> None:
        self.json_path = json_path
        self.rows: dict[Claim, Row] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for made in claims_of(item):
                row = self.rows.setdefault(made, Row(made))
                if function_of(item) not in row.tests:
                    row.tests.append(function_of(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item):
        report: pytest.TestReport = yield
        rows = [self.rows[made] for made in claims_of(item)]
        for row in rows:
            row.seconds += report.duration
            if report.when == "call" or report.outcome != "passed":
                row.outcomes.append(report.outcome)
            if report.when == "teardown":
                row.scopes += scopes_of(item)
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        if config.option.collectonly or not self.rows:
            return
        rows = sorted(self.rows.values(), key=lambda row: key_order(row.claim.key))
        terminalreporter.section("claims")
        terminal = bool(terminalreporter.isatty)
        width = shutil.get_terminal_size().columns if terminal else 160
        console = Console(force_terminal=terminal, width=width, no_color=not terminal)
        with console.capture() as captured:
            console.print(rendered(rows))
        terminalreporter.write(captured.get())
        if self.json_path:
            self.json_path.write_text(json.dumps([as_json(row) for row in rows], indent=2) + "\n")


def scopes_of(item: pytest.Item) -> list[str]:
    """What the test said it covered; failing that, how many examples Hypothesis ran."""
    said = [str(text) for name, text in item.user_properties if name == SCOPE]
    examples = sum(map(int, EXAMPLES.findall(getattr(item, "hypothesis_statistics", ""))))
    return said or ([f"{examples:,} examples"] if examples else [])


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
