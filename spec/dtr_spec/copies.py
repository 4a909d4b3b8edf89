# SPDX-License-Identifier: Apache-2.0
"""A log as the paper's simulator reads it: mutation copies, and an alias is a tensor that an operator makes.

Tensors are numbered in the order of their making, constants included; a tensor's storage is that of
the tensor it aliases, transitively, else its own. A mutating call becomes a pure one with a fresh storage for
each overwritten argument, whose name then denotes it, while other names of the old tensor keep the old one.
What is still named at the end is pinned.

``Schedule.program`` says the same in the machine's language, so that the monitor can judge a run.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from . import log as entries
from .log import OWN, Log
from .program import Alias, Call, Command, Constant, Fresh, Pin, Program, Release


class Output(NamedTuple):
    """One output of an operator: ``size`` in bytes, or 0 and the position of the input it aliases."""

    size: int
    alias: int = OWN


@dataclass(frozen=True, slots=True)
class Operator:
    """A pure function of tensors. ``cost`` is in clock units; a constant is an operator without a name."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[Output, ...]
    cost: int

    @property
    def size(self) -> int:
        """Bytes of all outputs together: what a call asks for, at once."""
        return sum(output.size for output in self.outputs)


class Compute(NamedTuple):
    """The client calls an operator, by number, for the first time."""

    operator: int


class Get(NamedTuple):
    """One more reference to a tensor."""

    tensor: int


class Drop(NamedTuple):
    """One reference less to a tensor."""

    tensor: int


class Keep(NamedTuple):
    """Make a tensor defined, and its storage resident for good."""

    tensor: int


Step = Compute | Get | Drop | Keep


@dataclass(frozen=True)
class Schedule:
    """The steps of a client under copy-on-write, with the operators that they call."""

    operators: tuple[Operator, ...]
    steps: tuple[Step, ...]
    operator_of: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The operator that makes each tensor."""
    first: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The first tensor that each operator makes; the others follow it."""
    root: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The tensor whose storage each tensor shares; its own number if it has its own."""

    def __post_init__(self) -> None:
        makers: list[int] = []
        first: list[int] = []
        root: list[int] = []
        for number, operator in enumerate(self.operators):
            first.append(len(root))
            for output in operator.outputs:
                root.append(len(root) if output.alias == OWN else root[operator.inputs[output.alias]])
                makers.append(number)
        object.__setattr__(self, "operator_of", tuple(makers))
        object.__setattr__(self, "first", tuple(first))
        object.__setattr__(self, "root", tuple(root))

    @property
    def cost(self) -> int:
        """The cost of computing everything once, in clock units."""
        return sum(operator.cost for operator in self.operators)

    def size(self, tensor: int) -> int:
        """Bytes of a tensor's own; 0 if it is an alias."""
        operator = self.operator_of[tensor]
        return self.operators[operator].outputs[tensor - self.first[operator]].size

    @property
    def program(self) -> Program:
        """The same client in the machine's language: tensor t is the program's storage t.

        An alias is a storage of zero bytes that its operator makes from its inputs. Whoever holds or
        reads it also holds or reads the storage behind it, through a handle of its own.
        """
        return self._translated[0]

    @property
    def positions(self) -> tuple[int, ...]:
        """For each step, the program's command at which it begins; a call begins its step."""
        return self._translated[1]

    @cached_property
    def _translated(self) -> tuple[Program, tuple[int, ...]]:
        translation = _Translation(self)
        return Program(tuple(translation.commands)), tuple(translation.positions)


