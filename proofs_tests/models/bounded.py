# SPDX-License-Identifier: Apache-2.0
"""Training within a budget, and the least budget with which a training succeeds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch

import dtr_runtime as dtr
from dtr_spec.policy import Heuristic

from .observer import Observation, Observer, live_bytes
from .task import Build, Task
from .training import Snapshot, train

TIGHTNESS = 1.05
"""The least budget is known up to this factor: one that suffices over one that does not."""


@dataclass(frozen=True)
class Training:
    """What to train: a model of the zoo, an optimizer, a number of steps, and where."""

    build: Build
    optimizer: str
    steps: int
    heuristic: str | Heuristic = "h_dtr_eq"
    device: str = "cpu"

    def task(self) -> Task:
        """A fresh task, always the same."""
        with torch.device(self.device):
            return self.build(0)


@dataclass(frozen=True)
class Eager:
    """A training by PyTorch alone."""

    snapshot: Snapshot
    floor: int
    """The bytes of what exists before training: no budget can be less."""
    peak: int


@dataclass(frozen=True)
class Bounded:
    """A training within a budget of bytes."""

    budget: int
    snapshot: Snapshot | None
    """What it left behind; None if the runtime said that the budget does not suffice."""
    observation: Observation
    run: Any
    """The runtime's own account: its program, its trace. None if the budget does not even hold the constants."""


def eager(training: Training) -> Eager:
    """Train under PyTorch alone."""
    with Observer(training.device) as observer:
        task = training.task()
        snapshot = train(task, training.optimizer, training.steps, observer.region)
    return Eager(snapshot, live_bytes(task.constants()), observer.regions[0].peak)


def bounded(training: Training, budget: int) -> Bounded:
    """Train within a budget of bytes."""
    run = snapshot = None
    with Observer(training.device) as observer:
        task = training.task()

        @contextmanager
        def within() -> Iterator[None]:
            nonlocal run
            with dtr.budget(budget, heuristic=training.heuristic, device=training.device) as run, observer.region():
                yield

        with suppress(dtr.BudgetExceeded):
            snapshot = train(task, training.optimizer, training.steps, within)
    observation = observer.regions[0] if observer.regions else Observation()
    return Bounded(budget, snapshot, observation, run)


def sufficient(attempt: Callable[[int], Bounded], alone: Eager) -> Bounded:
    """A training that succeeds: within eager's peak or, as recipes keep alive what eager frees, somewhat more."""
    for percent in (100, 125, 150, 200):
        result = attempt(alone.peak * percent // 100)
        if result.snapshot is not None:
            return result
    raise AssertionError(f"twice eager's peak of {alone.peak} bytes does not suffice")


def least_budget(attempt: Callable[[int], Bounded], low: int, high: Bounded) -> Bounded:
    """Bisect between an insufficient budget and a success, down to a factor of ``TIGHTNESS``."""
    while high.budget > TIGHTNESS * low:
        middle = attempt(int((low * high.budget) ** 0.5))
        if middle.snapshot is None:
            low = middle.budget
        else:
            high = middle
    return high
