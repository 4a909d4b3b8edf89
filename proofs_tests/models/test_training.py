# SPDX-License-Identifier: Apache-2.0
"""Eager training is a fit oracle: it repeats itself, and the comparison sees every bit."""

import pytest
import torch

from .observer import Observer, live_bytes
from .training import Snapshot, bits, train
from .zoo import ZOO


@pytest.mark.parametrize("name", ZOO)
def test_eager_training_repeats_itself_and_is_observable(name: str) -> None:
    once = train(ZOO[name](0), "adamw", 2)
    with Observer() as observer:
        task = ZOO[name](0)
        with observer.region() as observation:
            again = train(task, "adamw", 2)
    assert once.differences(again) == []
    assert train(ZOO[name](1), "adamw", 2).differences(again) != []
    assert observation.peak - observation.start > 2 * live_bytes(task.model.parameters())


def test_bits_tell_zeros_apart_and_nan_equal() -> None:
    assert bits(torch.tensor([float("nan")])) == bits(torch.tensor([float("nan")]))
    assert bits(torch.tensor([0.0])) != bits(torch.tensor([-0.0]))
    assert bits(torch.zeros(2)) != bits(torch.zeros(2, dtype=torch.int32))
    assert bits(torch.zeros(2, 2)) != bits(torch.zeros(2, 2).t())
    assert bits(torch.zeros(4, 2, dtype=torch.bfloat16)[:, 1]) == bits(torch.zeros(4, 2, dtype=torch.bfloat16)[:, 0])
    assert bits(torch.tensor(1)).content == b"\1" + bytes(7)


def test_differences_name_what_differs() -> None:
    x, y = bits(torch.zeros(2)), bits(torch.ones(2))
    assert Snapshot({"a": x, "b": x, "d": x}).differences(Snapshot({"a": x, "b": y, "c": x})) == ["b", "c", "d"]
