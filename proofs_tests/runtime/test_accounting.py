# SPDX-License-Identifier: Apache-2.0
"""The engine's bytes are the allocator's, and never exceed the budget."""

import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import dtr_runtime as dtr
from dtr_runtime.budget import install
from dtr_spec.monitor import check

from ..models.observer import Observer
from .trainings import NETWORKS, least_room, train


@pytest.mark.parametrize("network", NETWORKS)
def test_observed_bytes_stay_within_the_budget(network: str) -> None:
    room = int(least_room(network, "sgd") * 1.05)
    with Observer() as observer:
        train(network, "sgd", room, observer.region)
    assert 0 < observer.regions[0].peak <= room


def test_engine_and_allocator_agree_after_every_operator() -> None:
    a = torch.randn(1 << 12)
    with dtr.budget(dtr.live_bytes() + 24 * a.nbytes) as run:
        tensors = [a]
        for i in range(40):
            tensors.append(tensors[i // 2] * 2 + i)
            if i % 9 == 0:
                tensors[i // 2].sin_()
            if i % 7 == 6:
                del tensors[1]
            assert run.stats.used == dtr.live_bytes() <= run.stats.budget
        small = torch.add(a[:4], a[:4], out=torch.empty(0))  # less than what is served beside the books
        assert run.stats.used == dtr.live_bytes()
        resized = small.resize_(1 << 12)
        assert run.stats.used == dtr.live_bytes()
        del tensors, small, resized
        assert run.stats.used == dtr.live_bytes()


def test_memory_asked_for_outside_operators_counts() -> None:
    before = dtr.live_bytes()
    with dtr.budget(before + 10_000) as run:
        storage = torch.empty(0).untyped_storage()
        storage.resize_(8_000)
        assert run.stats.used == before + 8_000
        with pytest.raises(dtr.BudgetExceeded):
            torch.empty(0).untyped_storage().resize_(8_000)
        del storage
        assert run.stats.used == before
    assert check(run.trace).reason.endswith("out of memory")


def test_memory_from_before_the_scope_counts() -> None:
    a = torch.randn(1 << 12)
    with pytest.raises(dtr.BudgetExceeded), dtr.budget(a.nbytes - 1):
        pass
    with dtr.budget(dtr.live_bytes() + a.nbytes + 64):
        assert a.add_(1) is a


def test_budgets_do_not_nest() -> None:
    with dtr.budget("1GiB"), pytest.raises(RuntimeError, match="do not nest"), dtr.budget("1MiB"):
        pass


@pytest.mark.parametrize(
    ("text", "size"), [("512MiB", 512 << 20), ("2 GB", 2_000_000_000), ("10", 10), (7, 7), ("1.5KiB", 1536)]
)
def test_budgets_are_read(text: str | int, size: int) -> None:
    with dtr.budget(1 << 40 if size < 1 << 20 else text) as run:
        assert run.stats.budget == (1 << 40 if size < 1 << 20 else size)
    assert dtr.parse(text) == size


@pytest.mark.parametrize(
    "wrong",
    ["", "12 parsecs", -1, 0, 1.5, 0.0, math.nan, Fraction(3, 2), 2**63, "9" * 400 + "GiB", True, None, b"1GB", [1]],
)
def test_wrong_budgets_are_refused(wrong: Any) -> None:
    with pytest.raises(dtr.BudgetError):
        dtr.parse(wrong)


@pytest.mark.parametrize(("number", "like"), [(np.int64(7), 7), (np.float32(0.5), 0.5), (Fraction(1, 2), 0.5)])
def test_other_types_of_numbers_are_read(number: Any, like: int | float) -> None:
    assert dtr.parse(number) == dtr.parse(like)


def test_fractions_are_of_physical_memory_and_the_largest_budget_is_what_the_core_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine's own memory may grow or shrink between two looks at it."""
    assert dtr.parse(0.25) > 0
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1003}.__getitem__)
    assert dtr.parse(1.0) == 4096 * 1003
    assert dtr.parse(0.25) == 1024 * 1003
    assert dtr.parse(2**63 - 1) == 2**63 - 1


def test_another_torch_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("2.12.1", "2.14.0+cu130", "3.13.0"):
        monkeypatch.setattr(torch, "__version__", other)
        with pytest.raises(ImportError, match=rf"works inside torch 2\.13, and this is torch {re.escape(other)}"):
            install()


def test_tensors_from_before_the_import_count() -> None:
    program = (
        "import torch\n"
        "early = torch.zeros(1 << 20)\n"
        "import dtr_runtime as dtr\n"
        "before = dtr.live_bytes()\n"
        "assert before >= early.nbytes\n"
        "del early\n"
        "assert dtr.live_bytes() == before - (4 << 20)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("setting", [{"deallocation": "never"}, {"clock": "wall"}, {"device": "abacus"}])
def test_wrong_settings_are_refused(setting: dict[str, Any]) -> None:
    (value,) = setting.values()
    with pytest.raises(dtr.BudgetError, match=value):
        dtr.budget("1GiB", **setting)


def test_a_device_may_be_torchs() -> None:
    with dtr.budget("1GiB", device=torch.device("cpu")) as run:
        torch.ones(3)
    assert run.trace.configuration["device"] == "cpu"
