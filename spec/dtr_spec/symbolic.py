# SPDX-License-Identifier: Apache-2.0
"""The symbolic reading: rules and invariants as Z3 terms, from the same definitions.

Storages, frames, calls and versions are integers, values an uninterpreted sort, maps arrays, sets
predicates. The program is any program: its facts are uninterpreted functions. Terms are there so that
every rule can be read; nothing is proved of them yet. Only this file and ``proofs.py`` import z3.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import count
from typing import Any, ClassVar

import z3

from .assumptions import ASSUMPTIONS, DECLARED
from .configuration import Configuration, initial
from .facts import Kind
from .program import Program
from .readings import EMPTY, Map, Set, choice, ite, negation

INT, BOOL = z3.IntSort(), z3.BoolSort()
TERM = z3.DeclareSort("Term")
SET = z3.ArraySort(INT, BOOL)
NUMBERS = z3.ArraySort(INT, INT)
TERMS = z3.ArraySort(INT, TERM)
KEPT = z3.ArraySort(INT, SET)

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


@negation.register
def _(condition: z3.BoolRef) -> Any:
    return z3.Not(condition)


@choice.register
def _(condition: z3.BoolRef, then: Any, otherwise: Any) -> Any:
    return z3.If(condition, then, otherwise)


_NESTING = 0
_UNKNOWN = count()


def variables(names: str, sort: z3.SortRef) -> list[Any]:
    """Z3 constants of a sort."""
    return [z3.Const(name, sort) for name in names.split()]


@contextmanager
def bound() -> Iterator[z3.ArithRef]:
    """A variable that no enclosing quantifier uses; equal formulas get equal names."""
    global _NESTING
    _NESTING += 1
    try:
        yield z3.Int(f"x!{_NESTING}")
    finally:
        _NESTING -= 1


@dataclass(frozen=True)
class SymbolicSet:
    """A set of integers as its membership predicate, and as an array where it is stored as one."""

    has: Callable[[Any], Any]
    stored: Any = None

    @property
    def array(self) -> Any:
        """The set as a Z3 array."""
        if self.stored is not None:
            return self.stored
        with bound() as x:
            return z3.Lambda([x], self.has(x))

    def every(self, holds: Callable[[Any], Any]) -> Any:
        """Guarded for-all. It distributes over conjunctions, so that each conjunct has its own patterns."""
        with bound() as x:
            member = self.has(x)
            return z3.And(*[z3.ForAll([x], z3.Implies(member, part)) for part in conjuncts(holds(x))])

    def where(self, holds: Callable[[Any], Any]) -> "SymbolicSet":
        """A comprehension."""
        return SymbolicSet(lambda x: z3.And(self.has(x), holds(x)))

    def add(self, item: Any) -> "SymbolicSet":
        """The set with one more member."""
        return stored(z3.Store(self.array, item, True))

    def remove(self, item: Any) -> "SymbolicSet":
        """The set without a member."""
        return stored(z3.Store(self.array, item, False))


def conjuncts(formula: Any) -> Iterator[Any]:
    """What a formula is the conjunction of."""
    if z3.is_and(formula):
        for part in formula.children():
            yield from conjuncts(part)
    else:
        yield formula


def stored(array: Any) -> SymbolicSet:
    """The set that a Z3 array is."""
    return SymbolicSet(lambda x: z3.Select(array, x), array)


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
        with bound() as x:
            return SymbolicMap(z3.Lambda([x], z3.If(keys.has(x), _bare(value(x)), z3.Select(self.array, x))))


def _wrapped(value: Any) -> Any:
    """A Z3 term as the rules use it."""
    if value.sort() == SET:
        return stored(value)
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

    _sorts: ClassVar[dict[str, z3.SortRef]] = {
        **dict.fromkeys(("kind", "handle", "subject", "size", "cost", "chain", "version_read", "first_reading"), INT),
        **dict.fromkeys(
            ("creator", "mutations", "version_at", "handles_at", "requested", "piece", "length", "end"), INT
        ),
        **dict.fromkeys(("asks", "asked"), BOOL),
        **dict.fromkeys(("read", "created", "written", "readers"), SET),
        **dict.fromkeys(("leaf", "meaning"), TERM),
    }

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._sorts:
            raise AttributeError(name)
        return lambda *arguments: _wrapped(_function(name, self._sorts[name], arguments))

    def positions(self) -> SymbolicSet:
        """The positions of commands."""
        return SymbolicSet(lambda p: z3.BoolVal(True))

    def calls(self) -> SymbolicSet:
        """The positions of calls."""
        return SymbolicSet(lambda k: self.kind(k) == Kind.CALL)

    def numbers(self) -> SymbolicSet:
        """The numbers of versions."""
        return SymbolicSet(lambda v: z3.BoolVal(True))

    def cursors(self, call: Any, target: Any) -> SymbolicSet:
        """How many pieces of a call's profile may be behind it."""
        return SymbolicSet(lambda i: i >= 0)

    def pieces(self, call: Any, target: Any, cursor: Any) -> SymbolicSet:
        """All that a call may ask for next."""
        return SymbolicSet(lambda n: self.asks(call, target, cursor, n))

    def all_storages(self) -> SymbolicSet:
        """All storages of the program."""
        return SymbolicSet(lambda s: s >= 0)

    def storages(self, c: Configuration) -> SymbolicSet:
        """The storages that exist."""
        return self.all_storages().where(lambda s: c.alive[s])

    def frames(self, c: Configuration) -> SymbolicSet:
        """The frames under way."""
        return SymbolicSet(lambda d: z3.And(d >= 1, d <= c.depth))

    def no_outcome(self) -> SymbolicMap:
        """Terms that say nothing."""
        return SymbolicMap(z3.Const(f"no_outcome!{next(_UNKNOWN)}", TERMS))

    def result(self, call: Any, storage: Any, inputs: Callable[[Any], Any]) -> Any:
        """The term that a call computes for a storage from the contents of what it reads."""
        with bound() as x:
            return _function("result", TERM, (call, storage, z3.Lambda([x], inputs(x))))

    def bytes(self, storages: SymbolicSet) -> Any:
        """The bytes of a set of storages."""
        return _function("bytes", INT, (storages.array,))

    def fresh_bytes(self, call: Any) -> Any:
        """The bytes of the storages that a call creates."""
        return self.bytes(self.created(call))

    def resident_bytes(self, c: Configuration) -> Any:
        """The bytes of the storages in memory."""
        return _function("bytes", INT, (c.resident.array,))

    def kept_bytes(self, c: Configuration) -> Any:
        """The bytes of the copies kept aside."""
        return _function("kept_bytes", INT, (c.kept.array,))

    def held_bytes(self, c: Configuration) -> Any:
        """The bytes that frames have allocated and not bound."""
        return _function("held_bytes", INT, (c.held.array, c.depth))


