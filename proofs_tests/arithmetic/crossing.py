# SPDX-License-Identifier: Apache-2.0
"""``overtaken`` of ``csrc/core/tournament.cpp``: until when the lesser of two aging scores stays the lesser.

``Crossing`` is its arithmetic on two finite scores, over Python's numbers or Z3's integers.
"""

from dataclasses import dataclass
from typing import Any

FOREVER = 2**63 - 1
"""The greatest clock."""

BITS = 128
"""Of the products."""


@dataclass(frozen=True)
class Contender:
    """A score numerator / (size (clock - since))."""

    numerator: int
    size: int
    since: int


@dataclass(frozen=True)
class Crossing:
    """Winner and loser at some clock."""

    p: Any
    """The winner's numerator times the loser's size."""
    q: Any
    """The loser's numerator times the winner's size."""
    ours: Any
    """The winner's age since its last access, in clock units."""
    theirs: Any
    """The loser's."""

    @property
    def lead(self) -> Any:
        """How far the winner is ahead."""
        return self.q * self.ours - self.p * self.theirs

    @property
    def loss(self) -> Any:
        """How much of the lead a unit of the clock takes."""
        return self.p - self.q


def overtaken(winner: Contender, loser: Contender, tie_is_lost: bool, clock: int) -> int:
    """What the compiled function returns; ``tie_is_lost``: of equal scores the loser's is the least."""
    if loser.size == 0 or clock == FOREVER:
        return FOREVER
    if winner.size == 0 or clock in (winner.since, loser.since):
        clock += 1
        if precedes(loser, winner, tie_is_lost, clock) or clock == FOREVER:
            return clock
    x = Crossing(
        winner.numerator * loser.size, loser.numerator * winner.size, clock - winner.since, clock - loser.since
    )
    if x.p <= x.q:
        return FOREVER
    if not (fit(x.q, x.ours) and fit(x.p, x.theirs)):
        return clock + 1
    quotient, rest = divmod(x.lead, x.loss)
    return min(FOREVER, clock + quotient + (0 if tie_is_lost and rest == 0 else 1))


def fit(a: int, b: int) -> bool:
    """Whether the widths of two factors say that their product fits."""
    return a.bit_length() + b.bit_length() <= BITS


def precedes(a: Contender, b: Contender, ties: bool, clock: int) -> bool:
    """Whether a's score is less than b's, or equal where a has the ties; division by zero is +infinity."""
    one, other = a.size * (clock - a.since), b.size * (clock - b.since)
    if not (one and other):
        return bool(one) or (not other and ties)
    left, right = a.numerator * other, b.numerator * one
    return left < right or (left == right and ties)
