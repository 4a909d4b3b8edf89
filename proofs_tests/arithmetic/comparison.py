# SPDX-License-Identifier: Apache-2.0
"""``csrc/core/rational.h``, line by line, over words with several readings.

``proofs_tests/core/test_rational.py`` ties it to the compiled code, the lemmas beside it to the rationals.
"""

from dataclasses import dataclass
from typing import Any

from dtr_spec import symbolic  # registers if-then-else for Z3's terms
from dtr_spec.readings import ite

from .words import Word

WORD, WIDE = 64, 128
"""Bits of ``uint64_t`` and of ``dtr::Wide``."""

assert symbolic


@dataclass(frozen=True)
class Score:
    """``dtr::Score``: a numerator of 64 bits over a denominator of 128; denominator 0 is +infinity."""

    numerator: Word
    denominator: Word


@dataclass(frozen=True)
class Product:
    """``dtr::Product``: high * 2^64 + low."""

    high: Word
    low: Word

    def __lt__(self, other: "Product") -> Any:
        return ite(self.high.equals(other.high), self.low < other.low, self.high < other.high)


def ratio(numerator: Word, a: Word, b: Word) -> Score:
    """``ratio`` of ``policy.cpp``: numerator / (a b)."""
    return Score(numerator, a.widened(WIDE) * b.widened(WIDE))


def multiply(a: Word, b: Word) -> Product:
    """A product of 64 by 128 bits."""
    low = a.widened(WIDE) * b.low(WORD).widened(WIDE)
    high = a.widened(WIDE) * b.shifted(WORD).low(WORD).widened(WIDE)
    return Product(high + low.shifted(WORD).low(WORD).widened(WIDE), low.low(WORD))


def less(a: Score, b: Score) -> Any:
    """Whether a < b."""
    narrow = a.numerator.widened(WIDE) * b.denominator.low(WORD).widened(WIDE) < (
        b.numerator.widened(WIDE) * a.denominator.low(WORD).widened(WIDE)
    )
    wide = multiply(a.numerator, b.denominator) < multiply(b.numerator, a.denominator)
    fits = a.denominator.shifted(WORD).is_zero() & b.denominator.shifted(WORD).is_zero()
    return ite(a.denominator.is_zero(), False, ite(b.denominator.is_zero(), True, ite(fits, narrow, wide)))
