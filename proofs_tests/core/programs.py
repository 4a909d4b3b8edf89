# SPDX-License-Identifier: Apache-2.0
"""Random programs in the shape of training: a forward pass that saves, a backward pass that reads, updates in place."""

import random

from dtr_spec.program import Program

from ..reference.programs import Builder


def training_program(seed: int, steps: int = 2) -> Program:
    """Layers with parameters, running statistics, dropout, splits, views and in-place operators, trained twice."""
    draw = random.Random(seed)
    build = Builder()
    generator = build.constant(0)
    depth = draw.randint(2, 5)
    parameters = [build.constant(draw.randint(1, 4)) for _ in range(depth)]
    statistics = [build.constant(draw.randint(0, 2)) for _ in range(depth)]
    for _ in range(steps):
        saved = [build.constant(draw.randint(4, 12))]
        for layer in range(depth):
            saved += _forward(draw, build, saved[-1], parameters[layer], statistics[layer], generator)
        _backward(draw, build, saved, parameters)
    for handle in (*parameters, *statistics):
        build.read(handle)
    return build.program()


def _forward(
    draw: random.Random, build: Builder, x: int, parameter: int, statistic: int, generator: int
) -> tuple[int, ...]:
    """One layer; returns what the backward pass will read, the activation last."""
    size, cost = draw.randint(2, 9), draw.randint(0, 5)
    match draw.choice(["linear", "normalize", "dropout", "split", "in place"]):
        case "linear":
            scratch = draw.randint(1, 4)
            return (build.call("linear", x, parameter, sizes=(size,), cost=cost, profile=(size, scratch, -scratch)),)
        case "normalize":
            first = build.call("normalize", x, parameter, statistic, sizes=(size, 0, 1), mutates=(2,), cost=cost)
            build.release(first + 1)
            return (first + 2, first)
        case "dropout":
            first = build.call("dropout", x, generator, sizes=(size, 2), mutates=(1,), cost=cost)
            return (first + 1, first)
        case "split":
            first = build.call("split", x, sizes=(size, 3, 1), cost=cost)
            view = build.alias(first, "row")
            build.release(first)
            return (first + 2, first + 1, view)
        case _:
            temporary = build.call("linear", x, parameter, sizes=(size,), cost=cost)
            if draw.random() < 0.5:
                build.read(temporary)
            build.write("relu", temporary, parameter, cost=draw.randint(0, 2))
            return (temporary,)


def _backward(draw: random.Random, build: Builder, saved: list[int], parameters: list[int]) -> None:
    gradient = build.call("loss", saved[-1], sizes=(1,))
    while len(saved) > 1:
        activation = saved.pop()
        parameter = draw.choice(parameters)
        sizes = (draw.randint(1, 9), draw.randint(1, 4))
        first = build.call("backward", activation, gradient, parameter, sizes=sizes, cost=draw.randint(1, 6))
        if draw.random() < 0.5:
            build.write("accumulate", first, activation, cost=1)
        build.release(activation, gradient)
        build.write("update", parameter, first + 1, cost=1)
        build.release(first + 1)
        gradient = first
    build.release(gradient, *saved)
