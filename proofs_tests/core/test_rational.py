# SPDX-License-Identifier: Apache-2.0
"""The engine's comparison of scores is that of rationals, and that of which the lemmas in ``arithmetic/`` speak."""

from fractions import Fraction
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from dtr_runtime import simulator

from ..arithmetic.comparison import WORD, less, ratio
from ..arithmetic.words import numbers
from ..claims import claim

SIZE = st.integers(0, 2**63 - 1) | st.integers(0, 4) | st.integers(2**63 - 4, 2**63 - 1)
NUMERATOR = SIZE | st.integers(2**64 - 4, 2**64 - 1)


def score(numerator: int, size: int, staleness: int) -> Fraction | float:
    """Division by zero is +infinity."""
    return Fraction(numerator, size * staleness) if size * staleness else float("inf")


@claim(
    "T13",
    "The compiled comparison of scores c / (m s) is that of the rationals, and the one that is proved.",
    method="property-tested",
)
@given(NUMERATOR, SIZE, SIZE, NUMERATOR, SIZE, SIZE)
@example(2**64 - 1, 2**63 - 1, 2**63 - 1, 2**64 - 1, 2**63 - 1, 2**63 - 2)
@example(0, 0, 1, 0, 1, 0)
@example(2**63 - 1, 2**63 - 1, 2**63 - 2, 2**63 - 2, 2**63 - 1, 2**63 - 3)
@example(1, 2**32, 2**32, 1, 2**32, 2**32 - 1)
def test_less_is_less(a: int, m: int, s: int, b: int, n: int, t: int) -> None:
    core: Any = simulator.load()
    words = numbers(WORD, a, m, s, b, n, t)
    compiled = core._less(a, m, s, b, n, t)
    assert compiled == (score(a, m, s) < score(b, n, t))
    assert compiled == less(ratio(*words[:3]), ratio(*words[3:]))


@given(NUMERATOR, SIZE, SIZE, st.integers(1, 2**16))
def test_equal_scores_are_not_less(a: int, m: int, s: int, factor: int) -> None:
    """a / (m s) against the same ratio written otherwise."""
    core: Any = simulator.load()
    if a * factor < 2**64 and m * factor < 2**63:
        assert not core._less(a, m, s, a * factor, m * factor, s)
        assert not core._less(a * factor, m * factor, s, a, m, s)
