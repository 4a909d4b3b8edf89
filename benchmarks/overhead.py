# SPDX-License-Identifier: Apache-2.0
"""What the runtime adds to each operator when memory is plentiful.

    python -m benchmarks.overhead

Three machines run the same work in turn, so that a slow moment of the computer falls on all: eager
PyTorch, the runtime with a budget that never binds, and, for scale, a dispatch mode in Python that
does nothing. Prints medians and writes ``benchmarks/results/overhead.json``.

All on one thread, in CPU time: that is the time of a quiet machine, of which what other programs take is no part.
On more threads tensors this small mostly wait for threads to wake up; the runtime's own work is all done by the
thread that calls the operator.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from statistics import quantiles
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

ROUNDS = 301

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
    """One workload's times on the three machines, in seconds of CPU time a repetition."""

    workload: str
    operators: int
    eager: Sample
    runtime: Sample
    python_mode: Sample
    runtime_ratio: float
    """The median over the rounds of the runtime's time over eager's in the same round."""
    python_mode_ratio: float

    @property
    def added(self) -> tuple[float, ...]:
        """Microseconds that the runtime adds to an operator, in the same round: the quartiles over the rounds."""
        return tuple(
            seconds / self.operators * 1e6 for seconds in quantiles(self.runtime.less(self.eager).seconds, n=4)
        )

    @property
    def added_at_full_speed(self) -> float:
        """The same of the fastest tenth of each machine's rounds: of a processor that nobody else slows."""
        fastest = [quantiles(sample.seconds, n=10)[0] for sample in (self.eager, self.runtime)]
        return (fastest[1] - fastest[0]) / self.operators * 1e6


def measure(workload: str) -> Overhead:
    """Time a workload on the machines in turn."""
    work = WORKLOADS[workload]()
    work()
    with Silent() as counter:
        work()
    times = in_turn({name: (machine, work) for name, machine in MACHINES.items()}, ROUNDS, time.process_time)
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
        "half of the\nrounds within",
        "at full\nspeed",
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
            f"{r.added[1]:.2f}",
            f"{r.added[0]:.2f} to {r.added[2]:.2f}",
            f"{r.added_at_full_speed:.2f}",
            f"{r.python_mode_ratio:.3f}",
        )
    return shown


def as_json(result: Overhead) -> dict[str, Any]:
    """The times, and what follows from them."""
    microseconds = {
        "added_us_per_operator": result.added[1],
        "added_us_per_operator_at_full_speed": result.added_at_full_speed,
    }
    return asdict(result) | microseconds


def main() -> None:
    torch.set_num_threads(1)
    results = [measure(workload) for workload in WORKLOADS]
    publish("overhead", table(results), [as_json(r) for r in results])


if __name__ == "__main__":
    main()
