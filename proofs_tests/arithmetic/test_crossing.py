# SPDX-License-Identifier: Apache-2.0
"""T13: until when a match of the tournament holds is computed exactly and without overflow."""

from typing import Any

import z3
from hypothesis import example, given
from hypothesis import strategies as st

from dtr_runtime import simulator

from ..claims import claim
from .crossing import BITS, FOREVER, Contender, Crossing, fit, overtaken, precedes
from .solver import Status, status

X = Crossing(*z3.Ints("p q ours theirs"))
FACTORS: list[Any] = z3.Ints("a b")
NUMBERS: list[Any] = z3.Ints("quotient rest elapsed")
QUOTIENT, REST, ELAPSED = NUMBERS
TIE_IS_LOST = z3.Bool("tie is lost")


def wins(x: Crossing) -> Any:
    """The winner's score is less, or equal and it has the ties: lemma 2 says that cross products order the scores."""
    return z3.Or(x.p * x.theirs < x.q * x.ours, z3.And(x.p * x.theirs == x.q * x.ours, z3.Not(TIE_IS_LOST)))


def later(x: Crossing, elapsed: Any) -> Crossing:
    """The same two, some clock units later."""
    return Crossing(x.p, x.q, x.ours + elapsed, x.theirs + elapsed)


NATURAL = [X.p >= 0, X.q >= 0, X.ours >= 0, X.theirs >= 0, ELAPSED >= 0]
DIVIDED = [X.p > X.q, X.lead == QUOTIENT * X.loss + REST, REST >= 0, X.loss > REST]
TURN = QUOTIENT + z3.If(z3.And(TIE_IS_LOST, REST == 0), 0, 1)


def holds_before(turn: Any, *given: Any) -> Status:
    """Whether the winner wins at all clocks before its turn."""
    return status([*NATURAL, *DIVIDED, *given, wins(X), turn > ELAPSED], wins(later(X, ELAPSED)))


def fails_from(turn: Any, *given: Any) -> Status:
    """Whether the loser wins from then on."""
    return status([*NATURAL, *DIVIDED, *given, wins(X), turn <= ELAPSED], z3.Not(wins(later(X, ELAPSED))))


@claim(
    "T13",
    "A match of the tournament holds until the computed clock, and from then on no more: scores cross once at most.",
    method="proved for all",
)
def test_the_order_changes_exactly_at_the_computed_clock() -> None:
    """Integers: any numerators, sizes and ages. If p <= q the winner stays for ever."""
    assert holds_before(TURN) == "proved"
    assert fails_from(TURN) == "proved"
    assert status([*NATURAL, X.p <= X.q, wins(X)], wins(later(X, ELAPSED))) == "proved"


@claim("T13", "Nothing overflows where a match's end is computed.", method="proved for all")
def test_nothing_wraps() -> None:
    """Products of a numerator and a size fit; so do those that the widths admit; the lead is not negative."""
    a, b = FACTORS
    assert status([a >= 0, a < 2**64, b >= 0, b < 2**63], a * b < 2**BITS) == "proved"
    for width in range(65):
        admitted = [a >= 0, a < 2**width, b >= 0, b < 2 ** (BITS - width)]
        assert status(admitted, a * b < 2**BITS) == "proved"
    assert status([*NATURAL, wins(X)], X.lead >= 0) == "proved"


def test_planted_faults_break_the_proof() -> None:
    """A turn that forgets who has the ties, or comes one unit late or early."""
    small = [X.p <= 3, X.q <= 3, X.ours <= 3, X.theirs <= 3]
    assert holds_before(QUOTIENT + 1, *small) == "refuted"
    assert fails_from(QUOTIENT, *small) == "refuted"
    assert holds_before(TURN + 1, *small) == "refuted"


def test_widths_beyond_the_guard_may_wrap() -> None:
    """The guard is needed: one bit more, and a product may not fit."""
    a, b = FACTORS
    assert status([a >= 0, a < 2**64, b >= 0, b < 2**65], a * b < 2**BITS) == "refuted"


CLOCK = st.integers(0, 2**63 - 1) | st.integers(0, 40) | st.integers(2**63 - 40, 2**63 - 1)
SIZE = st.integers(0, 2**63 - 1) | st.integers(0, 4)
NUMERATOR = SIZE | st.integers(2**64 - 4, 2**64 - 1)
ANY = st.tuples(NUMERATOR, SIZE, CLOCK, NUMERATOR, SIZE, CLOCK, st.booleans(), CLOCK)
FEW = st.integers(0, 9)
SMALL = st.tuples(FEW, FEW, FEW, FEW, FEW, FEW, st.booleans(), st.integers(0, 30))
"""So that the lead is neither 0 nor too large for its guard, and ties happen."""


@claim("T13", "The compiled end of a match is the one that is proved.", method="property-tested")
@given(SMALL | ANY)
@example((7, 0, 0, 5, 1, FOREVER - 1, True, FOREVER - 1))
@example((2**64 - 1, 2**63 - 1, 1, 2**64 - 2, 2**63 - 1, 0, False, FOREVER - 1))
@example((4, 1, 0, 2, 1, 5, True, 10))
@example((2, 1, 0, 1, 1, 5, True, 6))
def test_a_match_holds_until_it_is_overtaken(match: tuple[int, int, int, int, int, int, bool, int]) -> None:
    """And by definition: before that clock the winner wins, at that clock the loser.

    Unless products would not fit, or a score is infinite: then up to a unit early.
    """
    a, m, s, b, n, t, b_has_ties, clock = match
    s, t = min(s, clock), min(t, clock)
    x, y = Contender(a, m, s), Contender(b, n, t)
    first = precedes(x, y, not b_has_ties, clock)
    winner, loser, tie_is_lost = (x, y, b_has_ties) if first else (y, x, not b_has_ties)
    core: Any = simulator.load()
    end = core._overtaken(a, m, s, b, n, t, b_has_ties, clock)
    assert end == overtaken(winner, loser, tie_is_lost, clock)
    assert end > clock or clock == FOREVER
    if end > clock:
        assert precedes(winner, loser, not tie_is_lost, end - 1)
    infinite = winner.size == 0 or clock in (winner.since, loser.since)
    if clock + 1 + infinite < end < FOREVER:
        assert precedes(loser, winner, tie_is_lost, end)


@given(st.integers(1, BITS), st.integers(0, 1), st.data())
def test_the_guard_admits_only_what_fits(width: int, more: int, data: st.DataObject) -> None:
    """Factors whose widths together are those of the product, or a bit more."""
    a, b = (data.draw(st.integers(2**bits // 2, 2**bits - 1)) for bits in (width, BITS - width + more))
    assert fit(a, b) == (more == 0)
    if fit(a, b):
        assert a * b < 2**BITS
