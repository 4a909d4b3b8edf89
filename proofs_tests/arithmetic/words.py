# SPDX-License-Identifier: Apache-2.0
"""Unsigned words of C++, with three readings: numbers that wrap, bit-vectors of Z3, and integers of Z3.

A computation written with ``Word`` runs on plain numbers exactly as the compiled code does, wrapping
around where that would. Over bit-vectors each sum and product leaves the obligation that it does not
wrap. Where it never does, the computation means the same over the integers, which is the third reading.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import z3

Arithmetic = Callable[[Any, Any], Any]


@dataclass
class Obligations:
    """What a reading owes: that nothing wraps (bit-vectors), or what defines its integers."""

    formulas: list[Any] = field(default_factory=list)
    divided: dict[tuple[Any, int], tuple[z3.ArithRef, z3.ArithRef]] = field(default_factory=dict)
    """Quotient and remainder of what has been divided, by what."""
    bounded: list[tuple[z3.BitVecRef, Any]] = field(default_factory=list)
    """What stands for a product, and the bound that is known of it."""


@dataclass(frozen=True)
class Word:
    """An unsigned number of ``width`` bits: a Python ``int``, a ``z3.BitVecRef`` or a ``z3.ArithRef``."""

    width: int
    value: Any
    owed: Obligations

    def __add__(self, other: "Word") -> "Word":
        return self._computed(other, lambda a, b: a + b, z3.BVAddNoOverflow)

    def __mul__(self, other: "Word") -> "Word":
        product = self._computed(other, lambda a, b: a * b, z3.BVMulNoOverflow)
        most = _most(self.value) * _most(other.value)
        if not isinstance(product.value, z3.BitVecRef) or most >= 2**self.width:
            return product
        # What follows is owed of any number so large: to reason about the product itself once more would be slow.
        self.owed.formulas.append(z3.ULE(product.value, most))
        number: Any = z3.FreshConst(product.value.sort())
        self.owed.bounded.append((number, z3.ULE(number, most)))
        return Word(self.width, number, self.owed)

    def widened(self, width: int) -> "Word":
        """The same number in a wider word."""
        bits = isinstance(self.value, z3.BitVecRef)
        return Word(width, z3.ZeroExt(width - self.width, self.value) if bits else self.value, self.owed)

    def low(self, width: int) -> "Word":
        """The last ``width`` bits, as a conversion to a narrower type leaves them.

        Over bit-vectors: any bits. What never wraps for all of them does not wrap for these.
        """
        match self.value:
            case int():
                return Word(width, self.value % 2**width, self.owed)
            case z3.BitVecRef():
                return Word(width, z3.FreshConst(z3.BitVecSort(width)), self.owed)
        return Word(width, self._parts(width)[1], self.owed)

    def shifted(self, width: int) -> "Word":
        """What is left of the word when its last ``width`` bits are shifted out."""
        match self.value:
            case int():
                return Word(self.width, self.value >> width, self.owed)
            case z3.BitVecRef():
                return Word(self.width, z3.LShR(self.value, width), self.owed)
        return Word(self.width, self._parts(width)[0], self.owed)

    def __lt__(self, other: "Word") -> Any:
        if isinstance(self.value, z3.BitVecRef):
            return z3.ULT(self.value, other.value)
        return self.value < other.value

    def is_zero(self) -> Any:
        """Comparison with 0."""
        return self.value == 0

    def equals(self, other: "Word") -> Any:
        """Comparison with a word of the same width."""
        assert self.width == other.width
        return self.value == other.value

    def _computed(self, other: "Word", compute: Arithmetic, fits: Callable[[Any, Any, bool], Any]) -> "Word":
        assert self.width == other.width, f"{self.width} bits with {other.width}"
        value = compute(self.value, other.value)
        if isinstance(self.value, int):
            value %= 2**self.width
        elif isinstance(self.value, z3.BitVecRef):
            known = [bound for x, bound in self.owed.bounded if x.eq(self.value) or x.eq(other.value)]
            self.owed.formulas.append(z3.Implies(z3.And(known), fits(self.value, other.value, False)))
        return Word(self.width, value, self.owed)

    def _parts(self, width: int) -> tuple[z3.ArithRef, z3.ArithRef]:
        """Quotient and remainder by 2**width, as the two numbers that Euclid's division defines."""
        key = (self.value, width)
        if key not in self.owed.divided:
            quotient, rest = z3.FreshInt("quotient"), z3.FreshInt("rest")
            self.owed.formulas.append(z3.And(self.value == quotient * 2**width + rest, rest >= 0, rest < 2**width))
            self.owed.divided[key] = quotient, rest
        return self.owed.divided[key]


def _most(value: Any) -> int:
    """The greatest number that a bit-vector, widened from fewer bits or not, can be; 0 of other readings."""
    if not isinstance(value, z3.BitVecRef):
        return 0
    narrow = value.arg(0) if z3.is_app_of(value, z3.Z3_OP_ZERO_EXT) else value
    assert isinstance(narrow, z3.BitVecRef)
    return 2 ** narrow.size() - 1


def numbers(width: int, *values: int) -> list[Word]:
    """Words that wrap as the machine's do."""
    owed = Obligations()
    return [Word(width, value, owed) for value in values]


def bits(width: int, names: str, owed: Obligations) -> list[Word]:
    """Arbitrary words as bit-vectors."""
    return [Word(width, z3.BitVec(name, width), owed) for name in names.split()]


def whole(width: int, names: str, owed: Obligations) -> list[Word]:
    """Arbitrary words as integers; that they fit their width is owed."""
    words = [Word(width, z3.Int(name), owed) for name in names.split()]
    owed.formulas += [z3.And(word.value >= 0, word.value < 2**width) for word in words]
    return words
