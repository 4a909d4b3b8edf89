# SPDX-License-Identifier: Apache-2.0
"""T13 in two lemmas: nothing wraps at the compiled widths; and where nothing wraps, the order is that of the rationals.

Both speak of the same definitions (``comparison.py``): the first over bit-vectors, the second over integers.
"""

from collections.abc import Callable
from typing import Any

import z3

from ..claims import claim
from .comparison import WIDE, WORD, Product, Score, less, multiply, ratio
from .solver import Status, generalized, status
from .words import Obligations, Word, bits, whole

Comparison = Callable[[Score, Score], Any]


def wraps(compute: Callable[[list[Word], list[Word]], object]) -> dict[str, Status]:
    """Each kind of sum and product in a computation on arbitrary words and wide words, and whether it never wraps."""
    owed = Obligations()
    compute(bits(WORD, "a m s b", owed), bits(WIDE, "c d", owed))
    kinds = {str(kind): kind for kind in map(generalized, owed.formulas)}
    return {name: status([], kind) for name, kind in kinds.items()}


def order(compare: Comparison) -> Status:
    """Whether the comparison is that of the rationals, with n / 0 above all numbers and not below itself."""
    owed = Obligations()
    a, b = whole(WORD, "a b", owed)
    c, d = whole(WIDE, "c d", owed)
    found = compare(Score(a, c), Score(b, d))
    numbers: list[Any] = [z3.ToReal(word.value) for word in (a, b, c, d)]
    one, other = numbers[0] / numbers[2], numbers[1] / numbers[3]
    expected = z3.If(z3.And(c.value > 0, d.value > 0), one < other, z3.And(c.value > 0, d.value == 0))
    return status(owed.formulas, found == expected)


@claim("T13", "No sum or product wraps when scores are compared in 64 and 128 bits.", method="proved for all")
def test_nothing_wraps(claim_scope: Callable[[str], None]) -> None:
    """Bit-vectors: any numerators, sizes and stalenesses of 64 bits, any denominators of 128."""

    def scoring(words: list[Word], wide: list[Word]) -> None:
        ratio(*words[:3])
        less(Score(words[0], wide[0]), Score(words[3], wide[1]))

    found = wraps(scoring)
    assert set(found.values()) == {"proved"}
    assert len(found) == 3, "a product of two words, its bound, and a number within it plus a word"
    claim_scope(f"{len(found)} statements")


@claim("T13", "Without overflow the comparison of scores is that of the rationals.", method="proved for all")
def test_the_order_is_that_of_the_rationals() -> None:
    """Integers: any numerators below 2^64, any denominators below 2^128, zero included."""
    assert order(less) == "proved"


# Planted faults.


def product_in_64_bits(numerator: Word, a: Word, b: Word) -> Score:
    return Score(numerator, (a * b).widened(WIDE))


def sum_in_64_bits(a: Word, b: Word) -> Product:
    low, high = a * b.low(WORD), a * b.shifted(WORD).low(WORD)
    return Product((high + low).widened(WIDE), low)


def swapped(a: Score, b: Score) -> Any:
    return less(b, a)


def numerators_swapped(a: Score, b: Score) -> Any:
    return multiply(a.numerator, a.denominator) < multiply(b.numerator, b.denominator)


def without_infinity(a: Score, b: Score) -> Any:
    return multiply(a.numerator, b.denominator) < multiply(b.numerator, a.denominator)


def test_narrow_widths_break_the_first_lemma() -> None:
    """Z3 finds words that wrap when a product is formed in 64 bits."""
    assert set(wraps(lambda words, _: product_in_64_bits(*words[:3])).values()) == {"refuted"}
    assert "refuted" in wraps(lambda words, wide: sum_in_64_bits(words[0], wide[0])).values()


def test_swapped_sides_break_the_second_lemma() -> None:
    """Z3 finds scores that are ordered wrongly; so it does without a case for infinity."""
    for wrong in (swapped, numerators_swapped, without_infinity):
        assert order(wrong) == "refuted", wrong.__name__
