# SPDX-License-Identifier: Apache-2.0
"""Lemmas about sums, which the proofs use and Z3 proves from the definition of a sum, by induction.

A sum over a finite set is the sum of a sequence of numbers below a bound past all members. ``prefix(f, n)`` is that
of f(0), ..., f(n - 1).
"""

from collections.abc import Iterator
from typing import Any

import z3

from .readings import ite
from .symbolic import INT, KEPT, NUMBERS, SET, SymbolicFacts, variables

Lemma = tuple[str, list[Any], Any]
"""A name, hypotheses, a conclusion."""

_PREFIX: Any = z3.Function("prefix", NUMBERS, INT, INT)


def sum_lemmas() -> Iterator[Lemma]:
    """T2: the bytes of a set, of kept copies and of frames change by one member's when one member comes or goes."""
    yield from _sequences()
    yield from _members()
    yield from _copies()
    yield from _frames()


def _unfolded(f: Any, n: Any) -> list[Any]:
    """The definition of the sum of f at n and the next bound."""
    return [_PREFIX(f, 0) == 0, z3.Implies(n >= 0, _PREFIX(f, n + 1) == _PREFIX(f, n) + f[n])]


def _change(f: Any, i: Any, new: Any, n: Any) -> Any:
    """The sum below n after f(i) becomes ``new``."""
    inside = z3.And(i >= 0, i < n)
    return _PREFIX(z3.Store(f, i, new), n) == _PREFIX(f, n) + ite(inside, new - f[i], 0)


def _sequences() -> Iterator[Lemma]:
    """By induction on the bound: changing one number changes the sum by the difference; equal sequences sum alike."""
    f, g = variables("f g", NUMBERS)
    i, new, n = z3.Ints("i new n")
    changed: Any = z3.Store(f, i, new)
    yield (
        "one number, base",
        [*_unfolded(f, z3.IntVal(0)), *_unfolded(changed, z3.IntVal(0))],
        _change(f, i, new, z3.IntVal(0)),
    )
    step = [n >= 0, _change(f, i, new, n), *_unfolded(f, n), *_unfolded(changed, n)]
    yield "one number, step", step, _change(f, i, new, n + 1)
    alike = z3.Implies(n >= 0, f[n] == g[n])
    yield "equal sequences, base", [*_unfolded(f, n), *_unfolded(g, n)], _PREFIX(f, 0) == _PREFIX(g, 0)
    step = [n >= 0, alike, _PREFIX(f, n) == _PREFIX(g, n), *_unfolded(f, n), *_unfolded(g, n)]
    yield "equal sequences, step", step, _PREFIX(f, n + 1) == _PREFIX(g, n + 1)


def _sizes(members: Any, size: Any) -> Any:
    """The sequence whose sum is the bytes of a set."""
    x = z3.Int("x")
    return z3.Lambda([x], ite(members[x], size(x), 0))


def _members() -> Iterator[Lemma]:
    """A set with or without s has the sequence of the set, changed at s alone, by what ``sums`` says."""
    [members], facts = variables("members", SET), SymbolicFacts()
    s, x = z3.Ints("s x")
    there = z3.Bool("there")
    before, after = _sizes(members, facts.size), _sizes(z3.Store(members, s, there), facts.size)
    yield "one member", [], after[x] == z3.Select(z3.Store(before, s, ite(there, facts.size(s), 0)), x)


def _copies() -> Iterator[Lemma]:
    """The bytes of kept copies: a storage's size times the number of its versions kept, which changes by one."""
    [kept], facts = variables("kept", KEPT), SymbolicFacts()
    count: Any = z3.Function("count", SET, INT)
    s, v, x = z3.Ints("s v x")
    there = z3.Bool("there")
    after: Any = z3.Store(kept, s, z3.Store(kept[s], v, there))
    delta = ite(there, 1, 0) - ite(kept[s][v], 1, 0)
    counted = count(after[s]) == count(kept[s]) + delta
    yield "another storage's copies", [x != s], facts.size(x) * count(after[x]) == facts.size(x) * count(kept[x])
    bytes_delta = ite(there, facts.size(s), 0) - ite(kept[s][v], facts.size(s), 0)
    yield (
        "a storage's copies",
        [counted],
        facts.size(s) * count(after[s]) == facts.size(s) * count(kept[s]) + bytes_delta,
    )


def _frames() -> Iterator[Lemma]:
    """The bytes of frames 1 to n are the sum of the sequence that starts with frame 1."""
    [held] = variables("held", NUMBERS)
    d, n, v, x = z3.Ints("d n v x")
    before: Any = z3.Lambda([x], held[x + 1])
    moved: Any = z3.Store(held, d, v)
    after: Any = z3.Lambda([x], moved[x + 1])
    yield "a frame's bytes", [], after[x] == z3.Select(z3.Store(before, d - 1, v), x)
    yield "one frame less", [n >= 1, *_unfolded(before, n - 1)], _PREFIX(before, n) == _PREFIX(before, n - 1) + held[n]
