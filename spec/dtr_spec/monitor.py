# SPDX-License-Identifier: Apache-2.0
"""The monitor: is this trace a run of the machine?

It steps the machine along the events, and asks of each that its rule applies and that the bytes
reported are the machine's. It also compares what the client observes with the eager machine (T1).
"""

from dataclasses import dataclass

from .configuration import Configuration, initial
from .facts import Kind
from .rules import RULES
from .step import Refusal, apply, finished, label_of, observed, successors
from .terms import Term, eager
from .text import premise_text
from .trace import Event, Trace


@dataclass(frozen=True)
class Verdict:
    """The monitor's judgement; true if the trace is a run of the machine."""

    accepted: bool
    reason: str
    index: int
    """The first event that is not a step (or the number of events)."""
    configuration: Configuration
    """The configuration before that event (or the last one)."""
    observations: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return self.accepted

    def __str__(self) -> str:
        return self.reason


def check(trace: Trace) -> Verdict:
    """Judge a trace: every event a step of the machine, every reported M right, the run complete."""
    meaning = eager(trace.program)
    observations: list[Term] = []
    c = initial(trace.program, trace.budget, trace.declared)
    for index, event in enumerate(trace.events):
        after = _follow(c, event)
        if isinstance(after, str):
            return Verdict(False, f"event {index} ({_show(event)}): {after}{_context(c)}", index, c)
        if event.rule == "execute" and (seen := observed(c, label_of(event))) is not None:
            observations.append(seen)
        c = after
    if not (finished(c) or c.stopped):
        missing = f"the trace ends after {len(trace.events)} events, but the run does not{_context(c)}"
        return Verdict(False, missing, len(trace.events), c)
    if tuple(observations) != meaning.observations[: len(observations)]:
        return Verdict(False, "a read differs from the eager machine's", len(trace.events), c, tuple(observations))
    ending = "out of memory" if c.stopped else "finished"
    return Verdict(True, f"accepted: {len(trace.events)} events, {ending}", len(trace.events), c, tuple(observations))


def _follow(c: Configuration, event: Event) -> Configuration | str:
    """The configuration after an event, or why it is not a step."""
    if event.rule not in RULES:
        return f"no rule has that name; the rules are {', '.join(RULES)}"
    label = label_of(event)
    if (event.subject, event.detail) != (*label.operands, 0, 0)[:2]:
        return f"rule {event.rule} takes {len(label.operands)} operands"
    if why := _unknown_operand(c, event):
        return why
    after = apply(c, label)
    if isinstance(after, Refusal):
        return f"rule {event.rule} does not apply: it requires {premise_text(after.rule, after.premise)}"
    if after.used != event.used:
        return f"reports {event.used} bytes in use, where the machine has {after.used}"
    return after


def _unknown_operand(c: Configuration, event: Event) -> str | None:
    program = c.facts.program
    kind = (*RULES[event.rule].operands, "")[0]
    if kind == "storage" and not 0 <= event.subject < len(program.sizes):
        return f"the program has no storage {event.subject}"
    if kind == "call" and c.facts.kind(event.subject) is not Kind.CALL:
        return f"command {event.subject} is not a call"
    return None


def _show(event: Event) -> str:
    operands = (event.subject, event.detail)[: len(RULES[event.rule].operands)] if event.rule in RULES else ()
    return " ".join([event.rule, *map(str, operands)])


def _context(c: Configuration) -> str:
    """What a reader needs to see of a configuration."""
    expected = sorted({label.rule for label, _ in successors(c)})
    resident = [s for s, here in c.resident.items() if here]
    frames = [f"call {c.call[d]} for {'the client' if c.target[d] < 0 else c.target[d]}" for d in sorted(c.frames)]
    return (
        f"\n  rules that apply: {', '.join(expected) or 'none'}"
        f"\n  client command {c.position}, used {c.used} of {c.budget} bytes, clock {c.clock}"
        f"\n  frames: {'; '.join(frames) or 'none'}"
        f"\n  resident storages: {_abbreviated(resident)}"
    )


def _abbreviated(items: list[int], most: int = 40) -> str:
    shown = ", ".join(map(str, items[:most]))
    return f"{shown}, ... ({len(items)} in all)" if len(items) > most else shown or "none"
