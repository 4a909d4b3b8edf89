# SPDX-License-Identifier: Apache-2.0
"""Rarely taken paths of the runtime that were once wrong, each in its smallest form."""

import contextlib

import numpy as np
import pytest
import torch

import dtr_runtime as dtr

BUDGET = 1 << 26


def push_out() -> None:
    """A demand of the whole budget cannot be met, but makes all that is evictable go."""
    with contextlib.suppress(dtr.BudgetExceeded):
        torch.empty(BUDGET, dtype=torch.uint8)


def test_resized_memory_survives() -> None:
    with dtr.budget(BUDGET):
        x = torch.ones(10)
        x.resize_(5000)
        x.fill_(3.0)
        push_out()
        assert x.sum().item() == 15000


def test_memory_of_numpy_is_let_go() -> None:
    """A loop that feeds one array a step holds no more than one."""
    with dtr.budget(dtr.live_bytes() + (1 << 20)) as run:
        for _ in range(300):
            x = torch.from_numpy(np.ones(1000, np.float32))
            y = x + 1
            del x, y
        assert run.stats.used < 1 << 19


def test_a_budget_is_entered_once() -> None:
    scope = dtr.budget(BUDGET)
    with scope:
        pass
    with pytest.raises(RuntimeError, match="a budget is entered once"), scope:
        pass


def test_what_a_raising_operator_wrote_stays_written() -> None:
    """As in eager PyTorch, a scatter that raises at its last index has written the others."""
    with dtr.budget(BUDGET):
        x = torch.ones(5000) * 2
        with pytest.raises(RuntimeError, match="out of bounds"):
            x.scatter_(0, torch.tensor([0, 1, 2, 10**9]), 7.0)
        written = x[:4].tolist()
        push_out()
        assert x[:4].tolist() == written


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantized_arguments_are_replayed_as_such() -> None:
    with dtr.budget(BUDGET):
        y = torch.quantize_per_tensor(torch.randn(1000), 0.1, 0, torch.qint8).dequantize()
        total = y.sum().item()
        push_out()
        assert y.sum().item() == total


def test_a_list_operator_that_begins_with_a_scalar() -> None:
    with dtr.budget(BUDGET):
        powers = torch.ops.aten._foreach_pow.ScalarAndTensor(2.0, [torch.ones(2), torch.ones(2)])
        assert [p.tolist() for p in powers] == [[2.0, 2.0], [2.0, 2.0]]
