# SPDX-License-Identifier: Apache-2.0
"""Small trainings under a budget: the same bits, within the budget, by a run of the machine, as the reference."""

import itertools

import pytest

import dtr_reference
from dtr_spec.monitor import check

from .trainings import AT_ONCE, NETWORKS, OPTIMIZERS, least_room, train


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [*itertools.product(NETWORKS, OPTIMIZERS), *itertools.product(["perceptron"], AT_ONCE)],
)
def test_training_under_the_least_room_leaves_the_same_bits_as_eager(network: str, optimizer: str) -> None:
    eager = train(network, optimizer)
    bounded = train(network, optimizer, int(least_room(network, optimizer) * 1.05), verify=True)
    assert bounded.same_bits(eager)
    assert bounded.run.stats.rematerializations > 0
    assert bounded.run.stats.peak <= bounded.run.stats.budget
    assert check(bounded.run.trace)


@pytest.mark.parametrize("network", NETWORKS)
def test_runtime_and_reference_take_the_same_steps(network: str) -> None:
    trace = train(network, "sgd", int(least_room(network, "sgd") * 1.1)).run.trace
    reference = dtr_reference.run(trace.program, trace.budget, "h_dtr_eq", "eager").trace
    assert trace.events == reference.events


@pytest.mark.parametrize("heuristic", ["h_dtr", "h_dtr_local", "h_lru", "h_size", "h_msps", "h_estar", "h_rand"])
def test_bits_do_not_depend_on_the_heuristic(heuristic: str) -> None:
    eager = train("convolutional", "sgd")
    room = int(least_room("convolutional", "sgd") * 1.3)
    assert train("convolutional", "sgd", room, heuristic=heuristic).same_bits(eager)


@pytest.mark.parametrize("deallocation", ["eager", "ignore", "banish"])
def test_bits_do_not_depend_on_the_deallocation_policy(deallocation: str) -> None:
    eager = train("convolutional", "adam")
    room = int(least_room("convolutional", "adam") * 1.6)
    assert train("convolutional", "adam", room, deallocation=deallocation).same_bits(eager)


def test_measured_costs_leave_the_same_bits() -> None:
    eager = train("perceptron", "adam")
    room = int(least_room("perceptron", "adam") * 1.2)
    assert train("perceptron", "adam", room, clock="measured").same_bits(eager)
