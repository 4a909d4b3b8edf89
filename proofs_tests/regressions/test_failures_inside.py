# SPDX-License-Identifier: Apache-2.0
"""What fails or asks for memory in the middle of something else: a decision, a replay, a kernel in Python."""

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import dtr_runtime as dtr
from dtr_spec.monitor import check
from dtr_spec.policy import StorageView

SIZE = 1 << 12
"""Floats."""


@pytest.fixture(autouse=True)
def without_garbage() -> None:
    """What is freed later would make room in budgets that are counted from what is alive."""
    gc.collect()


class Thinking:
    """A heuristic that computes its score with tensors of ``width`` numbers."""

    def __init__(self, width: int) -> None:
        self.weights = torch.arange(float(width))

    def score(self, storage: StorageView, clock: int) -> float:
        return (self.weights * storage.last_access).sum().item()


def under_pressure(heuristic: Any) -> tuple[torch.Tensor, dtr.Run]:
    """The sum of two tensors that were evicted in favor of kernels' results."""
    a = torch.arange(float(SIZE))
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes, heuristic=heuristic) as run:
        b, c = a.sin(), a.cos()
        for _ in range(4):
            torch.stack((a, a, a)).exp_()
        assert dtr.evicted(b)
        found = b + c
    return found, run


def test_a_heuristic_may_compute_with_small_tensors() -> None:
    """Also when a kernel is asking for memory: the request that is being decided is not decided again."""
    a = torch.arange(float(SIZE))
    found, run = under_pressure(Thinking(16))
    assert torch.equal(found, a.sin() + a.cos())
    assert run.stats.peak <= run.stats.budget


def test_memory_for_small_tensors_is_used_again() -> None:
    """There is room for some dozens at a time: more are not thought of."""
    a = b = torch.arange(float(SIZE))
    heuristic = Thinking(16)
    with dtr.budget(dtr.live_bytes() + 3 * a.nbytes, heuristic=heuristic) as run:
        for _ in range(70):
            b = a.sin()
            torch.stack((a, a, a))
        assert dtr.evicted(b)
    assert run.stats.evictions >= 70


def test_a_heuristic_that_needs_memory_itself_is_told_so() -> None:
    with pytest.raises(RuntimeError, match="a heuristic asks for a tensor of 4096 bytes while memory is full"):
        under_pressure(Thinking(1024))
    assert torch.ones(3).sum().item() == 3


@contextlib.contextmanager
def matmul_precision(value: str) -> Iterator[None]:
    """Set by the newer of torch's two settings alone, after which reading the older one raises."""
    settings: Any = torch.backends.mkldnn.matmul  # pyright: ignore[reportAttributeAccessIssue]
    before = settings.fp32_precision
    settings.fp32_precision = value
    try:
        yield
    finally:
        settings.fp32_precision = before


def test_matrix_products_are_computed_again_in_their_precision() -> None:
    a = torch.randn(64, 64)
    with matmul_precision("bf16"):
        expected = a @ a
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes) as run:
        assert not a.isnan().any()  # whatever was called before
        with matmul_precision("bf16"):
            product = a @ a
        with contextlib.suppress(dtr.BudgetExceeded):
            torch.empty(1 << 20)
        assert dtr.evicted(product)
        found = product * 1
        assert run.stats.rematerializations == 1
    assert torch.equal(found, expected)
    assert torch.get_float32_matmul_precision() == "highest"


def test_after_a_replay_precisions_are_inherited_as_before() -> None:
    """Reading what one comes to does not tell whether it is its own."""
    read, write = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    a = torch.randn(64, 64)
    try:
        write("generic", "all", "tf32")
        with dtr.budget(dtr.live_bytes() + 4 * a.nbytes) as run:
            write("mkldnn", "matmul", "bf16")
            product = a @ a
            write("mkldnn", "matmul", "none")
            with contextlib.suppress(dtr.BudgetExceeded):
                torch.empty(1 << 20)
            assert dtr.evicted(product)
            product.sum()
            assert run.stats.rematerializations == 1
        precisions = [read("mkldnn", which) for which in ("all", "conv", "rnn", "matmul")]
        assert precisions == ["tf32"] * 4
        write("generic", "all", "ieee")
        precisions = [read("mkldnn", which) for which in ("all", "conv", "rnn", "matmul")]
        assert precisions == ["ieee"] * 4
    finally:
        for backend, which in (("generic", "all"), ("mkldnn", "matmul")):
            write(backend, which, "none")


WITHOUT_MEMORY = """
import resource, torch, dtr_runtime as dtr
MIB = 1 << 20
with dtr.budget(dtr.live_bytes() + 48 * MIB) as run:
    y = torch.empty(8 * MIB).fill_(2.0)
    torch.empty(8 * MIB)
    assert dtr.evicted(y)
    in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 10 * MIB, resource.RLIM_INFINITY))
    try:
        y.sum()
    except RuntimeError as error:
        assert "allocate" in str(error), error
    else:
        raise AssertionError("there was memory after all")
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert run.stats.used == dtr.live_bytes(), (run.stats.used, dtr.live_bytes())
    assert y.sum().item() == 16 * MIB
"""


def test_a_machine_without_memory_leaves_the_books_right() -> None:
    """The budget allows a replay, but the operating system does not."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WITHOUT_MEMORY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def in_python(tensor: torch.Tensor) -> torch.Tensor:
    """An operator whose kernel is written in Python and needs twice what it returns."""
    return tensor.repeat(6)[: len(tensor)].clone()


@pytest.fixture(scope="module")
def operator_in_python() -> Callable[[torch.Tensor], torch.Tensor]:
    return torch.library.custom_op("dtr_tests::in_python", in_python, mutates_args=())


def test_an_operator_in_python_fails_like_any_other(
    operator_in_python: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes), pytest.raises(dtr.BudgetExceeded) as caught:
        operator_in_python(a)
    assert caught.value.where == "dtr_tests::in_python"
    assert caught.value.need == 6 * a.nbytes


def test_an_operator_in_python_fails_like_any_other_when_called_again(
    operator_in_python: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 8 * a.nbytes):
        b = operator_in_python(a)
        ballast = [a + i for i in range(7)]
        assert dtr.evicted(b)
        assert all(t.data_ptr() for t in ballast)
        with pytest.raises(dtr.BudgetExceeded) as caught:
            b.sum()
        assert caught.value.where.startswith("aten::sum")
        del ballast
        assert torch.equal(b, a)


def test_a_kernel_that_fails_with_memory_in_its_hands_is_recorded_as_it_was() -> None:
    """A comparison with a number asks for a few bytes first; these are given back in the program as well."""
    a = torch.arange(SIZE)
    gc.collect()
    with pytest.raises(dtr.BudgetExceeded), dtr.budget(dtr.live_bytes() + 64) as run:
        a.remainder(7)
    verdict = check(run.trace)
    assert verdict, verdict.reason


def test_a_lazy_clone_is_not_left_without_bytes() -> None:
    """Both share the bytes until one is written, so these stay where they are."""
    a = torch.arange(float(SIZE))
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes):
        b = a * 2
        clone = torch.ops.aten._lazy_clone(b)
        with contextlib.suppress(dtr.BudgetExceeded):
            torch.empty(1 << 20)
        clone.add_(1)
        assert torch.equal(clone, b + 1)
        assert torch.equal(b, a * 2)
