# SPDX-License-Identifier: Apache-2.0
"""A GPT step at equal peaks: checkpointing every block by hand against a budget of the same bytes.

    python -m benchmarks.checkpoint

The budget is the peak that ``torch.utils.checkpoint`` reaches, as the observer sees it; both run in
turn with eager PyTorch. Prints medians and writes ``benchmarks/results/checkpoint.json``.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from proofs_tests.models import gpt
from proofs_tests.models.observer import Observation, Observer
from proofs_tests.models.task import Task
from proofs_tests.models.training import OPTIMIZERS, one_step
from rich import box
from rich.table import Table
from torch import Tensor
from torch.utils.checkpoint import checkpoint

import dtr_runtime as dtr

from .measure import in_turn, publish

SHAPES = {
    "width 32, 4 layers": gpt.SMALL,
    "width 128, 8 layers": gpt.Shape(width=128, context=64, layers=8, batch=8),
}
FRACTIONS = (1.0, 0.9, 0.8)
"""Budgets, as fractions of the checkpointed peak: what a plan by hand does not reach."""


def checkpointed(task: Task) -> Task:
    """The same model, each of whose blocks runs again in the backward pass."""
    for block in task.model.blocks:  # pyright: ignore[reportGeneralTypeIssues]
        block.forward = again(block.forward)
    return task


def again(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """``forward`` under ``torch.utils.checkpoint``."""
    return lambda x: checkpoint(forward, x, use_reentrant=False)  # pyright: ignore[reportReturnType]


class Trainee:
    """A GPT with its optimizer, one step old: the optimizer's state exists."""

    def __init__(self, shape: gpt.Shape, change: Callable[[Task], Task] = lambda task: task) -> None:
        self.task = change(gpt.build(0, shape))
        self.descent = OPTIMIZERS["adamw"](self.task.model.parameters())
        self.step()

    def step(self) -> None:
        """One training step."""
        one_step(self.task, self.descent, 0)


def observed(trainee: Callable[[], Trainee]) -> Observation:
    """The live bytes over the second step."""
    with Observer() as observer:
        seen = trainee()
        with observer.region() as region:
            seen.step()
    return region


@contextmanager
def within(room: int) -> Iterator[None]:
    """The runtime with room for so many bytes besides all that is allocated already, also to others."""
    with dtr.budget(dtr.live_bytes() + room):
        yield


def fits(shape: gpt.Shape, room: int) -> bool:
    """Whether a step does."""
    trainee = Trainee(shape)
    try:
        with within(room):
            trainee.step()
    except dtr.BudgetExceeded:
        return False
    return True


def compare(name: str, rounds: int) -> list[dict[str, Any]]:
    """Eager, checkpointed and budgeted steps of one shape, in turn."""
    shape = SHAPES[name]
    alone, planned = observed(lambda: Trainee(shape)), observed(lambda: Trainee(shape, checkpointed))
    eager, by_hand, budgeted = Trainee(shape), Trainee(shape, checkpointed), Trainee(shape)
    machines: dict[str, tuple[Callable[[], AbstractContextManager[Any]], Callable[[], None]]] = {
        "eager": (nullcontext, eager.step),
        "torch.utils.checkpoint": (nullcontext, by_hand.step),
    }
    bytes_of = {"eager": alone.peak, "torch.utils.checkpoint": planned.peak}
    for fraction in FRACTIONS:
        budget = int(fraction * planned.peak)
        machine = f"runtime, {fraction:.0%} of those bytes"
        bytes_of[machine] = budget
        room = budget - alone.start
        if fits(shape, room):
            machines[machine] = (partial(within, room), budgeted.step)
    times = in_turn(machines, rounds)
    return [
        {
            "shape": name,
            "machine": machine,
            "bytes": size,
            "seconds": times[machine].median if machine in times else None,
            "ratio_to_eager": times[machine].ratio(times["eager"]) if machine in times else None,
        }
        for machine, size in bytes_of.items()
    ]


def table(results: list[dict[str, Any]]) -> Table:
    """A row a machine."""
    columns = ("shape", "machine", "peak or budget\nbytes", "ms", "ratio\nto eager")
    shown = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in results:
        fits = row["seconds"] is not None
        times = (f"{row['seconds'] * 1e3:.2f}", f"{row['ratio_to_eager']:.3f}") if fits else ("out of memory", "")
        shown.add_row(row["shape"], row["machine"], f"{row['bytes']:,}", *times)
    return shown


def main(rounds: int = 15) -> None:
    results = [row for name in SHAPES for row in compare(name, rounds)]
    publish("checkpoint", table(results), results)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
