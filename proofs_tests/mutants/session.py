# SPDX-License-Identifier: Apache-2.0
"""All trials that the matrix lacks, in one process that forks a process for each.

Runs where the runtime with planted faults is the one that is imported (``host.environment``).
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import settings

from ..claims import ROOT
from .catalog import engine
from .matrix import LATE, Row, read, write
from .trials import ALL, ALLOWANCE, AnyMutant, Trial, Trials, Unit, place, units_of

SHORT = 0.5
"""Seconds of processor time. A unit that takes longer is tried up to the first fault that it notices only."""

BLIND = "proofs_tests/notebooks/"
"""Where kernels are ended before they can note what they have reached: they are taken to reach all of the core."""

ENDLESS = 3
"""A trial that takes so many times as long as without a fault, and is not over, counts as one that fails."""


class Session:
    """A pytest plugin that collects the tests and then runs trials instead."""

    def __init__(self, jobs: int, kept: Path) -> None:
        self._trials = Trials(jobs)
        self._kept = kept
        self.problems: list[str] = []

    def pytest_configure(self) -> None:
        settings.load_profile("mutant")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        units = units_of(session.items)
        reach = self._reach(units)
        rows = read()
        for mutant in ALL:
            rows.setdefault(mutant.name, Row())
        long = [unit for unit in units if reach[unit.name].seconds > SHORT]
        short = [unit for unit in units if unit not in long]
        print(f"\n{len(units)} units of tests, {len(long)} of them long; {len(ALL)} faults", flush=True)
        asked = chain(_until_noticed(units, reach, rows), _all(short, reach, rows))
        for number, (unit, mutant, trial) in enumerate(self._trials.all(asked), 1):
            assert mutant is not None
            print(f"{number} {trial.outcome} {trial.seconds:.1f} s: {mutant.name} | {unit.name}", flush=True)
            if trial.outcome == "broken":
                self.problems.append(f"{mutant.name} | {unit.name}: {trial.error}")
                continue
            row = rows.setdefault(mutant.name, Row())
            (row.noticed if _notices(trial, reach[unit.name]) else row.unnoticed).add(unit.name)
            write(rows)
        return True

    def _reach(self, units: Sequence[Unit]) -> Mapping[str, Trial]:
        """How each unit goes without a fault, and what it reaches; kept for as long as no source changes."""
        digest = _digest()
        if self._kept.exists() and (kept := json.loads(self._kept.read_text()))["digest"] == digest:
            return {
                name: Trial(outcome, seconds, frozenset(reached), "")
                for name, (outcome, seconds, reached) in kept["trials"].items()
            }
        found: dict[str, Trial] = {}
        for unit, _, trial in self._trials.all((unit, None) for unit in units):
            print(f"{len(found) + 1}/{len(units)} {trial.outcome} {trial.seconds:.1f} s: {unit.name}", flush=True)
            if unit.name.startswith(BLIND):
                trial = replace(trial, reached=frozenset(map(place, engine.MUTANTS)))
            found[unit.name] = trial
            if trial.outcome in ("failed", "broken"):
                self.problems.append(f"without a fault | {unit.name}: {trial.error}")
        trials = {name: (trial.outcome, trial.seconds, sorted(trial.reached)) for name, trial in found.items()}
        self._kept.write_text(json.dumps({"digest": digest, "trials": trials}))
        return found


def _all(
    units: Sequence[Unit], reach: Mapping[str, Trial], rows: Mapping[str, Row]
) -> Iterator[tuple[Unit, AnyMutant]]:
    """Every trial that is not known, fault by fault."""
    for mutant in ALL:
        row = rows.get(mutant.name, Row())
        for unit in units:
            if place(mutant) in reach[unit.name].reached and unit.name not in row.noticed | row.unnoticed:
                yield unit, mutant


def _until_noticed(
    units: Sequence[Unit], reach: Mapping[str, Trial], rows: Mapping[str, Row]
) -> Iterator[tuple[Unit, AnyMutant]]:
    """For each unit trials up to the first fault that it notices: those that name it, then those that most notice."""

    def order(mutant: AnyMutant, unit: Unit) -> tuple[bool, int]:
        return mutant.killer not in unit.name, -len(rows.get(mutant.name, Row()).noticed)

    for unit in units:
        reached = [mutant for mutant in ALL if place(mutant) in reach[unit.name].reached]
        for mutant in sorted(reached, key=lambda mutant: order(mutant, unit)):
            if any(unit.name in row.noticed for row in rows.values()):
                break
            if unit.name not in rows.get(mutant.name, Row()).unnoticed:
                yield unit, mutant


def _notices(trial: Trial, sound: Trial) -> bool:
    """What does not end is noticed; what is only long is not."""
    endless = trial.outcome == "out of time" and sound.outcome == "passed" and ENDLESS * sound.seconds < ALLOWANCE
    return trial.outcome == "failed" or endless


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in ("spec", "reference", "runtime", "proofs_tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".cpp", ".h"}:
                digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m proofs_tests.mutants.session", description=__doc__)
    parser.add_argument("--jobs", type=int, required=True, metavar="N", help="trials at the same time")
    parser.add_argument("--reach", type=Path, required=True, metavar="FILE", help="where the tests' reach is kept")
    options = parser.parse_args()
    session = Session(options.jobs, options.reach)
    arguments = ["-q", "-m", "claim", "-p", "no:cacheprovider", "-o", "pythonpath=", *LATE]
    status = pytest.main([*arguments, str(ROOT / "proofs_tests")], plugins=[session])
    sys.exit("\n".join(session.problems) or int(status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)))


if __name__ == "__main__":
    main()
