# SPDX-License-Identifier: Apache-2.0
"""Awkward PyTorch programs under the least budget that they can live with: every bit as in eager PyTorch."""

import gc
from collections.abc import Callable

import pytest
import torch

import dtr_runtime as dtr
from dtr_spec.monitor import check

from ..claims import claim
from .awkward import PROGRAMS, Awkward

STEPS = 6
"""Bisection steps for the least budget: to a 64th of the peak."""


def bits(tensors: list[torch.Tensor]) -> list[tuple[object, ...]]:
    """All that a reader could tell apart: type, shape, strides and bytes."""
    return [
        (t.dtype, tuple(t.shape), t.stride(), t.detach().contiguous().flatten().view(torch.uint8).tolist())
        for t in tensors
    ]


def seeded(program: Awkward) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [*program(), torch.get_rng_state()]


@claim("T1", "Awkward PyTorch programs yield eager's bits under the least budget they can have.", method="measured")
@claim("T8", "The traces of awkward PyTorch programs are runs of the machine.", method="measured")
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_awkward_programs(name: str, claim_scope: Callable[[str], None]) -> None:
    """Views of views, writes through views, random draws, sparse and complex tensors, custom functions, ..."""
    program = PROGRAMS[name]
    expected = bits(seeded(program))
    gc.collect()
    with dtr.budget("1GiB") as roomy:
        found = seeded(program)
    assert bits(found) == expected
    del found
    low, high, evictions = 0, roomy.stats.peak, 0
    for _ in range(STEPS):
        middle = (low + high) // 2
        gc.collect()
        try:
            with dtr.budget(middle) as run:
                found = seeded(program)
        except dtr.BudgetExceeded:
            low = middle
            continue
        high, evictions = middle, run.stats.evictions
        assert bits(found) == expected
        assert run.stats.peak <= middle
        verdict = check(run.trace)
        assert verdict, verdict.reason
        del found
    claim_scope(f"{evictions} evictions under the least budgets")
