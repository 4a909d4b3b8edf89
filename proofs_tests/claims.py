# SPDX-License-Identifier: Apache-2.0
"""Claims: which test is evidence for which property, by which method.

    @claim("T2", "The bytes in use never exceed the budget.", method="proved for all")
    def test_budget_is_kept() -> None: ...

A test may carry several claims. `pytest proofs_tests` closes with the table of the claims it ran;
`python -m proofs_tests.claims --write README.md` rewrites the table between the README's markers.
"""

import argparse
import contextlib
import io
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- claims:begin -->", "<!-- claims:end -->"
METHOD = re.compile(r"proved for all|exhaustive to .+|property-tested|computed|measured|regression")


@dataclass(frozen=True, slots=True)
class Claim:
    """One property with one kind of evidence.

    ``key`` names the property (T1, T2, ...); ``statement`` is a sentence; ``scope`` says on what the method
    was applied, where that is fixed in advance. What a test finds out while running goes to ``claim_scope``.
    """

    key: str
    statement: str
    method: str
    scope: str = ""

    def __post_init__(self) -> None:
        if not METHOD.fullmatch(self.method):
            raise ValueError(f"claim {self.key}: method {self.method!r} must match {METHOD.pattern!r}")
        if not self.statement.endswith("."):
            raise ValueError(f"claim {self.key}: the statement must be a sentence: {self.statement!r}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A claim and the test function that carries it, as ``path::function``."""

    claim: Claim
    test: str


def claim(key: str, statement: str, *, method: str, scope: str = "") -> pytest.MarkDecorator:
    """Marks a test as evidence for a property. Raises ValueError on an unknown method."""
    return pytest.mark.claim(Claim(key, statement, method, scope))


def claims_of(item: pytest.Item) -> list[Claim]:
    """The claims a test carries, in the order in which they are written above it."""
    return [mark.args[0] for mark in item.iter_markers("claim")][::-1]


def function_of(nodeid: str) -> str:
    """``path::function`` of a test, without the parameters."""
    return nodeid.partition("[")[0]


def in_order(claims: Iterable[Evidence]) -> list[Evidence]:
    """By key, T2 before T10; within a key, as collected; parameters of one function once."""
    return sorted(dict.fromkeys(claims), key=lambda evidence: key_order(evidence.claim.key))


def key_order(key: str) -> list[tuple[bool, int, str]]:
    """An order on keys that compares their numbers as numbers."""
    parts = re.findall(r"\d+|\D+", key)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def markdown(evidence: Sequence[Evidence]) -> str:
    """The README's table, one row for each claim of each test function."""
    rows = ["| property | statement | method | test |", "|---|---|---|---|"]
    for entry in in_order(evidence):
        made = entry.claim
        method = f"{made.method} ({made.scope})" if made.scope else made.method
        path, _, name = entry.test.partition("::")
        cells = (made.key, made.statement, method, f"[`{name}`]({path})")
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(rows)


def with_table(readme: str, table: str) -> str:
    """``readme`` with what lies between the markers replaced. Raises ValueError if a marker is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the file needs the lines {BEGIN} and {END}, in this order")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


class _Collector:
    """A pytest plugin that only notes which claims the tests carry."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.evidence += [Evidence(made, function_of(item.nodeid)) for item in items for made in claims_of(item)]


def collected() -> list[Evidence]:
    """Every claim in ``proofs_tests``, found by collecting its tests in this process."""
    collector = _Collector()
    arguments = ["--collect-only", "-qq", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        status = pytest.main([*arguments, str(ROOT / "proofs_tests")], plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise SystemExit(f"{output.getvalue()}\nclaims: the tests cannot be collected")
    return collector.evidence


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m proofs_tests.claims", description="The README's table of claims.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", type=Path, metavar="README", help="rewrite the table between the markers")
    action.add_argument("--check", type=Path, metavar="README", help="fail if the table is not up to date")
    options = parser.parse_args()
    readme: Path = options.write or options.check
    current = readme.read_text()
    wanted = with_table(current, markdown(collected()))
    if options.write:
        readme.write_text(wanted)
    elif wanted != current:
        sys.exit(f"{readme}: the table of claims is stale; run `make claims`")


if __name__ == "__main__":
    main()
