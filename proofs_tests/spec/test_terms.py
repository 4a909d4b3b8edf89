# SPDX-License-Identifier: Apache-2.0
"""Terms tell apart whatever an interpretation may: else equality of terms would say little."""

from dataclasses import replace

from hypothesis import given

from dtr_spec.program import Call, Fresh, Program
from dtr_spec.terms import Term, eager, leaf, observation, results, seen, written

from ..claims import claim
from ..differential.arrays import evaluated
from ..strategies.moves import programs

ONE, TWO = leaf(1), leaf(2)
PATHS = [(), ("row",), ("row", "row"), ("row", "column"), ("column", "row"), ("column",)]
CALL = Call("f", (0, 1), (Fresh(2, 1), Fresh(3, 1)), (0, 1), profile=(2,))


def all_results(call: Call, one: Term, two: Term) -> list[Term]:
    """What a call gives to its results and to what it overwrites, and what it would observe."""
    arguments = [(one, ()), (two, ("row",))]
    fresh, overwritten = results(call, arguments)
    return [*fresh, *overwritten.values(), observation(call, arguments)]


@claim(
    "T1",
    "What two reads of a program see as one term has the same bits under views that share memory and writes in place.",
    method="property-tested",
)
@given(programs())
def test_equal_terms_have_equal_bits(program: Program) -> None:
    """The converse is not asked: two views may undo each other."""
    bits: dict[Term, bytes] = {}
    for term, array in zip(eager(program).observations, evaluated(program), strict=True):
        assert bits.setdefault(term, array.tobytes()) == array.tobytes()


def test_views_are_read_and_written_apart() -> None:
    """Names, order and number of views matter, and what was there before; a write without views replaces it."""
    assert len({seen(ONE, path) for path in PATHS}) == len(PATHS)
    assert len({written(ONE, path, TWO) for path in PATHS}) == len(PATHS)
    assert written(ONE, ("row",), TWO) is not written(leaf(3), ("row",), TWO)
    assert written(ONE, (), TWO) is TWO


def test_results_differ_from_each_other_and_by_operator_and_order() -> None:
    """The place of a result, the operator's name, and the order of its arguments matter; cost and handles do not."""
    usual = all_results(CALL, ONE, TWO)
    assert len(set(usual)) == len(usual)
    assert not set(usual) & set(all_results(replace(CALL, op="g"), ONE, TWO))
    for other in ((TWO, ONE), (leaf(3), TWO), (ONE, leaf(3))):
        assert not set(usual) & set(all_results(CALL, *other))
    assert usual == all_results(replace(CALL, inputs=(7, 8), cost=9), ONE, TWO)
