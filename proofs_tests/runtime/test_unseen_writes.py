# SPDX-License-Identifier: Apache-2.0
"""Writes that are no operators: what was computed from the bytes before stays what it was."""

import contextlib
import tempfile
from collections.abc import Callable

import numpy as np
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


def by_map2(x: Tensor) -> None:
    x.map2_(x, x, lambda value, first, second: 0.0)


def by_byteswap(x: Tensor) -> None:
    x.untyped_storage().byteswap(torch.float32)


def by_file(x: Tensor) -> None:
    with tempfile.TemporaryFile() as file:
        torch.zeros_like(x).untyped_storage()._write_file(file, True, True, x.element_size())
        file.seek(0)
        x.untyped_storage()._set_from_file(file, 0, True, x.element_size())


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("write", [by_numpy, by_apply, by_map, by_map2, by_byteswap, by_file])
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


def of_numpy() -> tuple[Tensor, Callable[[], None]]:
    """Memory that was never torch's."""
    array = np.ones(SIZE, np.float32)
    return torch.from_numpy(array), lambda: array.fill(0)


def to_numpy() -> tuple[Tensor, Callable[[], None]]:
    """A pointer that is kept."""
    x = torch.ones(SIZE) * 1
    array = x.numpy()
    return x, lambda: array.fill(0)


def to_dlpack() -> tuple[Tensor, Callable[[], None]]:
    """Another library's tensor on the same bytes."""
    x = torch.ones(SIZE) * 1
    array = np.from_dlpack(x)
    return x, lambda: array.fill(0)


@pytest.mark.parametrize("share", [of_numpy, to_numpy, to_dlpack])
def test_what_is_computed_from_bytes_in_other_hands_stays(
    share: Callable[[], tuple[Tensor, Callable[[], None]]],
) -> None:
    """They may be written at any time; so neither results nor what was overwritten can be computed again from them."""
    with dtr.budget(dtr.live_bytes() + 16 * 4 * SIZE):
        x, write = share()
        result = x * 3
        overwritten = torch.zeros(SIZE) + 1
        overwritten.add_(x)
        write()
        with contextlib.suppress(dtr.BudgetExceeded):
            torch.empty(32 * SIZE)
        assert x.sum().item() == 0
        assert torch.equal(result, torch.full((SIZE,), 3.0))
        assert torch.equal(overwritten, torch.full((SIZE,), 2.0))


def test_what_takes_the_place_of_exposed_bytes_is_not_exposed() -> None:
    """The books of a storage are used again when it is dead."""
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 16 * a.nbytes):
        for expose in (True, False):
            x = a * 2
            y = x * 3
            if expose:
                x.numpy()
            z = x * 4
            with contextlib.suppress(dtr.BudgetExceeded):
                torch.empty(32 * SIZE)
            assert [dtr.evicted(each) for each in (x, y, z)] == [not expose] * 3
            del x, y, z
