# SPDX-License-Identifier: Apache-2.0
"""Options and fixtures of every test: claims, Hypothesis profiles, and a heuristic of the user's own."""

import gc
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from rich.console import RenderableType

from dtr_spec.policy import Heuristic

from . import profiles
from .claims_table import EXHIBIT, SCOPE, ClaimsTable, drawn

USER_HEURISTIC = pytest.StashKey[Heuristic | None]()
IMPORTED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dtr-semantics")
    group.addoption("--claims-json", type=Path, metavar="PATH", help="write the table of claims as JSON")
    group.addoption("--thorough", action="store_true", help="20 times as many random examples, with a fresh seed")
    group.addoption("--heuristic", metavar="HEURISTIC", help="also check this one: FILE.py:CLASS, or a built-in's name")


# Before Hypothesis's own plugin, which reads the seed in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    profiles.register()
    settings.load_profile("thorough" if config.option.thorough else "ci")
    if config.option.thorough and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))
    config.stash[USER_HEURISTIC] = loaded(config.option.heuristic)
    config.pluginmanager.register(ClaimsTable(config.option.claims_json), "claims-table")


def loaded(given: str | None) -> Heuristic | None:
    """What ``--heuristic`` names; a wrong name stops the run before any test."""
    if not given:
        return None
    # Here, so that a reference that cannot be imported does not keep the other layers from being tested.
    from dtr_reference.heuristic_option import HeuristicOptionError, load_heuristic

    try:
        return load_heuristic(given)
    except HeuristicOptionError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header(config: pytest.Config) -> str:
    if not config.option.thorough:
        return "examples: the same on every run (--thorough for random ones, 20 times as many)"
    return f"examples: random; to repeat them: --thorough --hypothesis-seed={config.option.hypothesis_seed}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


def pytest_collection_finish(session: pytest.Session) -> None:
    pass_over_imports(session.config)


# After the fixtures' own teardown.
@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    pass_over_imports(item.config)


def pass_over_imports(config: pytest.Config) -> None:
    """What has been imported stays: tests that collect garbage would spend most of their time looking through it."""
    if len(sys.modules) > config.stash.get(IMPORTED, 0):
        gc.collect()
        gc.freeze()
        config.stash[IMPORTED] = len(sys.modules)


@pytest.fixture
def claim_scope(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes what a test really covered, such as ``claim_scope("1,200 programs")``, for the table of claims."""
    return lambda text: request.node.user_properties.append((SCOPE, text))


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Cycles of earlier tests hold tensors; freed in the middle of one, they would give it more room than it counts."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def exhibit(request: pytest.FixtureRequest) -> Callable[[RenderableType], None]:
    """Shows what a test found, such as a table, at the end of the run."""
    return lambda shown: request.node.user_properties.append((EXHIBIT, drawn(shown)))


@pytest.fixture(scope="session")
def user_heuristic(request: pytest.FixtureRequest) -> Heuristic | None:
    """The heuristic given by ``--heuristic``, or None."""
    return request.config.stash[USER_HEURISTIC]
