# SPDX-License-Identifier: Apache-2.0
"""Every bit that an operator reads matters, and nothing else does."""

from dataclasses import replace

import numpy as np
import pytest

from dtr_reference import Mixing
from dtr_reference.values import Words
from dtr_spec.program import Call, Fresh

MIXING = Mixing()
ONE, TWO = MIXING.constant(1), MIXING.constant(2)
CALL = Call("f", (0, 1), (Fresh(2, 1), Fresh(3, 1)), (0, 1), 1, (2,))


def all_results(call: Call, one: Words, two: Words) -> list[bytes]:
    """The bytes of every result of a call on two contents."""
    fresh, mutated = MIXING.results(call, [(one, ()), (two, ("row",))])
    written = MIXING.written(two, ("row",), mutated[1])
    seen = MIXING.observation(call, [(one, ()), (two, ("row",))])
    return [value.tobytes() for value in (*fresh, *mutated.values(), written, seen)]


@pytest.mark.parametrize("bit", range(4 * 64))
def test_every_bit_of_every_argument_matters(bit: int) -> None:
    """A flip of any one changes every result."""
    flip = np.zeros(4, np.uint64)
    flip[bit // 64] = np.uint64(1) << np.uint64(bit % 64)
    usual = all_results(CALL, ONE, TWO)
    assert all(a != b for a, b in zip(usual, all_results(CALL, ONE ^ flip, TWO), strict=True))
    assert all(a != b for a, b in zip(usual, all_results(CALL, ONE, TWO ^ flip), strict=True))


def test_results_differ_from_each_other_and_by_operator_and_order() -> None:
    """The place of a result, the operator's name, and the order of its arguments matter."""
    usual = all_results(CALL, ONE, TWO)
    assert len(set(usual)) == len(usual)
    assert not set(usual) & set(all_results(replace(CALL, op="g"), ONE, TWO))
    assert not set(usual) & set(all_results(CALL, TWO, ONE))
    plain, swapped = (MIXING.observation(CALL, [(a, ()), (b, ())]) for a, b in ((ONE, TWO), (TWO, ONE)))
    assert plain.tobytes() != swapped.tobytes()


def test_results_depend_on_nothing_else() -> None:
    """The same operator on equal contents computes the same, whatever its cost and handles."""
    assert all_results(CALL, ONE, TWO) == all_results(replace(CALL, inputs=(7, 8), cost=9), ONE.copy(), TWO.copy())


def test_views_are_read_and_written_apart() -> None:
    """Names, order and number of views matter; without views a write replaces the content."""
    call = replace(CALL, outputs=(), mutates=(), profile=())
    paths = [(), ("row",), ("row", "row"), ("row", "column"), ("column", "row"), ("column",)]
    assert len({MIXING.observation(call, [(ONE, path)]).tobytes() for path in paths}) == len(paths)
    assert len({MIXING.written(ONE, path, TWO).tobytes() for path in paths}) == len(paths)
    assert MIXING.written(ONE, (), TWO) is TWO
    assert MIXING.written(ONE, ("row",), ONE).tobytes() != MIXING.written(TWO, ("row",), ONE).tobytes()
