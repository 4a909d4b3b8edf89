# SPDX-License-Identifier: Apache-2.0
"""The symbolic reading: rules and invariants as Z3 terms, from the same definitions.

Storages, frames, calls and versions are integers, values an uninterpreted sort, maps arrays, sets
predicates. The program is any program: its facts are uninterpreted functions. Terms are there so that
every rule can be read; nothing is proved of them yet. Only this file and ``proofs.py`` import z3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

import z3

from .configuration import Configuration
from .readings import EMPTY, Set, ite, no

INT, BOOL = z3.IntSort(), z3.BoolSort()
TERM = z3.DeclareSort("Term")
SET = z3.ArraySort(INT, BOOL)
TERMS = z3.ArraySort(INT, TERM)

FIELDS: dict[str, z3.SortRef | tuple[z3.SortRef, ...]] = {
    **dict.fromkeys(("position", "budget", "used", "clock", "depth"), INT),
    "stopped": BOOL,
    **dict.fromkeys(("alive", "resident", "recoverable", "executed"), z3.ArraySort(INT, BOOL)),
    **dict.fromkeys(
        ("version", "handles", "target", "stage", "call", "cursor", "held", "owed"), z3.ArraySort(INT, INT)
    ),
    "content": TERMS,
    **dict.fromkeys(("kept", "locked", "unbound"), z3.ArraySort(INT, SET)),
    **dict.fromkeys(("kept_content", "outcome"), z3.ArraySort(INT, TERMS)),
}
"""The sort of each field of a configuration."""

_FRESH = count()


@no.register
def _(condition: z3.BoolRef) -> Any:
    return z3.Not(condition)


@ite.register
def _(condition: z3.BoolRef, then: Any, otherwise: Any) -> Any:
    return z3.If(condition, then, otherwise)


def bound(name: str = "x") -> z3.ArithRef:
    """A variable that nothing else uses."""
    return z3.Int(f"{name}!{next(_FRESH)}")


@dataclass(frozen=True)
class SymbolicSet:
    """A set of integers as its membership predicate."""

    has: Callable[[Any], Any]

    def every(self, holds: Callable[[Any], Any]) -> z3.BoolRef:
        """Guarded for-all."""
        x = bound()
        return z3.ForAll([x], z3.Implies(self.has(x), holds(x)))

    def where(self, holds: Callable[[Any], Any]) -> "SymbolicSet":
        """A comprehension."""
        return SymbolicSet(lambda x: z3.And(self.has(x), holds(x)))

    def add(self, item: Any) -> "SymbolicSet":
        """The set with one more member."""
        return SymbolicSet(lambda x: z3.Or(x == item, self.has(x)))

    def remove(self, item: Any) -> "SymbolicSet":
        """The set without a member."""
        return SymbolicSet(lambda x: z3.And(x != item, self.has(x)))

    @property
    def array(self) -> z3.ExprRef:
        """The set as a Z3 array."""
        x = bound()
        return z3.Lambda([x], self.has(x))


@dataclass(frozen=True)
class SymbolicMap:
    """A map as a Z3 array; entries that are arrays are sets or maps in turn."""

    array: Any

    def __getitem__(self, key: Any) -> Any:
        return _wrapped(z3.Select(self.array, key))

    def set(self, key: Any, value: Any) -> "SymbolicMap":
        """The map with one entry changed."""
        return SymbolicMap(z3.Store(self.array, key, _bare(value)))

    def set_each(self, keys: SymbolicSet, value: Callable[[Any], Any]) -> "SymbolicMap":
        """The pointwise map."""
        x = bound()
        return SymbolicMap(z3.Lambda([x], z3.If(keys.has(x), _bare(value(x)), z3.Select(self.array, x))))


def _wrapped(value: Any) -> Any:
    """A Z3 term as the rules use it."""
    if value.sort() == SET:
        return SymbolicSet(lambda x: z3.Select(value, x))
    return SymbolicMap(value) if z3.is_array(value) else value


def _bare(value: Any) -> Any:
    """What the rules made, as a Z3 term."""
    match value:
        case SymbolicSet() | SymbolicMap():
            return value.array
        case Set() if value == EMPTY:
            return z3.K(INT, z3.BoolVal(False))
        case bool():
            return z3.BoolVal(value)
        case int():
            return z3.IntVal(value)
    return value


class SymbolicFacts:
    """Any program: its facts are uninterpreted, constrained only by ``axioms``."""

    _ints = ("kind", "handle", "subject", "size", "cost", "chain", "version_read", "fresh_bytes")
    _bools = ("asks", "asked", "recipe_reads")
    _sets = ("read", "created", "written", "readers")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in self._ints:
            return lambda *arguments: _function(name, INT, arguments)
        if name in self._bools:
            return lambda *arguments: _function(name, BOOL, arguments)
        if name in self._sets:
            return lambda owner: SymbolicSet(lambda x: _function(name, BOOL, (owner, x)))
        raise AttributeError(name)

    def frames(self, c: Configuration) -> SymbolicSet:
        """The frames under way."""
        return SymbolicSet(lambda d: z3.And(d >= 1, d <= c.depth))

    def all_storages(self) -> SymbolicSet:
        """All storages of the program."""
        return SymbolicSet(lambda s: s >= 0)

    def storages(self, c: Configuration) -> SymbolicSet:
        """The storages that exist."""
        return SymbolicSet(lambda s: c.alive[s])

    def leaf(self, storage: Any) -> Any:
        """The content of a constant."""
        return _function("leaf", TERM, (storage,))

    def no_outcome(self) -> SymbolicMap:
        """Terms that say nothing."""
        return SymbolicMap(z3.Const(f"no_outcome!{next(_FRESH)}", TERMS))

    def result(self, c: Configuration, frame: Any, storage: Any) -> Any:
        """The term that the frame's call computes for a storage, from the contents that it can see."""
        seen = (c.call[frame], storage, c.content.array, c.outcome[frame].array, c.kept_content.array)
        return _function("result", TERM, seen)


def _function(name: str, result: z3.SortRef, arguments: tuple[Any, ...]) -> Any:
    terms = [z3.IntVal(int(a)) if isinstance(a, int) else a for a in arguments]
    return z3.Function(name, *(t.sort() for t in terms), result)(*terms)


def axioms() -> Iterator[z3.BoolRef]:
    """What ``program.py`` guarantees of every program, as far as the proofs use it."""
    facts = SymbolicFacts()
    x, k = z3.Ints("x k")
    yield z3.ForAll([x], facts.size(x) >= 0)
    yield z3.ForAll([k, x], z3.Implies(facts.written(k).has(x), facts.read(k).has(x)))
    yield z3.ForAll([k, x], z3.Implies(facts.created(k).has(x), z3.Not(facts.read(k).has(x))))
    yield z3.ForAll([k, x], z3.Implies(facts.created(k).has(x), x >= 0))


def configuration(name: str) -> Configuration:
    """An arbitrary configuration, each field a Z3 constant."""
    constants = {field: z3.Const(f"{name}.{field}", sort) for field, sort in FIELDS.items()}
    missing = {f.name for f in fields(Configuration)} - set(constants) - {"facts"}
    assert not missing, f"no sort is given for {missing}"
    return Configuration(
        facts=SymbolicFacts(),
        **{field: SymbolicMap(value) if z3.is_array(value) else value for field, value in constants.items()},
    )
