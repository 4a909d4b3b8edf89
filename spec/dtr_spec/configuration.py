# SPDX-License-Identifier: Apache-2.0
"""Configurations of the machine, and the static facts of a program that the rules consult.

Every field is a map from storages or frames, or a number. Frames are numbered from 1 (the
oldest) to ``depth`` (the top); a frame whose ``target`` is ``CLIENT`` is the client's call.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

from .program import Alias, Call, Command, Constant, Pin, Program, Release, Version
from .readings import EMPTY, Map, Set
from .terms import Term, Views, is_observation, leaf, merged, observation, results

CLIENT = -1
"""The target of a frame that runs the client's call."""


class Kind(IntEnum):
    """What the client's next command is."""

    DONE = 0
    CONSTANT = 1
    CALL = 2
    ALIAS = 3
    RELEASE = 4
    PIN = 5


@dataclass(frozen=True)
class Configuration:
    """One state of the machine. Values are Python's, Z3's or text, after the reading."""

    facts: Any
    """The program: ``Facts``, or its symbolic or textual counterpart."""
    position: Any
    """The client's next command."""
    budget: Any
    """B, bytes."""
    used: Any
    """M, bytes in use."""
    clock: Any
    """1 + the costs of all calls executed so far."""
    stopped: Any
    """Out of memory: nothing happens any more."""

    alive: Any
    """Storage -> created and not collected."""
    resident: Any
    """Storage -> its bytes are in memory."""
    recoverable: Any
    """Storage -> its recipe is promised to work."""
    version: Any
    """Storage -> the number of its current version."""
    handles: Any
    """Storage -> how many handles the client has on it."""
    content: Any
    """Storage -> the term it holds, if resident."""
    kept: Any
    """Storage -> the set of its earlier versions that are copied aside."""
    kept_content: Any
    """Storage -> version number -> the term of the copy."""

    depth: Any
    """How many frames are under way."""
    target: Any
    """Frame -> the storage being rematerialized, or CLIENT."""
    stage: Any
    """Frame -> which call of the target's chain."""
    call: Any
    """Frame -> the call (its position)."""
    locked: Any
    """Frame -> the set of storages that it locks."""
    cursor: Any
    """Frame -> how many pieces of the declared profile it has been through."""
    held: Any
    """Frame -> bytes allocated and not yet bound to a storage."""
    executed: Any
    """Frame -> the call has computed its results."""
    unbound: Any
    """Frame -> the set of storages that may take a result of the call."""
    owed: Any
    """Frame -> bytes of results that must still be bound."""
    outcome: Any
    """Frame -> storage -> the term computed for it."""

    def but(self, **changes: Any) -> "Configuration":
        """The configuration with some fields changed."""
        return replace(self, **changes)

    def frozen(self) -> tuple[Any, ...]:
        """A hashable copy of all that the machine's future depends on: not the clock, no popped frames."""
        frames = range(1, self.depth + 1)
        heap = (getattr(self, name) for name in _HEAP)
        stack = (_row(getattr(self, name)[d]) for name in _STACK for d in frames)
        return (self.position, self.used, self.stopped, *(m.frozen() for m in heap), self.depth, *stack)

    @property
    def frames(self) -> Any:
        """The set of frames under way."""
        return self.facts.frames(self)


_HEAP = ("alive", "resident", "recoverable", "version", "handles", "content", "kept", "kept_content")
_STACK = ("target", "stage", "call", "locked", "cursor", "held", "executed", "unbound", "owed", "outcome")


def _row(value: Any) -> Any:
    return value.frozen() if isinstance(value, Map) else value


