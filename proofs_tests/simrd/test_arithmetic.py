# SPDX-License-Identifier: Apache-2.0
"""Python's arithmetic in C++: quotients of integers, and random numbers."""

import math
import random
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from dtr_runtime import simulator

from ..claims import claim

costs = (
    st.integers(-(2**62), 2**62)
    | st.integers(-(10**4), 10**4)
    | st.integers(2**51 - 2**20, 2**51)
    | st.integers(2**53, 2**62)
)
large = st.integers(2**30, 2**50)
factors = st.integers(0, 2**50) | st.integers(0, 10**4) | large
"""Small numbers, whose quotients are exact, and such that a double holds neither the parts nor the quotient."""

scores = st.tuples(costs, factors, factors)


def quotient(score: tuple[int, int, int]) -> float:
    cost, size, staleness = score
    return cost / (size * staleness) if size * staleness > 0 else math.inf


@claim("simrd", "A score is the correctly rounded quotient that Python computes.", method="property-tested")
@given(scores)
@example((2**53 + 1, 1, 1))
@example((1, 3, 2**52))
def test_quotients_are_pythons(score: tuple[int, int, int]) -> None:
    core: Any = simulator.load()
    assert core._quotient(*score) == quotient(score)


@claim("simrd", "Scores are compared as Python compares the rounded quotients.", method="property-tested")
@given(scores, scores, st.integers(1, 2**10), st.booleans())
def test_comparisons_are_pythons(a: tuple[int, int, int], b: tuple[int, int, int], factor: int, near: bool) -> None:
    core: Any = simulator.load()
    if near and abs(a[0]) < 2**51:
        b = (a[0] * factor + (b[0] % 3 - 1), a[1] * factor, a[2])
    assert core._quotient_at_most(*a, *b) == (quotient(a) <= quotient(b))


@given(
    st.integers(1, 2**51),
    st.integers(2**30, 2**50),
    st.integers(2**30, 2**50),
    st.integers(2, 2**10),
    st.integers(-1, 1),
)
def test_quotients_that_nearly_agree_are_rounded_first(cost: int, m: int, s: int, factor: int, more: int) -> None:
    """Equal rationals whose parts no double holds, and their neighbors."""
    core: Any = simulator.load()
    a, b = (cost, m, s), (cost * factor + more, m * factor, s)
    for one, other in ((a, b), (b, a)):
        assert core._quotient_at_most(*one, *other) == (quotient(one) <= quotient(other))


@claim("simrd", "Random victims are those of Python's generator.", method="property-tested")
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 2**31), max_size=2000))
@example(0, [10] * 2000)
def test_random_numbers_are_pythons(seed: int, below: list[int]) -> None:
    core: Any = simulator.load()
    generator = random.Random(seed)
    pairs = zip(core._draws(seed, below), below, strict=True)
    # Not lists compared: to explain how two long ones differ takes pytest minutes.
    assert all(drawn == generator.randrange(n) for drawn, n in pairs)
