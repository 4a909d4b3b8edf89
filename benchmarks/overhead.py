# SPDX-License-Identifier: Apache-2.0
"""What the runtime adds to each operator when memory is plentiful.

    python -m benchmarks.overhead

Three machines run the same work in turn, so that a slow moment of the computer falls on all: eager
PyTorch, the runtime with a budget that never binds, and, for scale, a dispatch mode in Python that
does nothing. Prints medians and writes ``benchmarks/results/overhead.json``.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from proofs_tests.models import gpt
from proofs_tests.models.training import OPTIMIZERS, one_step
from rich import box
from rich.table import Table
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import dtr_runtime as dtr

from .measure import Sample, in_turn, publish

PLENTY = 1 << 40
"""A budget in bytes that never binds."""

Work = Callable[[], Any]


class Silent(TorchDispatchMode):
    """Passes every operator on, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.operators = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operators += 1
        return func(*args, **(kwargs or {}))


@contextmanager
def plentiful() -> Iterator[None]:
    """The runtime without pressure."""
    with dtr.budget(PLENTY, heuristic="h_dtr_eq"):
        yield


MACHINES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "eager": nullcontext,
    "runtime": plentiful,
    "python_mode": Silent,
}


def additions() -> Work:
    """The smallest operator there is, 1,000 times."""
    x, y = torch.ones(16), torch.ones(16)

    def work() -> None:
        with torch.no_grad():
            for _ in range(1000):
                torch.add(x, y)

    return work


def unrolled_cell() -> Work:
    """An LSTM cell over 100 elements, forward and backward."""
    cell = nn.LSTMCell(16, 32)
    sequence = torch.randn(100, 4, 16)

    def work() -> None:
        state = (torch.zeros(4, 32), torch.zeros(4, 32))
        for element in sequence:
            state = cell(element, state)
        cell.zero_grad()
        state[0].sum().backward()

    return work


def gpt_step(shape: gpt.Shape) -> Callable[[], Work]:
    """A training step of the GPT with AdamW."""

    def prepare() -> Work:
        task = gpt.build(0, shape)
        descent = OPTIMIZERS["adamw"](task.model.parameters())
        return lambda: one_step(task, descent, 0)

    return prepare


WORKLOADS: dict[str, Callable[[], Work]] = {
    "x + y": additions,
    "LSTM cell, 100 steps": unrolled_cell,
    "GPT step, width 32": gpt_step(gpt.SMALL),
    "GPT step, width 128": gpt_step(gpt.Shape(width=128, context=64, batch=8)),
}


@dataclass(frozen=True)
class Overhead:
    """One workload's times on the three machines, in seconds a repetition."""

    workload: str
    operators: int
    eager: Sample
    runtime: Sample
    python_mode: Sample
    runtime_ratio: float
    """The median over the rounds of the runtime's time over eager's in the same round."""
    python_mode_ratio: float

    @property
    def added(self) -> float:
        """Microseconds that the runtime adds to an operator."""
        return (self.runtime.median - self.eager.median) / self.operators * 1e6


def measure(workload: str, rounds: int) -> Overhead:
    """Time a workload on the machines in turn."""
    work = WORKLOADS[workload]()
    work()
    with Silent() as counter:
        work()
    times = in_turn({name: (machine, work) for name, machine in MACHINES.items()}, rounds)
    ratios = {name: times[name].ratio(times["eager"]) for name in ("runtime", "python_mode")}
    return Overhead(
        workload,
        counter.operators,
        times["eager"],
        times["runtime"],
        times["python_mode"],
        ratios["runtime"],
        ratios["python_mode"],
    )


def table(results: list[Overhead]) -> Table:
    """Medians and ratios, a row a workload."""
    columns = (
        "workload",
        "operators",
        "eager\nms",
        "runtime\nms",
        "ratio",
        "added us\nan operator",
        "ratio of a\nPython mode",
    )
    shown = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for r in results:
        shown.add_row(
            r.workload,
            str(r.operators),
            f"{r.eager.median * 1e3:.2f}",
            f"{r.runtime.median * 1e3:.2f}",
            f"{r.runtime_ratio:.3f}",
            f"{r.added:.2f}",
            f"{r.python_mode_ratio:.3f}",
        )
    return shown


def main(rounds: int = 31) -> None:
    results = [measure(workload, rounds) for workload in WORKLOADS]
    publish("overhead", table(results), [asdict(r) | {"added_us_per_operator": r.added} for r in results])


if __name__ == "__main__":
    main()
