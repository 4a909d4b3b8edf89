# SPDX-License-Identifier: Apache-2.0
"""A configuration of values in the symbolic reading: the same rule, solved for its operands instead of run."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import z3

from dtr_spec.configuration import Configuration
from dtr_spec.facts import CLIENT, Facts, Kind
from dtr_spec.readings import Map
from dtr_spec.rules import Rule, seen
from dtr_spec.symbolic import FIELDS, INT, TERM, TERMS, SymbolicFacts, SymbolicMap, lifted, literal


def solutions(c: Configuration, rule: Rule, most: int) -> set[tuple[int, ...]]:
    """All operands from 0 to ``most`` for which Z3 finds that the rule's premises hold at a configuration of values.

    Raises ``RuntimeError`` if Z3 cannot decide.
    """
    solver, operands = z3.Solver(), [z3.Int(f"operand {i}") for i in range(len(rule.operands))]
    solver.add(*known(c), *(z3.And(operand >= 0, operand <= most) for operand in operands))
    solver.add(*rule(lifted(c, SymbolicFacts()), *operands).premises)
    found: set[tuple[int, ...]] = set()
    while (answer := solver.check()) == z3.sat:
        model: Any = solver.model()
        values = tuple(model.eval(operand, model_completion=True).as_long() for operand in operands)
        found.add(values)
        solver.add(z3.Not(z3.And(*(operand == value for operand, value in zip(operands, values, strict=True)))))
    if answer == z3.unknown:
        raise RuntimeError(f"{rule.name}: {solver.reason_unknown()}")
    return found


def differing(c: Configuration, rule: Rule, operands: tuple[int, ...], after: Configuration) -> list[str]:
    """The fields in which the symbolic reading's next configuration can differ from ``after``.

    Values are constants of Z3's, one a term, and of what calls compute it knows what they compute at ``c``.
    """
    symbolic = rule(lifted(c, _Plugged()), *map(z3.IntVal, operands)).after()
    expected = lifted(after, SymbolicFacts())
    solver = z3.Solver()
    solver.add(*known(c), *_computed(c))
    wrong = []
    for field in FIELDS:
        one, other = (_bare(getattr(side, field)) for side in (symbolic, expected))
        solver.push()
        solver.add(z3.Or(*_differences(one, other, range(CLIENT, len(c.facts.program.commands) + 4))))
        if solver.check() != z3.unsat:
            wrong.append(field)
        solver.pop()
    return wrong


class _Plugged(SymbolicFacts):
    """Where no terms are known, the map of none, as over values."""

    def no_outcome(self) -> SymbolicMap:
        return SymbolicMap(literal(Map(None), TERMS))


def known(c: Configuration) -> Iterator[Any]:
    """The facts of the program of a configuration of values, one equation each, as far as the rules may ask."""
    facts, unknown = c.facts, SymbolicFacts()
    storages, positions = range(len(facts.program.sizes)), range(len(facts.program.commands) + 1)
    for p in positions:
        for name in ("kind", "handle", "subject"):
            yield getattr(unknown, name)(p) == int(getattr(facts, name)(p))
    for k in (CLIENT, *sorted(facts.calls())):
        yield from _call(facts, k)
    for s in storages:
        yield unknown.size(s) == facts.size(s)
        yield unknown.readers(s).array == _array(facts.readers(s))
        yield from (unknown.chain(s, i) == facts.chain(s, i) for i in sorted(facts.numbers()))
        for x, v in product(storages, sorted(facts.numbers())):
            yield unknown.first_reading(x, s, v) == facts.first_reading(x, s, v)


def _call(facts: Facts, k: int) -> Iterator[Any]:
    unknown, n = SymbolicFacts(), z3.Int("n")
    for name in ("read", "created", "written"):
        yield getattr(unknown, name)(k).array == _array(getattr(facts, name)(k))
    yield unknown.bytes(unknown.created(k)) == facts.fresh_bytes(k)
    if k != CLIENT:
        yield unknown.cost(k) == facts.cost(k)
    for s in range(len(facts.program.sizes)):
        yield unknown.version_read(k, s) == facts.version_read(k, s)
    for t in (CLIENT, *range(len(facts.program.sizes))):
        for i in range(len(facts.requests(k, t)) + 2):
            yield unknown.asked(k, t, i) == z3.BoolVal(facts.asked(k, t, i))
            pieces = z3.Or(*(n == piece for piece in facts.pieces(k, t, i)))
            yield z3.ForAll([n], unknown.asks(k, t, i, n) == pieces)


def _computed(c: Configuration) -> Iterator[Any]:
    """What the constant to come holds, and what the top frame's call computes from the inputs that it has at ``c``.

    The results are said of any map from storages to terms that agrees on what the call reads.
    """
    facts, top, contents = c.facts, c.depth, z3.Const("contents", TERMS)
    if facts.kind(c.position) is Kind.CONSTANT:
        new = facts.subject(c.position)
        yield SymbolicFacts().leaf(new) == literal(facts.leaf(new), TERM)
    if top == 0:
        return
    call = c.call[top]
    inputs = {x: seen(c, top, x) for x in facts.read(call)}
    agree = z3.And(*(z3.Select(contents, x) == literal(term, TERM) for x, term in inputs.items()))
    for s in sorted(facts.created(call) | facts.written(call)):
        result: Any = z3.Function("result", INT, INT, TERMS, TERM)(call, s, contents)
        term = literal(facts.result(call, s, inputs.__getitem__), TERM)
        yield z3.ForAll([contents], z3.Implies(agree, result == term), patterns=[result])


def _array(members: Any) -> Any:
    array: Any = z3.K(z3.IntSort(), z3.BoolVal(False))
    for member in members:
        array = z3.Store(array, member, z3.BoolVal(True))
    return array


def _bare(value: Any) -> Any:
    value = getattr(value, "array", value)
    return z3.BoolVal(value) if isinstance(value, bool) else value


def _differences(one: Any, other: Any, indices: range) -> Iterator[Any]:
    if z3.is_array(one):
        for index in indices:
            yield from _differences(z3.Select(one, index), z3.Select(other, index), indices)
    else:
        yield one != other
