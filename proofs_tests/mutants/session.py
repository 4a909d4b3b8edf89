# SPDX-License-Identifier: Apache-2.0
"""Runs of the suite with one fault planted from start to end, or with the places of all faults watched."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..claims import function_of
from .catalog import MUTANTS

PLACES = "fault_places"


class Planted:
    """A pytest plugin: the mutant named stays planted; a function that failed once is not run again."""

    def __init__(self, name: str) -> None:
        mutants = {mutant.name: mutant for mutant in MUTANTS}
        if name not in mutants:
            raise pytest.UsageError(f"no mutant is named {name!r}; there are: {', '.join(mutants)}")
        self._stack = ExitStack()
        self._stack.enter_context(mutants[name].fault.planted())
        self._failed: set[str] = set()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if function_of(item.nodeid) in self._failed:
            pytest.skip("killed the mutant already")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(function_of(report.nodeid))

    def pytest_unconfigure(self) -> None:
        self._stack.close()


class Watched:
    """A pytest plugin: writes, for each test function, which faults' places it runs through."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, set[str]] = {}
        self._reached: set[str] = set()
        self._stack = ExitStack()
        for fault in {mutant.fault.place: mutant.fault for mutant in MUTANTS}.values():
            self._stack.enter_context(fault.watched(self._reached))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self._reached.clear()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item):
        report: pytest.TestReport = yield
        if report.when == "teardown":
            report.user_properties.append((PLACES, sorted(self._reached)))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for key, places in report.user_properties:
            if key == PLACES:
                assert isinstance(places, list)
                self._places.setdefault(function_of(report.nodeid), set()).update(places)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Only where the reports of all processes arrive."""
        if not hasattr(session.config, "workerinput"):
            self._path.write_text(json.dumps({test: sorted(places) for test, places in self._places.items()}))

    def pytest_unconfigure(self) -> None:
        self._stack.close()
