# SPDX-License-Identifier: Apache-2.0
"""Real models trained within a budget, against the same training by PyTorch alone."""

from collections.abc import Callable

import pytest

import dtr_reference
from dtr_spec import monitor

from ..agreement import first_difference
from ..claims import claim
from .bounded import Bounded, Eager, Training, bounded, eager, least_budget, sufficient
from .zoo import ZOO

STEPS = 3
LARGER = {"densenet", "inception", "transformer", "unrolled_gan"}
CASES = [
    (name, optimizer) for name in ZOO for optimizer in ("sgd", "adamw") if optimizer == "sgd" or name not in LARGER
]
CASES += [("gpt", "adamw_fused"), ("resnet", "adamw_foreach")]
"""Every model; the larger ones with one optimizer. Two with an optimizer that steps with all parameters at once."""


@claim("T1", "Training within a budget leaves every bit as eager training leaves it.", method="measured")
@claim("T2", "The bytes that an independent observer sees allocated never exceed the budget.", method="measured")
@claim("T8", "The trace of training a real model is a run of the machine.", method="measured")
@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_training_within_a_budget_is_eager_training(
    name: str, optimizer: str, claim_scope: Callable[[str], None]
) -> None:
    training = Training(ZOO[name], optimizer, STEPS)
    alone = eager(training)

    def attempt(budget: int) -> Bounded:
        result = bounded(training, budget)
        if result.snapshot is not None:
            check(result, alone)
        return result

    high = sufficient(attempt, alone)
    least = least_budget(attempt, alone.floor, high)
    assert attempt((least.budget + high.budget) // 2).snapshot is not None
    verdict = monitor.check(least.run.trace)
    assert verdict, verdict.reason
    share = least.budget / alone.peak
    claim_scope(f"{name}/{optimizer} from {share:.0%} of eager's peak")


def check(result: Bounded, alone: Eager) -> None:
    """A training that its budget sufficed for is eager's, and kept to its budget."""
    assert result.snapshot is not None
    assert result.snapshot.differences(alone.snapshot) == []
    assert result.observation.peak <= result.budget


@claim("T9", "The runtime decides on a real model as the reference does, event for event.", method="measured")
@pytest.mark.parametrize(
    ("name", "percent"), [("gpt", 60), ("resnet", 80), ("lstm", 80), ("treelstm", 100), ("gan", 90)]
)
def test_decisions_are_the_references(name: str, percent: int, claim_scope: Callable[[str], None]) -> None:
    training = Training(ZOO[name], "adamw", 1)
    result = bounded(training, eager(training).peak * percent // 100)
    assert result.snapshot is not None
    expected = dtr_reference.run(result.run.program, result.budget, "h_dtr_eq").trace
    assert first_difference(expected.events, result.run.trace.events) is None
    claim_scope(f"{name}: {len(expected.events):,} events at {percent}% of eager's peak")
