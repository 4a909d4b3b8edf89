# SPDX-License-Identifier: Apache-2.0
"""The textual reading: a rule prints itself as an inference rule."""

from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum
from itertools import count
from types import FunctionType
from typing import Any

from .configuration import Configuration
from .facts import CLIENT
from .readings import Map, Set, choice, negation
from .rules import RULES, Rule

_BOUND = count()


class Text:
    """An expression as text, with the strength of its outermost operator (for parentheses)."""

    def __init__(self, text: str, strength: int = 9) -> None:
        self.text = text
        self.strength = strength

    def __str__(self) -> str:
        return self.text

    def inside(self, strength: int) -> str:
        """The text, in parentheses if its operator binds no stronger than ``strength``."""
        return self.text if self.strength > strength else f"({self.text})"

    def __and__(self, other: Any) -> "Text":
        return _chain(" ∧ ", 3, self, other)

    def __or__(self, other: Any) -> "Text":
        return _chain(" ∨ ", 2, self, other)

    def __eq__(self, other: object) -> "Text":  # pyright: ignore[reportIncompatibleMethodOverride]
        return _infix(" = ", 5, self, other)

    def __ne__(self, other: object) -> "Text":  # pyright: ignore[reportIncompatibleMethodOverride]
        return _infix(" ≠ ", 5, self, other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __le__(self, other: Any) -> "Text":
        return _infix(" ≤ ", 5, self, other)

    def __lt__(self, other: Any) -> "Text":
        return _infix(" < ", 5, self, other)

    def __gt__(self, other: Any) -> "Text":
        return _infix(" > ", 5, self, other)

    def __add__(self, other: Any) -> "Text":
        return _chain(" + ", 6, self, other)

    def __sub__(self, other: Any) -> "Text":
        return _infix(" − ", 6, self, other)

    def __neg__(self) -> "Text":
        return Text(f"−{self.inside(7)}", 7)

    def __getitem__(self, key: Any) -> "Text":
        return Text(f"{self.inside(8)}({text(key)})")

    def set(self, key: Any, value: Any) -> "Text":
        """A map with one entry changed."""
        return Text(f"{self}[{text(key)} ↦ {text(value)}]")

    def set_each(self, keys: "Text", value: Callable[[Any], Any]) -> "Text":
        """A pointwise map."""
        x = _variable()
        return Text(f"{self}[{x} ↦ {text(value(x))} for {x} ∈ {keys}]")

    def has(self, item: Any) -> "Text":
        """Membership."""
        return Text(f"{text(item)} ∈ {self.inside(4)}", 5)

    def every(self, holds: Callable[[Any], Any]) -> "Text":
        """Guarded for-all."""
        x = _variable()
        return Text(f"∀ {x} ∈ {self}. {text(holds(x))}", 1)

    def where(self, holds: Callable[[Any], Any]) -> "Text":
        """A comprehension."""
        x = _variable()
        return Text(f"{{{x} ∈ {self} | {text(holds(x))}}}")

    def add(self, item: Any) -> "Text":
        """A set with one more member."""
        return Text(f"{self} ∪ {{{text(item)}}}", 6)

    def remove(self, item: Any) -> "Text":
        """A set without a member."""
        return Text(f"{self} ∖ {{{text(item)}}}", 6)


@negation.register
def _(condition: Text) -> Text:
    return Text(f"¬{condition.inside(7)}", 7)


@choice.register
def _(condition: Text, then: Any, otherwise: Any) -> Text:
    return Text(f"if {condition} then {text(then)} else {text(otherwise)}", 1)


class TextualFacts:
    """The static facts as names: ``size(s)``, ``read(k)``. The configuration is left out of arguments."""

    def __getattr__(self, name: str) -> Callable[..., Text]:
        def fact(*arguments: Any) -> Text:
            shown = [text(a) for a in arguments if not isinstance(a, Configuration)]
            return Text(f"{name}({', '.join(shown)})" if shown else name)

        return fact


def text(value: Any) -> str:
    """A value as it is written in a rule."""
    match value:
        case Text():
            return value.text
        case bool():
            return str(value).lower()
        case IntEnum():
            return value.name.lower()
        case int() if value == CLIENT:
            return "client"
        case Set() if not value:
            return "∅"
        case Map():
            return "∅"
        case FunctionType():
            x = _variable()
            return f"{x} ↦ {text(value(x))}"
    return str(value)


def _infix(operator: str, strength: int, left: Any, right: Any) -> Text:
    shown = (side.inside(strength) if isinstance(side, Text) else text(side) for side in (left, right))
    return Text(operator.join(shown), strength)


def _chain(operator: str, strength: int, left: Text, right: Any) -> Text:
    """An associative operator needs no parentheses around itself."""
    shown = (side.inside(strength - 1) if isinstance(side, Text) else text(side) for side in (left, right))
    return Text(operator.join(shown), strength)


def _variable() -> Text:
    return Text("xyzuvw"[next(_BOUND) % 6])


def textual_configuration() -> Configuration:
    """The configuration whose fields are their own names."""
    names = {f.name: Text(f.name) for f in fields(Configuration) if f.name != "facts"}
    return Configuration(facts=TextualFacts(), **names)


_OPERANDS = {"storage": "s", "handle": "h", "call": "k", "bytes": "n", "version": "v"}


def premises(rule: Rule) -> tuple[str, ...]:
    """The rule's premises as text."""
    return _read(rule)[0]


def premise_text(rule: str, number: int) -> str:
    """One premise of a rule, for messages."""
    return premises(RULES[rule])[number]


def inference_rule(rule: Rule) -> str:
    """The rule as an inference rule: premises over a line, what changes under it."""
    above, changes = _read(rule)
    conclusion = [f"{name} := {value}" for name, value in changes.items()]
    operands = " ".join(_OPERANDS[kind] for kind in rule.operands)
    width = min(100, max(map(len, (*above, *conclusion))))
    why = (rule.definition.__doc__ or "").strip().splitlines()[0]
    return "\n".join(
        [f"{rule.name} {operands}".strip(), f"  {why}", "", *_indent(above), f"    {'─' * width}", *_indent(conclusion)]
    )


def _read(rule: Rule) -> tuple[tuple[str, ...], dict[str, str]]:
    global _BOUND
    _BOUND = count()
    before = textual_configuration()
    step = rule(before, *(Text(_OPERANDS[kind]) for kind in rule.operands))
    after = step.after()
    changes = {
        f.name: text(getattr(after, f.name))
        for f in fields(Configuration)
        if f.name != "facts" and text(getattr(after, f.name)) != f.name
    }
    return tuple(map(text, step.premises)), changes


def _indent(lines: Any) -> list[str]:
    return [f"    {line}" for line in lines]
