# SPDX-License-Identifier: Apache-2.0
"""Every rule of the semantics is a step that training on real tensors takes: none is there for the paper alone."""

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

import dtr_runtime as dtr
from dtr_runtime.simulator import simulate
from dtr_spec.rules import RULES

from ..claims import claim
from ..differential.corpus import every_rule
from .awkward import PROGRAMS, Awkward

IMPLICIT = {"alias"}
"""PyTorch counts a storage's tensors itself: another tensor of a storage is no command of the program."""

PERCENT = (90, 80, 70, 60, 50)


def within(program: Awkward, budget: int | str) -> Any:
    """The runtime's account of the program, whose results outlive the scope and so are pinned, if it succeeds."""
    gc.collect()
    torch.manual_seed(0)
    results: list[torch.Tensor] = []
    with suppress(dtr.BudgetExceeded), dtr.budget(budget) as run:
        results += program()
    return run


@claim("T8", "Every rule but ALIAS labels a step of some run on real tensors.", method="measured")
def test_every_rule_labels_a_step_on_real_tensors(claim_scope: Callable[[str], None]) -> None:
    """Runs of two programs at budgets from most of what they use to too little."""
    labels: list[str] = []
    for program in (PROGRAMS["writes_through_views"], PROGRAMS["random_draws"]):
        peak = within(program, "1GiB").stats.peak
        for percent in PERCENT:
            labels += [event.rule for event in within(program, peak * percent // 100).trace.events]
    assert set(labels) == set(RULES) - IMPLICIT
    claim_scope(f"{len(labels):,} events")


def test_every_rule_labels_a_step_of_the_engine() -> None:
    """ALIAS too, where the client says what is a view: on programs without tensors."""
    runs = [simulate(every_rule(), budget, "h_dtr", "banish") for budget in (4, 7, 8)]
    assert {event.rule for ended in runs for event in ended.trace.events} == set(RULES)