class Facts:
    """The static facts of a program, as the rules ask for them.

    ``declared`` says that calls ask for exactly the bytes of their profiles.
    """

    def __init__(self, program: Program, declared: bool = True) -> None:
        self.program = program
        self.declared = declared

    # --- the client's commands -------------------------------------------------------------

    def kind(self, position: int) -> Kind:
        """What the command at a position is."""
        command = self._command(position)
        return Kind.DONE if command is None else _KINDS[type(command)]

    def handle(self, position: int) -> int:
        """The handle that an alias, release or pin command takes."""
        match self._command(position):
            case Alias(handle) | Release(handle) | Pin(handle):
                return handle
        return CLIENT

    def subject(self, position: int) -> int:
        """The storage that the command creates (constant) or names through its handle."""
        match self._command(position):
            case Constant(handle) | Alias(handle) | Release(handle) | Pin(handle):
                return self.program.storage(handle)
        return CLIENT

    def _command(self, position: int) -> Command | None:
        """The command at a position; None behind the last."""
        return self.program.commands[position] if position < len(self.program.commands) else None

    # --- storages and calls ----------------------------------------------------------------

    def size(self, storage: int) -> int:
        """Bytes of a storage."""
        return 0 if storage == CLIENT else self.program.sizes[storage]

    def cost(self, call: int) -> int:
        """Clock units of a call."""
        return self.program.call(call).cost

    def chain(self, storage: int, stage: int) -> int:
        """The call that a stage of the storage's chain runs; CLIENT for a constant's creation."""
        if stage == 0:
            creator = self.program.creators[storage]
            return creator if self.kind(creator) is Kind.CALL else CLIENT
        return self.program.mutators[storage][stage - 1]

    def read(self, call: int) -> Set:
        """The storages that a call reads."""
        return Set(v.storage for v in self.program.reads.get(call, ()))

    def version_read(self, call: int, storage: int) -> int:
        """The number of the version of a storage that a call reads."""
        return self._versions.get((call, storage), CLIENT)

    def created(self, call: int) -> Set:
        """The storages that a call creates."""
        return Set(self.program.fresh.get(call, ()))

    def written(self, call: int) -> Set:
        """The storages that a call overwrites."""
        return Set(self.program.writes.get(call, ()))

    def fresh_bytes(self, call: int) -> int:
        """The bytes of the storages that a call creates."""
        return sum(self.program.sizes[s] for s in self.program.fresh.get(call, ()))

    def readers(self, storage: int) -> Set:
        """The other storages whose recipe, at some version, reads this storage."""
        return self._readers.get(storage, EMPTY)

    def recipe_reads(self, reader: int, number: int, storage: int, version: int) -> bool:
        """Producing version ``number`` of ``reader`` reads that version of another storage."""
        return self._first_reading.get((reader, storage, version), number + 1) <= number

    @cached_property
    def _versions(self) -> dict[tuple[int, int], int]:
        return {(call, s): v for call, reads in self.program.reads.items() for s, v in reads}

    @cached_property
    def _first_reading(self) -> dict[tuple[int, int, int], int]:
        """(reader, storage, version) -> the first stage of the reader's chain that reads it."""
        first: dict[tuple[int, int, int], int] = {}
        for reader in range(len(self.program.sizes)):
            chain = self.program.chain(Version(reader, len(self.program.mutators[reader])))
            for stage, call in enumerate(chain):
                for storage, version in self.program.reads[call]:
                    if storage != reader:
                        first.setdefault((reader, storage, version), stage)
        return first

    @cached_property
    def _readers(self) -> dict[int, Set]:
        readers: dict[int, set[int]] = {}
        for reader, storage, _ in self._first_reading:
            readers.setdefault(storage, set()).add(reader)
        return {storage: Set(found) for storage, found in readers.items()}

    # --- bytes that a call asks for --------------------------------------------------------

    def requests(self, call: int, target: int) -> tuple[int, ...]:
        """What an execution asks for: the declared profile, between copies of what it overwrites.

        A rematerialization must not touch what its call once overwrote, so it works on copies, but
        for its target. The client's call overwrites in place; it asks for copies if it asks for
        anything at all, to undo what it wrote should the rest not be had.
        """
        if call == CLIENT:
            return ()
        profile = self.program.call(call).profile
        if target == CLIENT and not profile:
            return ()
        copies = tuple(self.size(s) for s in self.program.writes[call] if s != target and self.size(s))
        return (*copies, *profile, *(-size for size in copies))

    def asks(self, call: int, target: int, cursor: int, piece: int) -> bool:
        """Is ``piece`` what the call may ask for (negative: give back) next?"""
        if not self.declared:
            return True
        requests = self.requests(call, target)
        return cursor < len(requests) and requests[cursor] == piece

    def asked(self, call: int, target: int, cursor: int) -> bool:
        """Has the call asked for all it needs?"""
        return not self.declared or cursor == len(self.requests(call, target))

    # --- values ----------------------------------------------------------------------------

    def frames(self, c: Configuration) -> Set:
        """The frames under way."""
        return Set(range(1, c.depth + 1))

    def all_storages(self) -> Set:
        """The storages of the program, whether they exist yet, still, or not."""
        return Set(range(len(self.program.sizes)))

    def storages(self, c: Configuration) -> Set:
        """The storages that exist."""
        return Set(s for s, alive in c.alive.items() if alive)

    def no_outcome(self) -> Map:
        """A frame has computed no terms yet."""
        return Map(None)

    def leaf(self, storage: int) -> Term:
        """The content of a constant."""
        return leaf(storage)

    def result(self, c: Configuration, frame: int, storage: int) -> Term:
        """The content that the frame's call computes for a storage it creates or overwrites."""
        call = c.call[frame]
        tensors, arguments = self._arguments(c, frame)
        fresh, overwritten = results(self.program.call(call), arguments)
        if storage in self.program.fresh[call]:
            return fresh[self.program.fresh[call].index(storage)]
        return merged(tensors, arguments, overwritten)[storage]

    def observation(self, c: Configuration, frame: int) -> Term | None:
        """What the client learns when the frame's call executes, if it is a read."""
        call = self.program.call(c.call[frame])
        return observation(call, self._arguments(c, frame)[1]) if is_observation(call) else None

    def _arguments(self, c: Configuration, frame: int) -> tuple[list[tuple[int, Views]], list[tuple[Term, Views]]]:
        tensors = [self.program.tensors[handle] for handle in self.program.call(c.call[frame]).inputs]
        return [(t.storage, t.views) for t in tensors], [(self._input(c, frame, t.storage), t.views) for t in tensors]

    def _input(self, c: Configuration, frame: int, storage: int) -> Term:
        """The term a frame's call reads of a storage: under construction, current, or kept."""
        if storage == c.target[frame]:
            return c.outcome[frame][storage]
        version = self.version_read(c.call[frame], storage)
        return c.content[storage] if version == c.version[storage] else c.kept_content[storage][version]


_KINDS = {Constant: Kind.CONSTANT, Call: Kind.CALL, Alias: Kind.ALIAS, Release: Kind.RELEASE, Pin: Kind.PIN}


def initial(program: Program, budget: int, declared: bool = True) -> Configuration:
    """The initial configuration: nothing in memory, the whole program ahead.

    Raises ``ValueError`` if the budget is negative.
    """
    if budget < 0:
        raise ValueError(f"a budget of {budget} bytes; it cannot be negative")
    no_terms = Map(None)
    return Configuration(
        facts=Facts(program, declared),
        position=0,
        budget=budget,
        used=0,
        clock=1,
        stopped=False,
        alive=Map(False),
        resident=Map(False),
        recoverable=Map(False),
        version=Map(0),
        handles=Map(0),
        content=Map(None),
        kept=Map(EMPTY),
        kept_content=Map(no_terms),
        depth=0,
        target=Map(CLIENT),
        stage=Map(0),
        call=Map(CLIENT),
        locked=Map(EMPTY),
        cursor=Map(0),
        held=Map(0),
        executed=Map(False),
        unbound=Map(EMPTY),
        owed=Map(0),
        outcome=Map(no_terms),
    )
