# SPDX-License-Identifier: Apache-2.0
"""A fixed set of cases, the same in every run: seeded programs of both tiers at budgets that hurt."""

import random
from collections.abc import Sequence
from functools import cache
from typing import get_args

from dtr_reference import HEURISTICS
from dtr_spec.program import Program

from ..reference.programs import Builder, random_program
from ..strategies import Case, eager_peak, floor
from ..strategies.cases import DEALLOCATIONS
from ..strategies.training import Kind, Layer, training

KINDS: tuple[Kind, ...] = get_args(Kind)


@cache
def corpus(size: int = 240) -> tuple[Case, ...]:
    """Every heuristic with every deallocation policy, on programs and budgets drawn from seeds."""
    return tuple(_case(seed) for seed in range(size))


def every_rule() -> Program:
    """A short program whose runs take every step that there is: within 7 bytes, all of them in one run."""
    build = Builder()
    weight, generator = build.constant(2), build.constant(0)
    hidden = build.call("dropout", weight, generator, sizes=(2,), mutates=(1,), profile=(3, -1))
    build.write("relu_", hidden)
    part = build.alias(hidden, "row")
    one = build.call("split", part, sizes=(2, 1))
    other = one + 1
    last = build.call("f", other, sizes=(3,))
    build.read(hidden)
    build.release(part)
    build.write("sgd_", weight, one)
    build.pin(one)
    build.release(hidden, other)
    build.read(last)
    build.release(last)
    return build.program()


def training_program(seed: int, layers: int) -> Program:
    """A training program of so many random layers."""
    draw = random.Random(f"training {seed}")
    chosen = [_layer(draw) for _ in range(layers)]
    return training(chosen, draw.randint(1, 2), early=draw.random() < 0.5, watched=draw.random() < 0.3)


def _layer(draw: random.Random) -> Layer:
    scratch = draw.choice((0, 0, 2))
    return Layer(draw.choice(KINDS), draw.randint(1, 6), draw.randint(0, 4), scratch, tied=draw.random() < 0.2)


def _case(seed: int) -> Case:
    draw = random.Random(seed)
    heuristics: Sequence[str] = sorted(HEURISTICS)
    program = random_program(seed) if seed % 4 == 0 else training_program(seed, draw.randint(3, 12))
    least, most = floor(program), eager_peak(program)
    return Case(
        program,
        least + (most - least) * draw.randint(2, 8) // 8,
        heuristics[seed % len(heuristics)],
        DEALLOCATIONS[seed // len(heuristics) % len(DEALLOCATIONS)],
    )
