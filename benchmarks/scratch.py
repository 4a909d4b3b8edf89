# SPDX-License-Identifier: Apache-2.0
"""What kernels take from the C library behind the back of torch's allocator: bytes that no budget bounds.

    python -m benchmarks.scratch

Runs PyTorch's table of operators on its own samples, enlarged where they still run then, with their gradients,
in a process whose ``malloc`` and kin are counted (``scratch.cpp``, preloaded; glibc only). For each ATen
operator: the most bytes that were live at once during one of its calls beyond those live before, without what
torch's allocator asked for. Each sample runs twice and the second run counts: what a library keeps from its
first call is not scratch. Prints the operators above ``NOTABLE`` bytes and writes ``benchmarks/results/scratch.json``.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from proofs_tests.runtime.operators import Sample, dtypes_of, operators, samples, tensors
from rich import box
from rich.table import Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .measure import publish

SOURCE = Path(__file__).with_name("scratch.cpp")
PRELOADED = "DTR_SCRATCH"
"""The environment variable that names the preloaded library, where there is one."""

SAMPLES = 4
"""Of each operator, of one type."""

ELEMENTS = 1 << 16
"""Of an enlarged sample's largest tensor, at most: scratch then outweighs bookkeeping."""

NOTABLE = 4096
"""Bytes. Below are the descriptions of tensors, lists of arguments, and the like."""


@dataclass(frozen=True)
class Scratch:
    """The call of an ATen operator that took most."""

    operator: str
    bytes: int
    """From the C library, at the peak."""
    tensors: int
    """Bytes of its tensors, arguments and results."""


class Meter(TorchDispatchMode):
    """The heap's peak during each call."""

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__()
        self._begin, self._peak = library.scratch_begin, library.scratch_peak
        self._begin.restype = self._peak.restype = ctypes.c_int64
        self.worst: dict[str, Scratch] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        before = self._begin()
        result = func(*args, **kwargs)
        taken = self._peak() - before
        if func.name() not in self.worst or taken > self.worst[func.name()].bytes:
            touched = sum(t.numel() * t.itemsize for t in tensors((args, kwargs, result)))
            self.worst[func.name()] = Scratch(func.name(), taken, touched)
        return result


def of_all_operators() -> Iterator[Sample]:
    """The first samples of each, as functions, in place and with ``out=``."""
    for info in operators():
        yield from chain.from_iterable(islice(samples(info, dtypes_of(info)[0]), SAMPLES))


def enlarged(sample: Sample) -> Sample:
    """Every side of each tensor is as many times longer: repeated, with a little noise to keep numbers apart."""
    given = sample.arguments
    shapes = [t.shape for t in tensors((given.input, given.args, given.kwargs))]
    times = max(k for k in range(1, 17) if k == 1 or all(s.numel() * k ** len(s) <= ELEMENTS for s in shapes))

    def grown(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.layout != torch.strided or not value.dim():
            return value
        longer = value.detach().repeat([times if side > 1 else 1 for side in value.shape])
        if longer.is_floating_point() or longer.is_complex():
            longer += 0.01 * torch.randn_like(longer)
        return longer.requires_grad_(value.requires_grad)

    return replace(sample, arguments=given.transform(grown))


def runs(sample: Sample) -> bool:
    """Whether eager PyTorch accepts the sample: some raise by design."""
    try:
        sample.run(lambda: None)
    except Exception:
        return False
    return True


def measure() -> list[Scratch]:
    """In a process with the library preloaded. Raises ``OSError`` if there is none, or no torch to tell apart."""
    library = ctypes.CDLL(os.environ[PRELOADED])
    if not library.scratch_find_torch():
        raise OSError("libc10 is not loaded: torch's own allocations cannot be told from others")
    meter = Meter(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in of_all_operators():
            for attempt in (enlarged(sample), sample):
                if runs(attempt):
                    with meter:
                        runs(attempt)
                    break
    return sorted(meter.worst.values(), key=lambda s: (-s.bytes, s.operator))


def table(results: list[Scratch]) -> Table:
    """A row an operator."""
    shown = Table("operator", "bytes behind\ntorch's allocator", "bytes of\nits tensors", box=box.SIMPLE_HEAD)
    for row in results:
        shown.add_row(row.operator, f"{row.bytes:,}", f"{row.tensors:,}")
    return shown


def main() -> None:
    if PRELOADED in os.environ:
        results = measure()
        notable = [row for row in results if row.bytes > NOTABLE]
        publish("scratch", table(notable), [{"operators": len(results), "notable": [asdict(row) for row in notable]}])
        return
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "scratch.so")
        compiler = os.environ.get("CXX", "c++")
        subprocess.run([compiler, "-O2", "-std=c++20", "-shared", "-fPIC", SOURCE, "-o", library], check=True)
        environment = os.environ | {"LD_PRELOAD": str(library), PRELOADED: str(library)}
        subprocess.run([sys.executable, "-m", "benchmarks.scratch"], env=environment, check=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
