# SPDX-License-Identifier: Apache-2.0
"""Budgets on a device with a caching allocator: the test device everywhere, CUDA where there is one."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

import dtr_runtime as dtr

from ..claims import claim

DEVICES = ["dram", pytest.param("cuda", marks=pytest.mark.cuda)]


@pytest.fixture
def run(request: pytest.FixtureRequest, claim_scope: Callable[[str], None]) -> Callable[..., None]:
    """Runs scenarios in a process of their own: autograd counts devices once."""

    def run(device: str, *scenarios: str) -> None:
        assert dtr.live_bytes() >= 0  # compiled, so that the process need not
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
        thorough = ["--thorough"] if request.config.option.thorough else []
        command = [sys.executable, "-m", "proofs_tests.device.scenarios", *thorough, device, *scenarios]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]
        for covered in done.stdout.splitlines():
            claim_scope(f"{covered} on {device}")

    return run


@claim("T1", "On a device, training under bisected least budgets leaves eager's bits.", method="measured")
@claim("T2", "On a device, the allocator's own peak is within the budget.", method="measured")
@claim("T8", "The traces of training on a device are runs of the machine.", method="measured")
@pytest.mark.parametrize("device", DEVICES)
def test_training_on_a_device(device: str, run: Callable[..., None]) -> None:
    run(device, "models")


@claim("T9", "On a device, decisions are the reference's, event for event.", method="measured")
@pytest.mark.parametrize("device", DEVICES)
def test_decisions_on_a_device(device: str, run: Callable[..., None]) -> None:
    """Where the allocator hands out what is asked for: more, which it does with large blocks, is a surprise to both."""
    run(device, "decisions")


@claim("T1", "On a device, reads of random and of awkward programs have eager's bits.", method="property-tested")
@pytest.mark.parametrize("device", DEVICES)
def test_programs_on_a_device(device: str, run: Callable[..., None]) -> None:
    run(device, "programs", "awkward")


@claim("T2", "On a device, M is the allocator's own count of bytes between calls.", method="measured")
@pytest.mark.parametrize("device", DEVICES)
def test_small_scenarios_on_a_device(device: str, run: Callable[..., None]) -> None:
    """Deaths, host reads, ``out=``, random draws, failures, streams, options."""
    run(device, "small")


@claim("T2", "Scratch that nobody could know exceeds the budget once, and is reported.", method="measured")
def test_scratch_and_capacity(run: Callable[..., None]) -> None:
    """What only the test device can be made to do: ask for known scratch, be smaller than the budget."""
    run("dram", "unseen_scratch", "an_allocator_out_of_memory")


def test_a_device_that_is_not_there_is_refused_by_name() -> None:
    absent = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(dtr.BudgetError, match=absent):
        dtr.budget("1MiB", device=absent)