def _function(name: str, result: z3.SortRef, arguments: tuple[Any, ...]) -> Any:
    terms = [z3.IntVal(int(a)) if isinstance(a, int) else a for a in arguments]
    if not terms:
        return z3.Const(name, result)
    return z3.Function(name, *(t.sort() for t in terms), result)(*terms)


def axioms(declared: bool = False) -> Iterator[Any]:
    """What ``program.py`` guarantees of every program, that a call sees only what it reads, and how sums change."""
    facts = SymbolicFacts()
    for assumption in (ASSUMPTIONS | DECLARED if declared else ASSUMPTIONS).values():
        yield assumption(facts)
    yield locality(facts)
    yield from sums(facts)


def locality(facts: SymbolicFacts) -> Any:
    """What a call computes depends on nothing but what it reads."""
    k, s, x = z3.Ints("k s x")
    a, b = z3.Consts("a b", TERMS)
    result = z3.Function("result", INT, INT, TERMS, TERM)
    differ = z3.Exists([x], z3.And(facts.read(k).has(x), z3.Select(a, x) != z3.Select(b, x)))
    one, other = result(k, s, a), result(k, s, b)
    return z3.ForAll([k, s, a, b], z3.Or(differ, one == other), patterns=[z3.MultiPattern(one, other)])


