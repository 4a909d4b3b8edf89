# SPDX-License-Identifier: Apache-2.0
"""The observer sees what is known beforehand to be allocated."""

import os

import pytest
import torch
import torch.nn.functional as F

from .observer import Observer, live_bytes, without_the_profilers_marks


def test_observer_sees_each_allocation_and_free_in_order() -> None:
    before = torch.zeros(1000)
    with Observer() as observer:
        known = torch.zeros(2000)
        with observer.region() as first:
            kept = known + known
            passing = torch.empty(5000)
            del passing, before
        with observer.region() as second:
            del known
    assert first.start == 8000
    assert first.deltas == [8000, 20000, -20000]
    assert (first.peak, first.end) == (36000, 16000)
    assert (second.deltas, second.end) == ([-8000], live_bytes([kept]))


def test_observer_sees_the_scratch_of_a_convolution() -> None:
    with Observer() as observer:
        images, weights = torch.zeros(8, 16, 32, 32), torch.zeros(16, 16, 3, 3)
        with observer.region() as observation:
            result = F.conv2d(images, weights, padding=1)
    assert observation.end == live_bytes([images, weights, result])
    assert observation.peak > observation.end


def test_observer_sees_the_backward_pass() -> None:
    with Observer() as observer:
        x = torch.zeros(1000, requires_grad=True)
        with observer.region() as observation:
            x.exp().exp().sum().backward()
    assert x.grad is not None
    assert observation.end == live_bytes([x, x.grad])
    assert observation.peak == 4 * 4000 + 2 * 4, "x, two exponentials, one gradient, the sum and its gradient"


def test_the_profilers_marks_and_nothing_else_are_kept_from_the_user(capfd: pytest.CaptureFixture[str]) -> None:
    with Observer():
        pass
    with without_the_profilers_marks():
        os.write(2, b"an error\nUSDT:2026 a mark\n")
    assert capfd.readouterr().err == "an error\n"


def test_aliases_are_counted_once() -> None:
    x = torch.zeros(10, 10)
    assert live_bytes([x, x[3], x.t(), torch.zeros(1)]) == 404
