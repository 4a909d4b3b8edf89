# SPDX-License-Identifier: Apache-2.0
"""Accepted traces with one event deleted, duplicated, swapped or altered; and an oracle for what may still be a run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from dtr_spec.configuration import initial
from dtr_spec.rules import RULES
from dtr_spec.step import event_of, finished, successors
from dtr_spec.trace import Event, Trace


class Tampered(NamedTuple):
    """A trace in which one event was tampered with."""

    kind: str
    rule: str
    """The rule of the event that was tampered with."""
    position: int
    trace: Trace


def tampered(trace: Trace) -> Iterator[Tampered]:
    """Every single deletion, duplication, adjacent swap and alteration of a trace, each different from it."""
    events = trace.events
    for index, event in enumerate(events):
        before, after = events[:index], events[index + 1 :]
        forgeries = [("delete", (*before, *after)), ("duplicate", (*before, event, event, *after))]
        if after and after[0] != event:
            forgeries.append(("swap", (*before, after[0], event, *after[1:])))
        forgeries += [(kind, (*before, altered, *after)) for kind, altered in alterations(event, index)]
        for kind, forged in forgeries:
            yield Tampered(kind, event.rule, index, replace(trace, events=forged))


def alterations(event: Event, index: int) -> Iterator[tuple[str, Event]]:
    """The event with one field changed: operands and bytes by one either way, the rule to some that take as many.

    Which rules depends on the event's index, so that a trace sees all of them.
    """
    for amount in (-1, 1):
        yield "subject", event._replace(subject=event.subject + amount)
        yield "detail", event._replace(detail=event.detail + amount)
        yield "used", event._replace(used=event.used + amount)
    taken = len(RULES[event.rule].operands)
    others = [name for name, rule in RULES.items() if name != event.rule and len(rule.operands) == taken]
    for name in [*others, *others][index % max(1, len(others)) :][: min(4, len(others))]:
        yield "rule", event._replace(rule=name)


def genuine(trace: Trace) -> bool:
    """Is the trace one of the runs that exploring the successor relation finds?"""
    c = initial(trace.program, trace.budget, trace.declared)
    for event in trace.events:
        found = [after for label, after in successors(c) if event_of(label, after) == event]
        if not found:
            return False
        c = found[0]
    return finished(c) or c.stopped