def sums(facts: SymbolicFacts) -> Iterator[Any]:
    """How the sums change when one member does."""
    [members], [kept], [held] = variables("members", SET), variables("kept", KEPT), variables("held", NUMBERS)
    s, v, d, n, m = z3.Ints("s v d n m")
    total: Any = z3.Function("bytes", SET, INT)
    kept_total: Any = z3.Function("kept_bytes", KEPT, INT)
    held_total: Any = z3.Function("held_bytes", NUMBERS, INT, INT)
    size = facts.size(s)

    def change(before: Any, after: Any) -> Any:
        return ite(after, size, 0) - ite(before, size, 0)

    for there in (z3.BoolVal(True), z3.BoolVal(False)):
        one = total(z3.Store(members, s, there))
        yield z3.ForAll(
            [members, s], z3.Implies(s >= 0, one == total(members) + change(members[s], there)), patterns=[one]
        )
        copies = kept_total(z3.Store(kept, s, z3.Store(kept[s], v, there)))
        yield z3.ForAll(
            [kept, s, v], z3.Implies(s >= 0, copies == kept_total(kept) + change(kept[s][v], there)), patterns=[copies]
        )
    nothing = z3.K(INT, z3.BoolVal(False))
    yield total(nothing) == 0
    yield kept_total(z3.K(INT, nothing)) == 0
    yield z3.ForAll([held], held_total(held, 0) == 0)
    whole, part, changed = held_total(held, n), held_total(held, m), held_total(z3.Store(held, d, v), n)
    within = z3.And(d >= 1, d <= n)
    yield z3.ForAll([held, d, v, n], changed == whole + ite(within, v - held[d], 0), patterns=[changed])
    top = z3.Implies(z3.And(n >= 1, m == n - 1), whole == part + held[n])
    yield z3.ForAll([held, n, m], top, patterns=[z3.MultiPattern(whole, part)])


def lifted(c: Configuration, facts: SymbolicFacts) -> Configuration:
    """A configuration of values as Z3 terms. Terms of values become constants named by their text."""
    values = {field: literal(getattr(c, field), sort) for field, sort in FIELDS.items()}
    return Configuration(
        facts=facts, **{name: SymbolicMap(value) if z3.is_array(value) else value for name, value in values.items()}
    )


def literal(value: Any, sort: Any) -> Any:
    """A value as a Z3 term of a sort. A term of values is a constant named by its text."""
    match value:
        case Map():
            array = z3.K(INT, literal(value.default, sort.range()))
            for key, item in value.items():
                array = z3.Store(array, key, literal(item, sort.range()))
            return array
        case Set():
            array = z3.K(INT, z3.BoolVal(False))
            for member in value:
                array = z3.Store(array, member, z3.BoolVal(True))
            return array
        case bool():
            return z3.BoolVal(value)
        case int():
            return z3.IntVal(value)
    return z3.Const(repr(value), TERM)


def start(budget: Any) -> Configuration:
    """The initial configuration of any program."""
    return lifted(initial(Program(()), 0), SymbolicFacts()).but(budget=budget)


def configuration(name: str) -> Configuration:
    """An arbitrary configuration, each field a Z3 constant."""
    constants = {field: z3.Const(f"{name}.{field}", sort) for field, sort in FIELDS.items()}
    missing = {f.name for f in fields(Configuration)} - set(constants) - {"facts"}
    assert not missing, f"no sort is given for {missing}"
    return Configuration(
        facts=SymbolicFacts(),
        **{field: SymbolicMap(value) if z3.is_array(value) else value for field, value in constants.items()},
    )
