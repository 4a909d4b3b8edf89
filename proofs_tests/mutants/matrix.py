# SPDX-License-Identifier: Apache-2.0
"""`make mutants`: which claim notices which fault, found by running every claim's tests under every fault.

First the tests run without a fault, their reach is noted: a test that never runs through a fault's place cannot notice
it, and is not tried with it. Then each test is tried with each fault that it reaches (``trials.py``). What has been
found is kept in `matrix.jsonl`, a line a fault, and not computed again: a stopped run continues, and a new claim or
fault costs only its own column or row. To have a fault tried anew, delete its line. `matrix.md` is the table.
"""

import argparse
import contextlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dtr_runtime import _build

from ..claims import ROOT, Claim, key_order
from . import host
from .trials import ALL, units_of

KNOWN, TABLE = Path(__file__).with_name("matrix.jsonl"), Path(__file__).with_name("matrix.md")

LATE = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""For pytest in a process that has imported its plugins already."""


@dataclass(slots=True)
class Row:
    """Of one fault: the units of tests that notice it, and those that do not though they run through its place."""

    noticed: set[str] = field(default_factory=set)
    unnoticed: set[str] = field(default_factory=set)


def read() -> dict[str, Row]:
    """What `matrix.jsonl` says."""
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    rows = map(json.loads, lines)
    return {row["fault"]: Row(set(row["noticed"]), set(row["unnoticed"])) for row in rows}


def write(rows: Mapping[str, Row]) -> None:
    lines = (
        {"fault": name, "noticed": sorted(rows[name].noticed), "unnoticed": sorted(rows[name].unnoticed)}
        for name in (mutant.name for mutant in ALL)
        if name in rows
    )
    KNOWN.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m proofs_tests.mutants.matrix", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="trials at the same time (default: 2)")
    options = parser.parse_args()
    folder = _build.cache_directory() / "planted"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    host.plant(folder)
    session = ["proofs_tests.mutants.session", "--jobs", str(options.jobs), "--reach", str(folder.with_suffix(".json"))]
    done = subprocess.run([sys.executable, "-m", *session], cwd=ROOT, env=host.environment(folder), check=False)
    carried = carriers()
    TABLE.write_text(markdown(carried, read()))
    idle = [f"{claim.key}: {claim.statement}" for claim, units in carried.items() if not noticed_by(units, read())]
    if idle:
        sys.exit("these claims notice no fault:\n  " + "\n  ".join(idle))
    sys.exit(done.returncode)


class _Collector:
    """A pytest plugin that only notes which units of tests carry which claims."""

    def __init__(self) -> None:
        self.carriers: dict[Claim, set[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for unit in units_of(session.items):
            for claim in unit.claims:
                self.carriers.setdefault(claim, set()).add(unit.name)


def carriers() -> dict[Claim, set[str]]:
    """Every claim, and the units of tests that carry it."""
    collector = _Collector()
    options = ["--collect-only", "-qq", "-m", "claim", *LATE]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        status = pytest.main([*options, str(ROOT / "proofs_tests")], plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise SystemExit(f"{output.getvalue()}\nmutants: the tests cannot be collected")
    claims = sorted(collector.carriers, key=lambda claim: key_order(claim.key))
    return {claim: collector.carriers[claim] for claim in claims}


def noticed_by(units: set[str], rows: Mapping[str, Row]) -> list[str]:
    """The faults that some of these tests notice."""
    return [mutant.name for mutant in ALL if mutant.name in rows and rows[mutant.name].noticed & units]


def markdown(carried: Mapping[Claim, set[str]], rows: Mapping[str, Row]) -> str:
    return "\n".join([*by_fault(carried, rows), "", *by_claim(carried, rows), ""])


def by_fault(carried: Mapping[Claim, set[str]], rows: Mapping[str, Row]) -> Iterator[str]:
    """A row a fault, a column a property."""
    keys = sorted({claim.key for claim in carried}, key=key_order)
    yield "# Which claim notices which fault"
    yield ""
    yield "Made by `make mutants`. A cell counts the tests of a property's claims that notice the fault, of those"
    yield "that were tried with it, as they run through its place; in an empty one none was tried. A test has been"
    yield "given a few seconds, and a tenth of its random examples: one that notices nothing here may notice it in a"
    yield "whole run. What takes more than half a second of processor time is tried up to the first fault that it"
    yield "notices only, so that numbers are lower bounds, and *redundant* means that all that a claim is known to"
    yield "notice is noticed by tests that are no evidence for it, too."
    yield ""
    yield "| layer | fault | " + " | ".join(keys) + " |"
    yield "|---|---|" + "---|" * len(keys)
    for mutant in ALL:
        if mutant.name not in rows:
            yield f"| {mutant.layer} | {mutant.name} (not tried yet) | " + " | ".join([""] * len(keys)) + " |"
            continue
        row = rows[mutant.name]
        cells = (
            cell(set().union(*(units for claim, units in carried.items() if claim.key == key)), row) for key in keys
        )
        yield f"| {mutant.layer} | {mutant.name} | " + " | ".join(cells) + " |"


def cell(units: set[str], row: Row) -> str:
    reached = units & (row.noticed | row.unnoticed)
    return f"{len(units & row.noticed)}/{len(reached)}" if reached else ""


def by_claim(carried: Mapping[Claim, set[str]], rows: Mapping[str, Row]) -> Iterator[str]:
    """A row a claim: how many faults it notices, and which of them no test does that is not evidence for it."""
    yield "| property | claim | faults noticed | noticed by no other test |"
    yield "|---|---|---|---|"
    tried = set().union(*(row.noticed | row.unnoticed for row in rows.values()))
    for claim, units in carried.items():
        if not units & tried:
            yield f"| {claim.key} | {claim.statement} | not tried yet | |"
            continue
        noticed = noticed_by(units, rows)
        alone = [fault for fault in noticed if rows[fault].noticed <= units] or [
            "redundant" if noticed else "none known"
        ]
        yield f"| {claim.key} | {claim.statement} | {len(noticed)} | {', '.join(alone)} |"


if __name__ == "__main__":
    main()
