# SPDX-License-Identifier: Apache-2.0
"""Plans are carried out by the specification's machine, which alone says what they cost and how much memory they take.

Every step of a plan becomes steps of the machine on the graph's program: a recomputation is ``need``,
``lock``, ``allocate``, ``replay``, ``bind``, ``commit``, a free is ``evict``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dtr_spec.configuration import Configuration, initial
from dtr_spec.program import Call, Constant, Pin, Program, Release
from dtr_spec.step import Label, Refusal, apply, event_of, finished
from dtr_spec.text import premise_text
from dtr_spec.trace import Event, Trace

from .plan import Compute, Plan, PlanError


@dataclass(frozen=True)
class Execution:
    """One run of a plan. ``cost`` is in clock units, ``peak`` in bytes, fixed bytes included."""

    trace: Trace
    cost: int
    peak: int


def execute(plan: Plan, budget: int | None = None) -> Execution:
    """Carry out a plan within a budget of bytes, or without one; the trace then has the peak as its budget.

    Raises ``PlanError`` if a step is refused by the machine, because it exceeds the budget or reads what is not there.
    """
    program = plan.graph.program()
    fixed, nodes = plan.graph.fixed, plan.graph.nodes
    unlimited = fixed + 2 * sum(node.size for node in nodes)
    c = initial(program, unlimited if budget is None else budget)
    events: list[Event] = []
    for label in _labels(plan, program):
        c = _step(c, label)
        events.append(event_of(label, c))
    if not finished(c):
        raise PlanError(f"the plan ends at command {c.position}, but the program does not")
    peak = max(event.used for event in events)
    trace = Trace(program, peak if budget is None else budget, tuple(events), configuration={"machine": "plan"})
    return Execution(trace, c.clock - 1, peak)


def _step(c: Configuration, label: Label) -> Configuration:
    after = apply(c, label)
    if isinstance(after, Refusal):
        step = " ".join(map(str, (label.rule, *label.operands)))
        raise PlanError(
            f"at command {c.position}, with {c.used} of {c.budget} bytes in use, {step} does not apply: "
            f"it requires {premise_text(after.rule, after.premise)}"
        )
    return after


def _labels(plan: Plan, program: Program) -> Iterator[Label]:
    """Storage 0 is the constant, storage 1 + i node i's result."""
    stages = iter(plan.stages)
    for position, command in enumerate(program.commands):
        match command:
            case Constant():
                yield Label("constant", (0,))
            case Call():
                yield from _stage(program, position, next(stages))
            case Release(handle):
                yield Label("release", (handle,))
            case Pin(handle):
                yield Label("pin", (handle,))


def _stage(program: Program, client: int, steps: tuple) -> Iterator[Label]:
    for step in steps:
        storage = 1 + step.node
        if not isinstance(step, Compute):
            yield Label("evict", (storage,))
            continue
        position = program.creators[storage]
        yield Label("call", (position,)) if position == client else Label("need", (storage,))
        yield from (Label("lock", (read.storage,)) for read in program.reads[position])
        yield from (Label("allocate", (piece,)) for piece in program.call(position).profile)
        yield Label("execute" if position == client else "replay", (position,))
        yield Label("bind", (storage,))
        yield Label("commit", ())
