# SPDX-License-Identifier: Apache-2.0
"""What simrd does, told as steps of the machine over the schedule's program.

A storage's aliases are storages of zero bytes in the program: they are locked and evicted with it. What simrd
charges at once and gives back is one allocation, and a ``free`` for each result that was there already.
"""

from dtr_spec.copies import Compute, Keep, Schedule
from dtr_spec.program import Alias, Pin, Release
from dtr_spec.trace import Event

from .simrd_surroundings import Storage, Tensor


class Silence:
    """Tells nothing."""

    def step(self, number: int, used: int) -> None:
        """The client's step is done, but for what deallocation does after it."""

    def begin(self, tensor: Tensor, again: bool, used: int) -> None:
        """A tensor is about to be materialized, by the client's call or ``again``."""

    def lock(self, tensor: Tensor, used: int) -> None:
        """A parent is locked for the latest materialization that has not ended."""

    def end(self, tensor: Tensor, again: bool, defined: list[Tensor], doubled: list[Tensor], used: int) -> None:
        """The operator has run: it defined ``tensor`` and others, and made some that were there already."""

    def evict(self, storage: Storage, defined: list[Tensor], used: int) -> None:
        """A storage was evicted, and these tensors of it undefined."""

    def hold(self, storage: Storage, used: int) -> None:
        """A storage stays locked for good: what it was computed from is banished, or was passed over."""

    def banish(self, storage: Storage, before: int, used: int) -> None:
        """A storage was freed for good, when ``before`` bytes were in use."""

    def out_of_memory(self, size: int, tensors: list[Tensor], used: int) -> None:
        """Nothing is evictable, and that many bytes do not fit."""


class Recorder(Silence):
    """Tells it as events. ``used`` is always what is in use afterwards, in bytes."""

    def __init__(self, schedule: Schedule, events: list[Event]) -> None:
        self.schedule = schedule
        self.events = events
        self.locked: list[set[int]] = []
        """For each materialization under way, what it locks."""
        self.pinned: set[int] = set()
        """Tensors that are pinned or held."""
        self.back = 0
        """Bytes of banished storages that came back with their siblings; the machine frees such results at once."""
        steps = zip(schedule.steps, schedule.positions, strict=True)
        self.call_at = {step.operator: position for step, position in steps if isinstance(step, Compute)}

    def step(self, number: int, used: int) -> None:
        ends = (*self.schedule.positions[1:], len(self.schedule.program.commands))
        for command in self.schedule.program.commands[self.schedule.positions[number] : ends[number]]:
            match command:
                case Alias(handle) | Release(handle) | Pin(handle):
                    self._tell(type(command).__name__.lower(), handle, used)
        step = self.schedule.steps[number]
        if isinstance(step, Keep):
            self.pinned |= {step.tensor, self.schedule.root[step.tensor]}

    def begin(self, tensor: Tensor, again: bool, used: int) -> None:
        if not self._constant(tensor):
            self.locked.append(set())
            self._tell("need" if again else "call", tensor.number if again else self._call(tensor), used)

    def lock(self, tensor: Tensor, used: int) -> None:
        for number in (tensor.number, tensor.storage.number):
            if number not in self.locked[-1]:
                self.locked[-1].add(number)
                self._tell("lock", number, used)

    def end(self, tensor: Tensor, again: bool, defined: list[Tensor], doubled: list[Tensor], used: int) -> None:
        if self._constant(tensor):
            self._tell("constant", tensor.number, used)
            return
        back = [output for output in defined if output.storage.banished]
        defined = [output for output in defined if not output.storage.banished]
        self.back += sum(self.schedule.size(output.number) for output in back)
        sizes = [size for size in (self.schedule.size(output.number) for output in (*doubled, *back)) if size > 0]
        charged = used + sum(sizes)
        total = sum(self.schedule.size(output.number) for output in defined) + sum(sizes)
        if total > 0:
            self._tell("allocate", total, charged)
        self._tell("replay" if again else "execute", self._call(tensor), charged)
        for size in sizes:
            charged -= size
            self._tell("free", size, charged)
        for output in defined:
            self._tell("bind", output.number, used)
        self._tell("commit", 0, used)
        self.locked.pop()

    def evict(self, storage: Storage, defined: list[Tensor], used: int) -> None:
        if storage.banished:
            self.back -= storage.size
            return
        for tensor in defined:
            if tensor.number != storage.number:
                self._tell("evict", tensor.number, used + storage.size)
        self._tell("evict", storage.number, used)

    def hold(self, storage: Storage, used: int) -> None:
        for tensor in storage.tensors:
            if tensor.defined and tensor.number not in self.pinned and not self._constant(tensor):
                self.pinned.add(tensor.number)
                self._tell("hold", tensor.number, used)

    def banish(self, storage: Storage, before: int, used: int) -> None:
        *aliases, last = reversed(storage.tensors)
        for alias in aliases:
            self._tell("collect", alias.number, before)
        self._tell("collect", last.number, used)

    def out_of_memory(self, size: int, tensors: list[Tensor], used: int) -> None:
        # An alias that nobody locks is evictable to the machine, though its storage is not and it has no bytes.
        locked = set[int]().union(*self.locked)
        for tensor in tensors:
            if tensor.defined and tensor.number != tensor.storage.number and tensor.number not in locked | self.pinned:
                self._tell("evict", tensor.number, used)
        self._tell("out_of_memory", size, used)

    def _constant(self, tensor: Tensor) -> bool:
        return not self.schedule.operators[self.schedule.operator_of[tensor.number]].name

    def _call(self, tensor: Tensor) -> int:
        return self.call_at[self.schedule.operator_of[tensor.number]]

    def _tell(self, rule: str, subject: int, used: int) -> None:
        self.events.append(Event(rule, subject, 0, used - self.back))
