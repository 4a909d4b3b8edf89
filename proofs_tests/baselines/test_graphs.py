# SPDX-License-Identifier: Apache-2.0
"""Training graphs: what they say of themselves, and the programs that they stand for."""

import pytest

import dtr_reference
from dtr_reference.graphs import ForwardGraph, GraphError, Node, TrainingGraph, chain, resnet, vgg
from dtr_reference.graphs.images import Feature, Layers

from .families import FAMILIES

PLENTY = 10**9


@pytest.mark.parametrize("name", FAMILIES)
def test_every_forward_node_has_one_backward_node_and_they_run_in_reverse(name: str) -> None:
    graph = FAMILIES[name]()
    pairs = [node.forward for node in graph.nodes if node.forward is not None]
    assert pairs == list(reversed(graph.forward))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_program_costs_what_its_graph_says_and_needs_no_less_than_its_widest_node(name: str) -> None:
    graph = FAMILIES[name]()
    run = dtr_reference.run(graph.program(), PLENTY, "h_dtr_eq")
    assert run.clock == 1 + graph.cost
    assert run.peak >= graph.widest
    assert dtr_reference.run(graph.program(), graph.widest - 1, "h_dtr_eq").status == "out_of_memory"


def test_a_layers_backward_node_reads_what_the_layer_saves_and_its_readers_gradients() -> None:
    forward = ForwardGraph()
    first = forward.layer("a", 5, 1, saves="output")
    second = forward.layer("b", 7, 1, first, saves="nothing")
    forward.layer("c", 1, 2, first, second, saves="both", backward_cost=9)
    graph = forward.training_graph(fixed=3)
    assert graph.nodes[3:] == (
        Node("c'", 12, 9, (0, 1, 2), 2),
        Node("b'", 5, 1, (3,), 1),
        Node("a'", 0, 1, (0, 3, 4), 0),
    )
    assert (graph.fixed, graph.cost, graph.widest) == (3, 15, 28)


def test_what_is_retained_is_in_memory_at_the_end() -> None:
    nodes = (Node("a", 2, 1), Node("b", 3, 1, (0,)), Node("c", 4, 1, (1,)))
    graph = TrainingGraph(nodes, retained=frozenset({0}))
    run = dtr_reference.run(graph.program(), 7, "h_lru")
    assert run.status == "finished"
    assert run.trace.events[-1].used == 2


def test_networks_have_their_published_sizes() -> None:
    batch = 4 * 3 * 224 * 224
    assert vgg().fixed - batch == 8 * 138_344_128, "VGG-16 has 138,357,544 parameters, of which 13,416 are biases"
    assert sum(node.name == "conv" for node in resnet(5).nodes) == 31 + 2, "ResNet-32, and two convolutional shortcuts"


def test_a_grouped_and_strided_convolution_is_counted_by_hand() -> None:
    """Bytes that it touches and multiplications, twice as many of these in its backward, by 64; a batch of 10."""
    layers = Layers(10, (4, 9, 9))
    found = layers.convolution(Feature(None, (4, 9, 9)), 6, stride=2, groups=2)
    weights, outputs, inputs = 6 * 2 * 9, 6 * 5 * 5, 4 * 9 * 9
    moved, products = 4 * (10 * outputs + 10 * inputs + weights), 10 * weights * 25
    graph = layers.training_graph()
    assert found == Feature(0, (6, 5, 5))
    assert [node.size for node in graph.nodes] == [4 * 10 * outputs, 0]
    assert [node.cost for node in graph.nodes] == [(moved + products) // 64, (moved + 2 * products) // 64]
    assert graph.fixed == 4 * (2 * weights + 10 * inputs)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((Node("a", 1, 1, (0,)),), r"node 0 \(a\): reads \(0,\); only earlier"),
        ((Node("a", 1, 1), Node("b", 1, 1, (0, 0))), "name each once"),
        ((Node("a", -1, 1),), "neither size nor cost"),
        ((Node("a", 1, 1), Node("b", 1, 1, (0,), 1)), "belongs to node 1"),
        ((Node("a", 1, 1), Node("b", 1, 1, (0,), 0), Node("c", 1, 1, (), 1)), "belongs to node 1"),
    ],
)
def test_a_malformed_graph_is_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        TrainingGraph(nodes)


def test_a_graph_retains_only_its_own_nodes() -> None:
    with pytest.raises(GraphError, match="has 2 nodes"):
        TrainingGraph(chain(1).nodes, retained=frozenset({2}))