class _Translation:
    """Builds the program of a schedule: one handle, or two for an alias, per reference."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.commands: list[Command] = []
        self.handles: dict[int, list[tuple[int, ...]]] = {}
        """Tensor -> its live references, each the handle on it and, for an alias, one on its root."""
        self.count = 0
        self.positions: list[int] = []
        for step in schedule.steps:
            self.positions.append(len(self.commands))
            self._add(step)

    def _add(self, step: Step) -> None:
        match step:
            case Compute(number):
                self._compute(number)
            case Get(tensor):
                self._refer(tensor, *self.handles[tensor][0])
            case Drop(tensor):
                self.commands += map(Release, self.handles[tensor].pop())
            case Keep(tensor):
                self.commands += map(Pin, reversed(self.handles[tensor][0]))

    def _compute(self, number: int) -> None:
        operator = self.schedule.operators[number]
        tensors = range(self.schedule.first[number], self.schedule.first[number] + len(operator.outputs))
        if not operator.name:
            self.handles[tensors[0]] = [(self._handle(),)]
            self.commands.append(Constant(self.count - 1, operator.size))
            return
        inputs = tuple(handle for tensor in operator.inputs for handle in self.handles[tensor][0])
        fresh = tuple(Fresh(self._handle(), output.size) for output in operator.outputs)
        profile = (operator.size,) if operator.size else ()
        self.commands.append(Call(operator.name, inputs, fresh, cost=operator.cost, profile=profile))
        for tensor, output, new in zip(tensors, operator.outputs, fresh, strict=True):
            if output.alias == OWN:
                self.handles[tensor] = [(new.handle,)]
            else:
                *_, root = self.handles[operator.inputs[output.alias]][0]
                self.commands.append(Alias(self._handle(), root))
                self.handles[tensor] = [(new.handle, self.count - 1)]

    def _refer(self, tensor: int, *existing: int) -> None:
        reference = tuple(self._handle() for _ in existing)
        self.commands += map(Alias, reference, existing)
        self.handles[tensor].append(reference)

    def _handle(self) -> int:
        self.count += 1
        return self.count - 1


def schedule(log: Log) -> Schedule:
    """The log's measured step under copy-on-write."""
    reading = _Reading()
    for entry in log.measured:
        reading.add(entry)
    return reading.finished()


class _Reading:
    """Reads the entries of a log one by one."""

    def __init__(self) -> None:
        self.operators: list[Operator] = []
        self.steps: list[Step] = []
        self.tensor: dict[str, int] = {}
        """The tensor of each name; a name that was released stays, in its place."""
        self.references: list[int] = []
        self.sizes: list[int] = []
        """Bytes of the storage behind each tensor."""

    def add(self, entry: entries.Entry) -> None:
        match entry:
            case entries.Constant(name, memory):
                (tensor,) = self._operator(Operator("", (), (Output(memory),), 0))
                self.tensor[name] = tensor
                self.steps.append(Keep(tensor))
            case entries.Call(op, args, results, time):
                outputs = (Output(r.memory if r.alias == OWN else 0, r.alias) for r in results)
                made = self._operator(Operator(op, self._tensors(args), tuple(outputs), time))
                self.tensor.update(zip((result.name for result in results), made, strict=True))
            case entries.Mutate(op, args, mutated, time):
                old = self._tensors(args)
                outputs = tuple(Output(self.sizes[old[i]]) for i in mutated)
                made = self._operator(Operator(op, old, outputs, time))
                for i, tensor in zip(mutated, made, strict=True):
                    self.tensor[args[i]] = tensor
                    self._drop(old[i])
            case entries.Copy(target, source):
                self.tensor[target] = self.tensor[source]
                self._get(self.tensor[source])
            case entries.CopyFrom(target, source):
                old_tensor = self.tensor[target]
                self.tensor[target] = self.tensor[source]
                self._drop(old_tensor)
                self._get(self.tensor[source])
            case entries.Release(name):
                self._drop(self.tensor[name])
            case entries.Annotation():
                pass

    def finished(self) -> Schedule:
        """The schedule, with what is still referenced pinned, name by name."""
        named = [tensor for tensor in self.tensor.values() if self.references[tensor] > 0]
        return Schedule(tuple(self.operators), (*self.steps, *map(Keep, named)))

    def _tensors(self, names: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self.tensor[name] for name in names)

    def _operator(self, operator: Operator) -> range:
        made = range(len(self.sizes), len(self.sizes) + len(operator.outputs))
        self.steps.append(Compute(len(self.operators)))
        self.operators.append(operator)
        for output in operator.outputs:
            self.sizes.append(output.size if output.alias == OWN else self.sizes[operator.inputs[output.alias]])
            self.references.append(1)
        return made

    def _get(self, tensor: int) -> None:
        self.references[tensor] += 1
        self.steps.append(Get(tensor))

    def _drop(self, tensor: int) -> None:
        self.references[tensor] -= 1
        self.steps.append(Drop(tensor))
