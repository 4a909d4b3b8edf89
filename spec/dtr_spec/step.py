# SPDX-License-Identifier: Apache-2.0
"""The labelled successor relation, and its application to one event.

All meaning is in ``rules.py``; here rules are only applied to operands.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .configuration import Configuration
from .facts import Kind
from .rules import RULES, seen
from .terms import Term
from .trace import Event


class Label(NamedTuple):
    """A rule and its operands: what a step did."""

    rule: str
    operands: tuple[int, ...]


class Refusal(NamedTuple):
    """Why a rule does not apply: the number of its first premise that fails."""

    rule: str
    premise: int


def apply(c: Configuration, label: Label) -> Configuration | Refusal:
    """The configuration after one step, or the premise that forbids it."""
    step = RULES[label.rule].definition(c, *label.operands)
    if all(step.premises):
        return step.after()
    return Refusal(label.rule, next(number for number, premise in enumerate(step.premises) if not premise))


def successors(c: Configuration) -> Iterator[tuple[Label, Configuration]]:
    """Every step that the machine may take from ``c``.

    The operands tried for ``allocate`` and ``free`` are the declared piece, and after ``replay`` the
    bytes that no result needs, at once or result by result. The machine allows any division of them,
    and without declared profiles any request.
    """
    if not c.stopped:
        for rule in RULES:
            yield from taken(c, rule)


def taken(c: Configuration, rule: str) -> Iterator[tuple[Label, Configuration]]:
    """Those by one rule."""
    for operands in _OPERANDS[RULES[rule].operands](c):
        label = Label(rule, operands)
        after = apply(c, label)
        if isinstance(after, Configuration):
            yield label, after


def label_of(event: Event) -> Label:
    """The label that a trace's event stands for."""
    count = len(RULES[event.rule].operands)
    return Label(event.rule, (event.subject, event.detail)[:count])


def event_of(label: Label, after: Configuration) -> Event:
    """The event that reports a step."""
    subject, detail = (*label.operands, 0, 0)[:2]
    return Event(label.rule, subject, detail, after.used)


def observed(c: Configuration, label: Label) -> Term | None:
    """What the client learns by the step that is taken from ``c``: what a read sees when it executes."""
    if label.rule != "execute":
        return None
    return c.facts.observation(label.operands[0], lambda s: seen(c, c.depth, s))


def finished(c: Configuration) -> bool:
    """The client's program is done and nothing is under way."""
    return c.depth == 0 and c.facts.kind(c.position) is Kind.DONE


def _storages(c: Configuration) -> Iterator[tuple[int, ...]]:
    existing = {s for s, alive in c.alive.items() if alive}
    return iter([(s,) for s in sorted(existing | {c.facts.subject(c.position)})])


def _bytes(c: Configuration) -> Iterator[tuple[int, ...]]:
    top = c.depth
    requests = c.facts.requests(c.call[top], c.target[top])
    pieces: set[int] = {abs(requests[c.cursor[top]])} if c.cursor[top] < len(requests) else set()
    if c.executed[top]:
        pieces = {c.held[top] - c.owed[top], *map(c.facts.size, c.facts.created(c.call[top]))}
    elif top == 0 and c.facts.kind(c.position) is Kind.CONSTANT:
        pieces = {c.facts.size(c.facts.subject(c.position))}
    pieces |= {c.facts.size(s) for s in c.facts.written(c.call[top])}
    return iter([(n,) for n in sorted(pieces) if n > 0])


def _calls(c: Configuration) -> Iterator[tuple[int, ...]]:
    call = c.call[c.depth] if c.depth else c.position
    return iter([(call,)] if c.facts.kind(call) is Kind.CALL else [])


def _copies(c: Configuration) -> Iterator[tuple[int, ...]]:
    return iter([(s, version) for s, versions in c.kept.items() for version in sorted(versions)])


_OPERANDS: dict[tuple[str, ...], Callable[[Configuration], Iterator[tuple[int, ...]]]] = {
    (): lambda c: iter([()]),
    ("storage",): _storages,
    ("storage", "version"): _copies,
    ("handle",): lambda c: iter([(c.facts.handle(c.position),)]),
    ("call",): _calls,
    ("bytes",): _bytes,
}
