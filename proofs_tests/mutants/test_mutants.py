# SPDX-License-Identifier: Apache-2.0
"""A suite is worth what it catches: every seeded fault makes the test named for it fail."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from dtr_runtime import _build

from ..claims import claim
from .catalog import MUTANTS, RUNTIME
from .planting import Edit, Fault, Mutant

PACKAGE = __name__.rpartition(".mutants.")[0]


@claim("suite", "Each seeded fault in any layer makes the test named for it fail.", method="computed")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_killed(mutant: Mutant, claim_scope: Callable[[str], None]) -> None:
    """With the fault planted, the killer raises; without it, the killer is a test that passes."""
    killer = bound(mutant)
    with mutant.fault.planted():
        try:
            killer()
        except (NameError, TypeError, AttributeError):
            raise  # the fault must break the machine, not its code
        except Exception:
            claim_scope(f"1 mutants of {mutant.layer}")
        else:
            pytest.fail(f"{mutant.killer} does not notice: {mutant.name}")


def test_every_fault_of_the_engine_is_a_mutant() -> None:
    """The compiled faults and the catalog name the same."""
    core: Any = _build.load(faults=True)
    assert {mutant.fault for mutant in RUNTIME} == {Fault(name) for name in core.FAULTS if name != "none"}


def test_a_fault_that_no_longer_fits_is_refused() -> None:
    """When the function has changed, its mutant says so instead of planting nothing."""
    stale = Edit("dtr_reference.memory:Memory.room", "no such text", "")
    with pytest.raises(ValueError, match="contains 0 times 'no such text', not once"), stale.planted():
        pass


def bound(mutant: Mutant) -> Callable[[], object]:
    """The killer as a function of nothing. What it notes on its own scope is dropped."""
    path, _, name = mutant.killer.partition("::")
    module = importlib.import_module(f"{PACKAGE}.{path.removesuffix('.py').replace('/', '.')}")
    test = getattr(module, name)
    given = [mutant.parameter] if mutant.parameter else []
    ignored = [lambda text: None for _ in inspect.signature(test).parameters][len(given) :]
    return lambda: test(*given, *ignored)
