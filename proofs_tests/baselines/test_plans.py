# SPDX-License-Identifier: Apache-2.0
"""Plans, and their execution by the machine."""

import random
from collections.abc import Callable

import pytest

from dtr_reference.baselines import Plan, PlanError, checkpoint_all, chen_sqrt, execute
from dtr_reference.graphs import Node, TrainingGraph, chain, random_dag
from dtr_spec import monitor

from ..claims import claim
from .families import FAMILIES


def random_plan(seed: int) -> Plan:
    """Any plan at all of a random graph: each result that exists by then stays or does not."""
    draw = random.Random(seed)
    graph = random_dag(seed, layers=draw.randint(1, 7))
    stages = range(len(graph.nodes))
    share = draw.random()
    return Plan(graph, tuple(frozenset(n for n in range(t + 1) if draw.random() < share) for t in stages))


@claim(
    "T8",
    "What a static plan does is a run of the machine; its cost and peak are as foretold.",
    method="property-tested",
)
def test_any_plan_is_a_run_of_the_machine(claim_scope: Callable[[str], None]) -> None:
    plans = [random_plan(seed) for seed in range(40)]
    for plan in plans:
        execution = execute(plan)
        assert (execution.cost, execution.peak) == (plan.cost, plan.peak)
        verdict = monitor.check(execution.trace)
        assert verdict, verdict.reason
    claim_scope(f"{len(plans)} plans")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_plan_runs_within_its_peak_and_not_within_a_byte_less(name: str) -> None:
    plan = chen_sqrt(FAMILIES[name]())
    assert execute(plan, plan.peak).cost == plan.cost
    with pytest.raises(PlanError, match=r"allocate \d+ does not apply: it requires .*used"):
        execute(plan, plan.peak - 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_checkpointing_all_recomputes_nothing(name: str) -> None:
    graph = FAMILIES[name]()
    assert execute(checkpoint_all(graph)).cost == graph.cost


def test_a_stage_computes_what_it_must_and_frees_what_it_can() -> None:
    graph = TrainingGraph((Node("a", 2, 1), Node("b", 3, 1, (0,)), Node("c", 5, 1, (1,)), Node("d", 1, 1, (0, 2))))
    plan = Plan(graph, (frozenset({0}), frozenset({1}), frozenset({0, 2}), frozenset()))
    assert plan.computed == ((0,), (1,), (0, 2), (3,))
    execution = execute(plan)
    assert [(event.rule, event.subject) for event in execution.trace.events if event.rule in ("need", "evict")] == [
        ("evict", 1),
        ("need", 1),
        ("evict", 2),
        ("evict", 1),
        ("evict", 3),
        ("evict", 4),
    ]
    assert (execution.cost, execution.peak) == (5, 10)


def test_what_is_retained_must_be_kept() -> None:
    graph = TrainingGraph(chain(2).nodes, retained=frozenset({1}))
    assert execute(checkpoint_all(graph)).trace.events[-1].used == 1
    with pytest.raises(PlanError, match=r"does not keep \[1\]"):
        Plan(graph, (frozenset(),) * 4)


@pytest.mark.parametrize(
    ("kept", "message"),
    [((frozenset(),), "1 stages for 2 nodes"), ((frozenset({1}), frozenset()), r"stage 0 keeps \[1\]")],
)
def test_a_malformed_plan_is_refused(kept: tuple[frozenset[int], ...], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan(chain(1), kept)
