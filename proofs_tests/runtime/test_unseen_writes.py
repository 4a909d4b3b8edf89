# SPDX-License-Identifier: Apache-2.0
"""Writes that are no operators: what was computed from the bytes before stays what it was."""

import contextlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import dtr_runtime as dtr

SIZE = 1 << 12


def by_numpy(x: Tensor) -> None:
    x.numpy().fill(0)


def by_apply(x: Tensor) -> None:
    x.apply_(lambda value: 0.0)


def by_map(x: Tensor) -> None:
    x.map_(x, lambda value, other: 0.0)


def by_byteswap(x: Tensor) -> None:
    x.untyped_storage().byteswap(torch.float32)


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("write", [by_numpy, by_apply, by_map, by_byteswap])
def test_a_write_behind_the_operators_changes_nothing_else(write: Callable[[Tensor], None], constant: bool) -> None:
    """Neither is the write lost, nor is it seen by what was computed before it."""
    a = torch.randn(SIZE)
    written, read = a * 2, a * 2 * 3
    write(written)
    x = a * 2 if constant else torch.empty(0)
    with dtr.budget(dtr.live_bytes() + 8 * a.nbytes + 1024, heuristic="h_lru"):
        if not constant:
            x = a * 2
        y = x * 3
        write(x)
        with contextlib.suppress(dtr.BudgetExceeded):
            torch.empty(8 * SIZE)  # everything evictable goes
    assert torch.equal(x.view(torch.int32), written.view(torch.int32))
    assert torch.equal(y, read)
