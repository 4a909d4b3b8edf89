# SPDX-License-Identifier: Apache-2.0
"""Eager training is a fit oracle: it repeats itself, and the comparison sees every bit."""

import pytest
import torch

from .observer import Observer, live_bytes
from .training import Snapshot, same_bits, train
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


def test_same_bits_tells_zeros_apart_and_nan_equal() -> None:
    assert same_bits(torch.tensor([float("nan")]), torch.tensor([float("nan")]))
    assert not same_bits(torch.tensor([0.0]), torch.tensor([-0.0]))
    assert not same_bits(torch.zeros(2), torch.zeros(2, dtype=torch.int32))
    assert not same_bits(torch.zeros(2, 2), torch.zeros(2, 2).t())
    assert same_bits(torch.zeros(4, 2, dtype=torch.bfloat16)[:, 1], torch.zeros(4, 2, dtype=torch.bfloat16)[:, 0])


def test_differences_name_what_differs() -> None:
    x = torch.zeros(2)
    assert Snapshot({"a": x, "b": x, "d": x}).differences(Snapshot({"a": x, "b": x + 1, "c": x})) == ["b", "c", "d"]
