# SPDX-License-Identifier: Apache-2.0
"""`make mutants`: which claim notices which fault, found by running every claim's tests under every fault.

Two stages. First the suite runs with the faults' places watched: a test that never runs through a fault's
place cannot notice it, and is not run for it. Then, for each fault, the tests of the other claims run with the
fault planted. What has been found is kept in `matrix.jsonl`, a line a fault, and not computed again: a stopped
run continues, and a new claim or fault costs only its own row or column. `matrix.md` is the table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from ..claims import ROOT, key_order
from .catalog import MUTANTS
from .planting import Mutant

KNOWN, TABLE = Path(__file__).with_name("matrix.jsonl"), Path(__file__).with_name("matrix.md")
TIMEOUT = 600
"""Seconds for one test under a fault, which may make a machine run forever. Running out is noticing."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim as the table names it, and the functions that carry it."""

    key: str
    statement: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.key}: {self.statement}"


@dataclass(slots=True)
class Verdicts:
    """Of one fault, by the claims' names: which claims noticed it, and which did not though they ran through it."""

    killed: set[str] = field(default_factory=set)
    survived: set[str] = field(default_factory=set)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m proofs_tests.mutants.matrix", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="faults tried at the same time (default: 2)")
    options = parser.parse_args()
    claims, places = watched(options.jobs)
    known = read(claims)
    missing = {mutant: unknown(mutant, claims, places, known.get(mutant.name, Verdicts())) for mutant in MUTANTS}
    missing = {mutant: left for mutant, left in missing.items() if left}
    with ThreadPoolExecutor(options.jobs) as pool, Progress() as progress:
        task = progress.add_task("faults", total=len(missing))
        futures = {pool.submit(tried, mutant, left): mutant for mutant, left in missing.items()}
        for future in as_completed(futures):
            merge(known.setdefault(futures[future].name, Verdicts()), future.result())
            write(known)
            progress.advance(task)
    TABLE.write_text(markdown(claims, known))
    idle = [claim.name for claim in claims if not any(claim.name in verdicts.killed for verdicts in known.values())]
    if idle:
        sys.exit("these claims notice no fault:\n  " + "\n  ".join(idle))


def watched(jobs: int) -> tuple[list[Claimed], dict[str, set[str]]]:
    """Every claim, and for each test function the faults' places that it runs through."""
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder, "places.json")
        rows = suite(["proofs_tests", "-m", "claim", "-n", str(jobs), f"--watch-faults={places}"], folder)
        found = {test: set(reached) for test, reached in json.loads(places.read_text()).items()}
    return rows_to_claims(rows), found


def rows_to_claims(rows: Sequence[Mapping]) -> list[Claimed]:
    """The suite's own claim, that every fault has its killer, is what this table refines: it is left out."""
    return [Claimed(row["claim"], row["statement"], tuple(row["tests"])) for row in rows if row["claim"] != "suite"]


def unknown(
    mutant: Mutant, claims: Sequence[Claimed], places: Mapping[str, set[str]], known: Verdicts
) -> list[Claimed]:
    """The claims whose tests run through the mutant's place, and of which nothing is known yet."""
    return [
        claim
        for claim in claims
        if claim.name not in known.killed | known.survived
        and any(mutant.fault.place in places.get(test, ()) for test in claim.tests)
    ]


def tried(mutant: Mutant, claims: Sequence[Claimed]) -> Verdicts:
    """Runs the claims' tests with the fault planted."""
    tests = dict.fromkeys(test for claim in claims for test in claim.tests)
    with tempfile.TemporaryDirectory() as folder:
        rows = suite([*tests, f"--mutant={mutant.name}", f"--timeout={TIMEOUT}"], folder)
    failed = {Claimed(row["claim"], row["statement"], ()).name for row in rows if row["status"] == "failed"}
    names = {claim.name for claim in claims}
    return Verdicts(names & failed, names - failed)


def suite(arguments: Sequence[str], folder: str) -> list[dict]:
    """The table of claims, as JSON, of one run of pytest."""
    table = Path(folder, "claims.json")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--claims-json={table}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if not table.exists():
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}\nmutants: the run above came to nothing")
    return json.loads(table.read_text())


def read(claims: Sequence[Claimed]) -> dict[str, Verdicts]:
    """What `matrix.jsonl` says of faults and claims that still exist."""
    if not KNOWN.exists():
        return {}
    names, mutants = {claim.name for claim in claims}, {mutant.name for mutant in MUTANTS}
    rows = [json.loads(line) for line in KNOWN.read_text().splitlines()]
    return {
        row["fault"]: Verdicts(names & set(row["killed"]), names & set(row["survived"]))
        for row in rows
        if row["fault"] in mutants
    }


def merge(verdicts: Verdicts, more: Verdicts) -> None:
    verdicts.killed |= more.killed
    verdicts.survived |= more.survived


def write(known: Mapping[str, Verdicts]) -> None:
    lines = (
        {
            "fault": mutant.name,
            "killed": sorted(known[mutant.name].killed),
            "survived": sorted(known[mutant.name].survived),
        }
        for mutant in MUTANTS
        if mutant.name in known
    )
    KNOWN.write_text("".join(json.dumps(line) + "\n" for line in lines))


def markdown(claims: Sequence[Claimed], known: Mapping[str, Verdicts]) -> str:
    return "\n".join([*by_fault(claims, known), "", *by_claim(claims, known), ""])


def by_fault(claims: Sequence[Claimed], known: Mapping[str, Verdicts]) -> Iterator[str]:
    """A row a fault, a column a property: the claims that notice, of those whose tests run through the place."""
    keys = sorted({claim.key for claim in claims}, key=key_order)
    yield "# Which claim notices which fault"
    yield ""
    yield "Made by `make mutants`. A cell counts the claims of a property that notice the fault, of those whose tests"
    yield "run through its place."
    yield ""
    yield "| layer | fault | " + " | ".join(keys) + " |"
    yield "|---|---|" + "---|" * len(keys)
    for mutant in MUTANTS:
        verdicts = known.get(mutant.name, Verdicts())
        cells = (cell({claim.name for claim in claims if claim.key == key}, verdicts) for key in keys)
        yield f"| {mutant.layer} | {mutant.name} | " + " | ".join(cells) + " |"


def cell(names: set[str], verdicts: Verdicts) -> str:
    reached = names & (verdicts.killed | verdicts.survived)
    return f"{len(names & verdicts.killed)}/{len(reached)}" if reached else ""


def by_claim(claims: Sequence[Claimed], known: Mapping[str, Verdicts]) -> Iterator[str]:
    """A row a claim: how many faults it notices, and which of them nothing else does."""
    yield "| property | claim | faults noticed | noticed by no other claim |"
    yield "|---|---|---|---|"
    for claim in claims:
        killed = [fault for fault, verdicts in known.items() if claim.name in verdicts.killed]
        alone = [fault for fault in killed if known[fault].killed == {claim.name}]
        yield f"| {claim.key} | {claim.statement} | {len(killed)} | {', '.join(alone) or 'redundant'} |"


if __name__ == "__main__":
    main()
