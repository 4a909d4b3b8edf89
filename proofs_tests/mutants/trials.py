# SPDX-License-Identifier: Apache-2.0
"""Trials: the tests of a claim run with a fault planted, each in a process of its own that is forked for it.

The tests are collected once, so a trial costs what its tests cost. It ends when one of them fails, or when it has used
up its allowance of processor time, which does not depend on what else the machine does.
"""

import os
import signal
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Literal, NoReturn, get_args

import pytest
from _pytest.runner import runtestprotocol

from dtr_runtime import _build

from ..claims import Claim, claims_of, function_of
from . import host
from .catalog import MUTANTS
from .host import NUMBER, HostMutant
from .planting import Edit, Fault, Mutant

AnyMutant = Mutant | HostMutant
ALL: tuple[AnyMutant, ...] = (*MUTANTS, *host.MUTANTS)

ALLOWANCE = 6.0
"""Seconds of processor time for a trial."""

PATIENCE = 900
"""Seconds after which a trial that only waits is ended."""

REACHED = "DTR_FAULTS_REACHED"
"""Where processes that tests start note through which faults' places they run."""

Outcome = Literal["passed", "failed", "skipped", "broken", "out of time"]
"""``broken``: the fault left code that no longer runs at all, which shows nothing."""

BROKEN = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "UnboundLocalError")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is tried as one: a test function, or those of its parameters that carry claims of their own."""

    name: str
    claims: tuple[Claim, ...]
    items: tuple[pytest.Item, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """How the tests of a unit went. Seconds are of processor time, of processes that the tests started too."""

    outcome: Outcome
    seconds: float
    reached: frozenset[str]
    """Without a fault: the places of faults through which the tests ran."""
    error: str


def units_of(items: Iterable[pytest.Item]) -> list[Unit]:
    """The units of all tests that carry a claim, but of those about the faults themselves."""
    found: dict[str, dict[tuple[Claim, ...], list[pytest.Item]]] = {}
    for item in items:
        if claims := tuple(claim for claim in claims_of(item) if claim.key != "suite"):
            found.setdefault(function_of(item.nodeid), {}).setdefault(claims, []).append(item)
    return [
        Unit(function if len(groups) == 1 else tests[0].nodeid, claims, tuple(tests))
        for function, groups in found.items()
        for claims, tests in groups.items()
    ]


class Trials:
    """Trials under way, as many at a time as there are jobs."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._running: dict[int, tuple[Unit, AnyMutant | None, TemporaryDirectory[str]]] = {}

    def all(self, asked: Iterable[tuple[Unit, AnyMutant | None]]) -> Iterator[tuple[Unit, AnyMutant | None, Trial]]:
        """The trials asked for, each as soon as it has ended."""
        for unit, mutant in asked:
            while len(self._running) >= self._jobs:
                yield self._ended()
            self._start(unit, mutant)
        while self._running:
            yield self._ended()

    def _start(self, unit: Unit, mutant: AnyMutant | None) -> None:
        folder = TemporaryDirectory()
        if (process := os.fork()) == 0:
            _tried(unit, mutant, Path(folder.name))
        self._running[process] = unit, mutant, folder

    def _ended(self) -> tuple[Unit, AnyMutant | None, Trial]:
        process, status, usage = os.wait4(-1, 0)
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        unit, mutant, folder = self._running.pop(process)
        with folder:
            noted, error = Path(folder.name, "reached"), Path(folder.name, "error")
            reached = frozenset(noted.read_text().splitlines()) if noted.exists() else frozenset()
            text = error.read_text() if error.exists() else f"the process ended with {status}"
        return unit, mutant, Trial(_outcome(status), usage.ru_utime + usage.ru_stime, reached, text)


def _outcome(status: int) -> Outcome:
    if os.WIFEXITED(status):
        return get_args(Outcome)[os.WEXITSTATUS(status)]
    return "out of time" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM) else "failed"


def _tried(unit: Unit, mutant: AnyMutant | None, folder: Path) -> NoReturn:
    """The life of a forked process."""
    outcome: Outcome = "broken"
    try:
        os.setsid()
        signal.setitimer(signal.ITIMER_PROF, ALLOWANCE)
        signal.alarm(PATIENCE)
        with planted(mutant) if mutant else watched(folder):
            outcome, error = _run(unit.items)
        (folder / "error").write_text(error)
    except BaseException:
        (folder / "error").write_text(traceback.format_exc())
    finally:
        os._exit(get_args(Outcome).index(outcome))


def _run(items: Iterable[pytest.Item]) -> tuple[Outcome, str]:
    """Run tests up to the first that fails."""
    outcome: Outcome = "skipped"
    for item in items:
        for report in runtestprotocol(item, log=False, nextitem=None):
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                message = crash.message if crash else str(report.longrepr)
                return "broken" if message.startswith(BROKEN) else "failed", message
            if report.when == "call" and report.passed:
                outcome = "passed"
    return outcome, ""


@contextmanager
def planted(mutant: AnyMutant) -> Iterator[None]:
    """The fault is on, in the processes that tests start too if it is one of C++."""
    if isinstance(edit := _edit(mutant), Edit):
        with edit.planted():
            yield
        return
    core: Any = _build.load()
    os.environ[NUMBER] = place(mutant)
    core._set_fault(int(place(mutant)))
    yield


def _edit(mutant: AnyMutant) -> Edit | None:
    return mutant.fault if isinstance(mutant, Mutant) and isinstance(mutant.fault, Edit) else None


@cache
def place(mutant: AnyMutant) -> str:
    """Where the fault is: the function that is changed or, in C++, the number by which it is switched on."""
    core: Any = _build.load()
    if isinstance(mutant, HostMutant):
        return str(mutant.number)
    return str(core.FAULTS.index(mutant.fault.name)) if isinstance(mutant.fault, Fault) else mutant.fault.place


@contextmanager
def watched(folder: Path) -> Iterator[None]:
    """No fault is on; which places are reached is noted, even if time does not suffice for all tests."""
    core: Any = _build.load()
    elsewhere = folder / "numbers"
    os.environ[REACHED] = str(elsewhere)
    places: set[str] = set()
    core._take_reached()

    def note() -> None:
        numbers = set(map(str, core._take_reached()))
        if elsewhere.exists():
            numbers |= set(elsewhere.read_text().split())
        (folder / "reached").write_text("".join(f"{reached}\n" for reached in places | numbers))

    def out_of_time(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        note()
        os._exit(get_args(Outcome).index("out of time"))

    signal.signal(signal.SIGPROF, out_of_time)
    with ExitStack() as stack:
        for edit in {edit.place: edit for edit in map(_edit, ALL) if edit}.values():
            stack.enter_context(edit.watched(places))
        yield
    note()
