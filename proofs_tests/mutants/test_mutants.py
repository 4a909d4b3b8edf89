# SPDX-License-Identifier: Apache-2.0
"""A suite is worth what it catches: every seeded fault makes the test named for it fail."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

from dtr_runtime import _build
from dtr_spec.proofs import theorems
from dtr_spec.rules import RULES

from ..claims import claim
from ..spec.test_theorems import FAULTS
from . import host
from .catalog import MUTANTS, engine
from .catalog.killers import EXPLORATION, THEOREM
from .planting import Edit, Fault, Mutant

PACKAGE = __name__.rpartition(".mutants.")[0]


@claim("suite", "Each seeded fault in any layer makes the test named for it fail.", method="computed")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_killed(
    mutant: Mutant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    claim_scope: Callable[[str], None],
) -> None:
    """With the fault planted, the killer raises; without it, the killer is a test that passes."""
    test, killer = bound(mutant, {"tmp_path": tmp_path, "monkeypatch": monkeypatch, "capsys": capsys})
    with mutant.fault.planted(), not_shrinking(test):
        try:
            killer()
        except (NameError, TypeError, AttributeError, ImportError):
            raise  # the fault must break the machine, not its code
        except (Exception, pytest.fail.Exception):
            claim_scope(f"1 mutants of {mutant.layer}")
        else:
            pytest.fail(f"{mutant.killer} does not notice: {mutant.name}")


def test_every_fault_of_the_engine_is_a_mutant() -> None:
    """The compiled faults and the catalog name the same."""
    core: Any = _build.load(faults=True)
    assert {mutant.fault for mutant in engine.MUTANTS} == {Fault(name) for name in core.FAULTS if name != "none"}


def test_every_fault_of_the_host_fits() -> None:
    """They are compiled and tried under ``--thorough`` alone; that each has its place is seen always."""
    planted = "".join(host.with_faults().values())
    assert all(f"planted({number})" in planted for number in range(len(host.MUTANTS)))


def test_every_theorem_names_a_fault_that_breaks_it() -> None:
    """Here, or among the premises that are forgotten beside the proofs."""
    broken = {mutant.parameters for mutant in MUTANTS if mutant.killer == THEOREM}
    assert {theorem.name for theorem in theorems()} <= broken | FAULTS.keys()


def test_every_rule_is_exercised_by_some_property() -> None:
    """In each rule there is a fault that a theorem or the exploration of all small programs notices."""
    killers = {THEOREM, EXPLORATION}
    edited = {m.fault.function for m in MUTANTS if isinstance(m.fault, Edit) and m.killer in killers}
    assert {f"dtr_spec.rules:{rule}" for rule in RULES} <= edited


def test_a_fault_that_no_longer_fits_is_refused() -> None:
    """When the function has changed, its mutant says so instead of planting nothing."""
    stale = Edit("dtr_reference.memory:Memory.room", "no such text", "")
    with pytest.raises(ValueError, match="contains 0 times 'no such text', not once"), stale.planted():
        pass


@contextmanager
def not_shrinking(test: Any) -> Iterator[None]:
    """That a test of Hypothesis fails is all that matters here, and it would spend most of its time on shrinking."""
    if not is_hypothesis_test(test):
        yield
        return
    usual = test._hypothesis_internal_use_settings
    test._hypothesis_internal_use_settings = settings(usual, phases=(Phase.explicit, Phase.generate))
    try:
        yield
    finally:
        test._hypothesis_internal_use_settings = usual


def bound(mutant: Mutant, offered: Mapping[str, object]) -> tuple[object, Callable[[], object]]:
    """The killer, and the same as a function of nothing, given what fixtures offer.

    What it says of its scope is dropped.
    """
    path, _, name = mutant.killer.partition("::")
    module = importlib.import_module(f"{PACKAGE}.{path.removesuffix('.py').replace('/', '.')}")
    test = getattr(module, name)
    given = mutant.parameters if isinstance(mutant.parameters, tuple) else (mutant.parameters,)
    offered = {**offered, "claim_scope": lambda text: None}
    fixtures = {
        name: offered[name] for name in list(inspect.signature(test).parameters)[len(given) :] if name in offered
    }
    return test, lambda: test(*given, **fixtures)
