# SPDX-License-Identifier: Apache-2.0
"""Schedules in large moves, played step by step on the machine of ``dtr_spec``, which refuses what is no run."""

from collections.abc import Iterable
from dataclasses import dataclass

from dtr_spec.configuration import initial
from dtr_spec.facts import CLIENT
from dtr_spec.program import Alias, Call, Constant, Pin, Program, Release
from dtr_spec.step import Label, Refusal, apply, event_of
from dtr_spec.text import premise_text
from dtr_spec.trace import Event, Trace


@dataclass(frozen=True, slots=True)
class Proceed:
    """Evict some storages, then carry out the client's next command."""

    evicted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rematerialize:
    """Evict some storages, then rematerialize one whose inputs are resident, and its siblings that are evicted."""

    storage: int
    evicted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Banish:
    """Give up the recipes of resident storages, so that what only they read can be collected."""

    readers: tuple[int, ...]


Move = Proceed | Rematerialize | Banish


class IllegalMoveError(Exception):
    """A move that the machine refuses; the message names the step and the premise that fails."""


class Player:
    """A run of the machine in progress. Programs must overwrite nothing."""

    def __init__(self, program: Program, budget: int) -> None:
        self.program = program
        self.configuration = initial(program, budget)
        self.events: list[Event] = []

    @property
    def cost(self) -> int:
        """Clock units so far."""
        return self.configuration.clock - 1

    def trace(self) -> Trace:
        """The steps so far."""
        return Trace(self.program, self.configuration.budget, tuple(self.events))

    def make(self, move: Move) -> None:
        """Take the steps of a move, then collect all that may be. Raises ``IllegalMoveError``."""
        match move:
            case Proceed(evicted):
                self._evict(evicted)
                self._proceed()
            case Rematerialize(storage, evicted):
                self._evict(evicted)
                self._rematerialize(storage)
            case Banish(readers):
                for reader in readers:
                    self._step("hold", reader)
        self._collect()

    def _proceed(self) -> None:
        position = self.configuration.position
        command = self.program.commands[position]
        match command:
            case Constant(handle):
                self._step("constant", self.program.storage(handle))
            case Alias(handle) | Release(handle) | Pin(handle):
                self._step(type(command).__name__.lower(), handle)
            case Call():
                self._step("call", position)
                self._gather(position, CLIENT)
                self._step("execute", position)
                for storage in self.program.fresh[position]:
                    self._step("bind", storage)
                self._step("commit")

    def _rematerialize(self, target: int) -> None:
        self._step("need", target)
        position = self.program.creators[target]
        self._gather(position, target)
        self._step("replay", position)
        for storage in self.program.fresh[position]:
            c = self.configuration
            if storage != target and c.unbound[c.depth].has(storage):
                self._step("bind", storage)
            elif storage != target and self.program.sizes[storage]:
                self._step("free", self.program.sizes[storage])
        self._step("bind", target)
        self._step("commit")

    def _gather(self, position: int, target: int) -> None:
        """Lock the inputs and ask for memory."""
        for read in self.program.reads[position]:
            self._step("lock", read.storage)
        for piece in self.configuration.facts.requests(position, target):
            self._step("allocate" if piece > 0 else "free", abs(piece))

    def _evict(self, storages: Iterable[int]) -> None:
        for storage in storages:
            self._step("evict", storage)

    def _collect(self) -> None:
        """From the newest storage on: collecting one lets go only what is older."""
        for storage in reversed([s for s, alive in self.configuration.alive.items() if alive]):
            label = Label("collect", (storage,))
            if not isinstance(apply(self.configuration, label), Refusal):
                self._step("collect", storage)

    def _step(self, rule: str, *operands: int) -> None:
        label = Label(rule, operands)
        after = apply(self.configuration, label)
        if isinstance(after, Refusal):
            raise IllegalMoveError(f"{label} is refused: it requires {premise_text(after.rule, after.premise)}")
        self.configuration = after
        self.events.append(event_of(label, after))
