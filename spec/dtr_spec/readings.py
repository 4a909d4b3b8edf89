# SPDX-License-Identifier: Apache-2.0
"""What a rule may be written with, and its meaning over plain values.

A rule is a Python function over a configuration. It uses only ``&``, ``|``, comparisons, ``+``, ``-``,
the functions ``no``, ``implies`` and ``ite``, maps (``m[k]``, ``m.set``, ``m.set_each``) and sets
(``has``, ``every``, ``add``, ``remove``, ``where``). Hence one definition has three readings: over values it runs
(this file), over Z3 terms it is proved about (``symbolic.py``), over text it prints itself
(``text.py``). The other two register their own ``negation`` and ``choice``.
"""

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import Any


def no(condition: Any) -> Any:
    """Negation."""
    if condition is True:
        return False
    return True if condition is False else negation(condition)


def ite(condition: Any, then: Any, otherwise: Any) -> Any:
    """If-then-else; both branches are evaluated."""
    if condition is True:
        return then
    return otherwise if condition is False else choice(condition, then, otherwise)


@singledispatch
def negation(condition: Any) -> Any:
    """``no`` of what is no value."""
    raise TypeError(f"no reading of negation for {type(condition).__name__}")


@singledispatch
def choice(condition: Any, then: Any, otherwise: Any) -> Any:
    """``ite`` of what is no value."""
    raise TypeError(f"no reading of if-then-else for {type(condition).__name__}")


def implies(premise: Any, conclusion: Any) -> Any:
    """Implication."""
    return no(premise) | conclusion


class Set(frozenset[Any]):
    """A finite set of storages or frames."""

    has = frozenset[Any].__contains__
    """Membership."""

    def every(self, holds: Callable[[Any], bool]) -> bool:
        """Guarded for-all: ``holds`` is true of each member."""
        for item in self:  # noqa: SIM110  # twice as fast as a generator, in what exploration does most
            if not holds(item):
                return False
        return True

    def where(self, holds: Callable[[Any], bool]) -> "Set":
        """The members of which ``holds`` is true."""
        return Set([item for item in self if holds(item)])

    def add(self, item: Any) -> "Set":
        """The set with one more member."""
        return Set(self | {item})

    def remove(self, item: Any) -> "Set":
        """The set without a member."""
        return Set(self - {item})


EMPTY = Set()


class Map:
    """A persistent total map: a default, and entries that differ from it.

    Baker's representation: the newest version is a plain dict, older versions are chains of
    differences to it, so a run that only moves forward pays a dict's price. Reading an older
    version makes that one the plain dict again.
    """

    __slots__ = ("_default", "_difference", "_frozen", "_table")

    def __init__(self, default: Any, table: dict[Any, Any] | None = None) -> None:
        self._default = default
        self._table: dict[Any, Any] | None = {} if table is None else table
        self._difference: tuple[Any, Any, Map] | None = None
        self._frozen: frozenset[tuple[Any, Any]] | None = None

    @property
    def default(self) -> Any:
        """What the map holds where no entry differs."""
        return self._default

    def __getitem__(self, key: Any) -> Any:
        table = self._table
        if table is None:
            table = self._current()
        return table.get(key, self._default)

    def set(self, key: Any, value: Any) -> "Map":
        """The map with one entry changed."""
        table = self._table
        if table is None:
            table = self._current()
        old = table.get(key, self._default)
        if old is value or old == value:
            return self
        _put(table, key, value, self._default)
        newer = Map(self._default, table)
        self._table, self._difference = None, (key, old, newer)
        return newer

    def set_each(self, keys: Set, value: Callable[[Any], Any]) -> "Map":
        """The pointwise map: each key of ``keys`` gets its value, computed from the old map."""
        newer = self
        for key, item in [(key, value(key)) for key in keys]:
            newer = newer.set(key, item)
        return newer

    def items(self) -> Iterator[tuple[Any, Any]]:
        """The entries that differ from the default, in key order."""
        table = self._current()
        return iter([(key, table[key]) for key in sorted(table)])

    def frozen(self) -> frozenset[tuple[Any, Any]]:
        """A hashable copy, made once."""
        if self._frozen is None:
            self._frozen = frozenset((k, v.frozen() if isinstance(v, Map) else v) for k, v in self._current().items())
        return self._frozen

    def _current(self) -> dict[Any, Any]:
        if self._table is None:
            self._reroot()
        assert self._table is not None
        return self._table

    def _reroot(self) -> None:
        path: list[Map] = []
        node = self
        while node._difference is not None:
            path.append(node)
            node = node._difference[2]
        for older in reversed(path):
            assert older._difference is not None
            key, value, newer = older._difference
            table = newer._table
            assert table is not None
            newer._difference = (key, table.get(key, newer._default), older)
            newer._table = None
            _put(table, key, value, older._default)
            older._table, older._difference = table, None


def _put(table: dict[Any, Any], key: Any, value: Any, default: Any) -> None:
    if value is default or (type(value) is not Map and value == default):
        table.pop(key, None)
    else:
        table[key] = value
