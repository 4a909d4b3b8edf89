# SPDX-License-Identifier: Apache-2.0
"""Chen et al.'s schemes against their closed forms, and on every family of graphs."""

from collections.abc import Callable
from math import isqrt

import pytest

from dtr_reference.baselines import InfeasibleError, checkpoint_all, chen_greedy, chen_sqrt, execute
from dtr_reference.baselines.segments import boundaries
from dtr_reference.graphs import Node, TrainingGraph, chain, resnet

from ..claims import claim
from .families import FAMILIES

LAYERS = range(1, 37)


@claim(
    "baselines",
    "Chen's scheme on N layers costs 2 N + (ceil(N / k) - 1)(k - 1), k = floor(sqrt N), within ceil(N / k) + k + 1.",
    method="exhaustive to 36 layers",
)
def test_sqrt_costs_one_more_forward_pass_in_sqrt_memory(claim_scope: Callable[[str], None]) -> None:
    for layers in LAYERS:
        length = isqrt(layers)
        segments = -(-layers // length)
        execution = execute(chen_sqrt(chain(layers)))
        assert execution.cost == 2 * layers + (segments - 1) * (length - 1)
        assert execution.peak <= segments + length + 1
    claim_scope(f"{len(LAYERS)} chains, executed")


@pytest.mark.parametrize("name", FAMILIES)
def test_no_node_is_computed_more_than_twice(name: str) -> None:
    plan = chen_sqrt(FAMILIES[name]())
    computed = [node for stage in plan.computed for node in stage]
    assert max(map(computed.count, computed)) <= 2
    assert not {node for node in computed if computed.count(node) == 2} - set(plan.graph.forward)


@pytest.mark.parametrize("name", FAMILIES)
def test_greedy_is_within_every_budget_from_its_least_one_and_costs_no_more_with_more(name: str) -> None:
    graph = FAMILIES[name]()
    with pytest.raises(InfeasibleError) as none:
        chen_greedy(graph, graph.fixed)
    least = none.value.least
    assert f"the least that would do is {least} bytes" in str(none.value)
    top = checkpoint_all(graph).peak
    budgets = [least + (top - least) * part // 4 for part in range(5)]
    executions = [chen_greedy(graph, budget) for budget in budgets]
    assert all(execution.peak <= budget for execution, budget in zip(executions, budgets, strict=True))
    costs = [execution.cost for execution in executions]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == graph.cost
    with pytest.raises(InfeasibleError):
        chen_greedy(graph, least - 1)


def test_greedy_ends_a_segment_once_its_bytes_exceed_the_limit() -> None:
    """Bytes 1, 1, 1, 4, 1: a limit of 1 makes checkpoints of layers 2 and 4, a limit of 3 of layer 4."""
    nodes = [Node(f"f{i}", 4 if i == 3 else 1, 1, (i - 1,) if i else ()) for i in range(5)]
    nodes += [Node("g5", 1, 1, (3,), 4), Node("g4", 1, 1, (2, 5), 3), Node("g3", 1, 1, (1, 6), 2)]
    nodes += [Node("g2", 1, 1, (0, 7), 1), Node("g1", 1, 1, (8,), 0)]
    graph = TrainingGraph(tuple(nodes))
    assert checkpoint_all(graph).peak == 8
    assert chen_greedy(graph, 7).cost == 12
    assert chen_greedy(graph, 5).cost == 13


def test_a_residual_network_is_cut_only_where_no_edge_leads_past() -> None:
    graph = resnet(blocks=1, side=8, width=4)
    names = [graph.nodes[cut].name for cut in boundaries(graph)]
    assert names == ["conv", "add", "add", "add", "mean", "dense", "loss"]
