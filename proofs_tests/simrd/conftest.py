# SPDX-License-Identifier: Apache-2.0
"""Where simrd's numbers are at hand, no test of parity may be skipped."""

from collections.abc import Generator

import pytest

from .data import AVAILABLE, MISSING


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_simrd_data") and not AVAILABLE:
        pytest.skip(MISSING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and AVAILABLE and item.get_closest_marker("needs_simrd_data"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although the data are there"
    return report
