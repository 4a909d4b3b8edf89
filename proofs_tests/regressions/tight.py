# SPDX-License-Identifier: Apache-2.0
"""One training step twice: by PyTorch alone, and under about the least budget that it can have."""

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import dtr_runtime as dtr
from dtr_spec.program import Call
from dtr_spec.trace import Trace

TIGHTNESS = 1.02
"""The budget for what is not alive before is at most so many times one that does not suffice."""

PLENTY = 1 << 30
"""Bytes that suffice without evicting anything."""

Step = Callable[[], list[Tensor]]
"""Computes; what it returns is compared."""

Prepare = Callable[[], Step]
"""Makes what exists before the budget: the model, a batch."""


@dataclass(frozen=True)
class Tight:
    """What both ways of running the step gave. ``replayed`` counts the operators that were called again."""

    eager: list[Tensor]
    bounded: list[Tensor]
    run: dtr.Run
    replayed: Counter[str]

    @property
    def same_bits(self) -> bool:
        """Bit for bit."""
        return list(map(torch.equal, self.eager, self.bounded)) == [True] * len(self.eager)


def tight(prepare: Prepare) -> Tight:
    """Run the step of ``prepare`` both ways, from the same seed, with verified replays."""
    eager = seeded(prepare)()
    bounded, run = within(PLENTY, seeded(prepare))
    enough, too_little = run.stats.peak - (run.stats.budget - PLENTY), 0
    while enough > too_little * TIGHTNESS:
        middle = (enough + too_little) // 2
        try:
            bounded, run = within(middle, seeded(prepare))
            enough = middle
        except dtr.BudgetExceeded:
            too_little = middle
    return Tight(eager, bounded, run, replayed(run.trace))


def within(extra: int, step: Step) -> tuple[list[Tensor], dtr.Run]:
    """The step under a budget of ``extra`` bytes besides what is alive."""
    gc.collect()
    with dtr.budget(dtr.live_bytes() + extra, verify=True) as run:
        return step(), run


def seeded(prepare: Prepare) -> Step:
    """The step, made from a fixed seed."""
    torch.manual_seed(0)
    return prepare()


def replayed(trace: Trace) -> Counter[str]:
    """How often each operator was called again, to compute what had been evicted."""
    calls = (trace.program.commands[event.subject] for event in trace.events if event.rule == "replay")
    return Counter(call.op for call in calls if isinstance(call, Call))
