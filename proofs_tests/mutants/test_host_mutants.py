# SPDX-License-Identifier: Apache-2.0
"""Seeded faults in the layer between PyTorch and the engine: the tests on real tensors catch each of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ..claims import claim
from ..profiles import is_thorough
from .host import MUTANTS, HostMutant, passes, plant


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime with every fault in it, each to be switched on. Compiling it takes minutes."""
    if not is_thorough():
        pytest.skip("needs --thorough: the whole runtime is compiled again")
    return plant(tmp_path_factory.mktemp("planted"))


@claim("suite", "Each seeded fault between PyTorch and the engine makes tests on real tensors fail.", method="computed")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_host_mutant_is_killed(mutant: HostMutant, planted: Path, claim_scope: Callable[[str], None]) -> None:
    """The tests pass with all faults off, and fail with this one on."""
    assert passes(planted, mutant.killer, None)
    assert not passes(planted, mutant.killer, mutant), f"{mutant.killer} does not notice: {mutant.name}"
    claim_scope("1 mutants of the host")
