# SPDX-License-Identifier: Apache-2.0
"""Every kept trace is a run of the machine and of both implementations, and shows what the README says."""

import pytest

from dtr_runtime.simulator import simulate
from dtr_spec.monitor import check
from dtr_spec.trace import Trace

from ..claims import claim
from . import kept
from .examples import EXAMPLES, Example, example, two_parents
from .phantom import phantom_choices


@claim(
    "T8",
    "Every counterexample's trace is accepted by the monitor; reference and C++ engine take its steps.",
    method="computed",
    scope=f"{len(EXAMPLES)} traces",
)
@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.name)
def test_the_trace_is_a_run_on_every_machine(shown: Example) -> None:
    trace = kept(shown.name)
    assert check(trace)
    assert trace == shown.trace()
    assert simulate(shown.program, shown.budget, shown.heuristic, shown.deallocation).trace.events == trace.events


def replays(name: str) -> int | None:
    """How many calls the run replays; None if it runs out of memory. It is the kept one, as is tested above."""
    rules = [event.rule for event in example(name).trace().events]
    return None if rules[-1] == "out_of_memory" else rules.count("replay")


@claim(
    "T10", "More memory is not always cheaper: with 3 bytes nothing is replayed, with 4 a call is.", method="computed"
)
def test_more_memory_costs_more() -> None:
    assert (replays("dearer_with_3"), replays("dearer_with_4")) == (0, 1)


@claim(
    "T10", "More memory is not always enough: with 3 bytes a program finishes, with 4 it runs out.", method="computed"
)
def test_more_memory_runs_out() -> None:
    assert (replays("infeasible_with_3"), replays("infeasible_with_4")) == (3, None)


@claim(
    "T12",
    "h_DTR^eq evicts another storage than h_DTR because of a phantom connection alone: directed or not, what is "
    "connected then would not have made the difference.",
    method="computed",
)
def test_a_phantom_connection_changes_a_decision() -> None:
    shown = example("phantom_classes")
    (choice,) = phantom_choices(shown.program, shown.budget)
    exact, classes = (kept(name).events for name in ("phantom_exact", "phantom_classes"))
    assert exact[: choice.event] == classes[: choice.event]
    assert (exact[choice.event].rule, exact[choice.event].subject) == ("evict", choice.exact)
    assert (classes[choice.event].rule, classes[choice.event].subject) == ("evict", choice.classes)


@claim(
    "T5",
    "Of two evicted parents, one order of rematerialization runs out of memory where the other finishes.",
    method="computed",
)
def test_the_order_of_two_evicted_parents() -> None:
    """The machine leaves the order open, so the other program's steps are a run of this one, too."""
    assert replays("parents_1_2") is not None
    assert replays("parents_2_1") is None
    good = kept("parents_1_2")
    needed = [event.subject for event in good.events if event.rule == "need"]
    assert {1, 2} <= set(needed)
    assert check(Trace(two_parents(2, 1), good.budget, good.events))


@claim("T3", "Banishing makes a program infeasible that eviction runs without a replay.", method="computed")
def test_banishing_makes_a_program_infeasible() -> None:
    assert (replays("released_banish"), replays("released_eager")) == (None, 0)
