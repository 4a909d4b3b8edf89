# SPDX-License-Identifier: Apache-2.0
"""The static facts of a program: what the rules consult, and what the invariants compare with."""

from bisect import bisect_left
from collections.abc import Callable
from enum import IntEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING

from .program import Alias, Call, Command, Constant, Pin, Program, Release, Version
from .readings import EMPTY, Map, Set
from .terms import Meaning, Term, Views, eager, is_observation, leaf, merged, observation, results

if TYPE_CHECKING:
    from .configuration import Configuration

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
        """The call that a stage of the storage's chain runs; CLIENT for a constant's creation, and past the last."""
        if stage == 0:
            creator = self.program.creators[storage]
            return creator if self.kind(creator) is Kind.CALL else CLIENT
        mutators = self.program.mutators[storage]
        return mutators[stage - 1] if stage <= len(mutators) else CLIENT

    def read(self, call: int) -> Set:
        """The storages that a call reads."""
        return self._read.get(call, EMPTY)

    def version_read(self, call: int, storage: int) -> int:
        """The number of the version of a storage that a call reads."""
        return self._versions.get((call, storage), CLIENT)

    def created(self, call: int) -> Set:
        """The storages that a call creates."""
        return self._created.get(call, EMPTY)

    def written(self, call: int) -> Set:
        """The storages that a call overwrites."""
        return self._written.get(call, EMPTY)

    def fresh_bytes(self, call: int) -> int:
        """The bytes of the storages that a call creates."""
        return sum(self.program.sizes[s] for s in self.program.fresh.get(call, ()))

    def readers(self, storage: int) -> Set:
        """The other storages whose recipe, at some version, reads this storage."""
        return self._readers.get(storage, EMPTY)

    def first_reading(self, reader: int, storage: int, version: int) -> int:
        """The first stage of the reader's chain that reads that version of another storage; past all stages if none."""
        return self._first_reading.get((reader, storage, version), len(self.program.mutators[reader]) + 1)

    @cached_property
    def _read(self) -> dict[int, Set]:
        return {call: Set(v.storage for v in versions) for call, versions in self.program.reads.items()}

    @cached_property
    def _created(self) -> dict[int, Set]:
        return {call: Set(storages) for call, storages in self.program.fresh.items()}

    @cached_property
    def _written(self) -> dict[int, Set]:
        return {call: Set(storages) for call, storages in self.program.writes.items()}

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
        return not self.declared or piece in self.pieces(call, target, cursor)

    def asked(self, call: int, target: int, cursor: int) -> bool:
        """Has the call asked for all it needs?"""
        return not self.declared or cursor == len(self.requests(call, target))

    # --- values ----------------------------------------------------------------------------

    def frames(self, c: "Configuration") -> Set:
        """The frames under way."""
        return _numbered(c.depth)

    def all_storages(self) -> Set:
        """The storages of the program, whether they exist yet, still, or not."""
        return self._all_storages

    def storages(self, c: "Configuration") -> Set:
        """The storages that exist."""
        return Set(s for s, alive in c.alive.items() if alive)

    def no_outcome(self) -> Map:
        """A frame has computed no terms yet."""
        return Map(None)

    def leaf(self, storage: int) -> Term:
        """The content of a constant."""
        return leaf(storage)

    def result(self, call: int, storage: int, inputs: Callable[[int], Term]) -> Term:
        """The content that a call gives to a storage it creates or overwrites, from those of the storages it reads."""
        tensors, arguments = self._arguments(call, inputs)
        fresh, overwritten = results(self.program.call(call), arguments)
        if storage in self.program.fresh[call]:
            return fresh[self.program.fresh[call].index(storage)]
        return merged(tensors, arguments, overwritten)[storage]

    def observation(self, call: int, inputs: Callable[[int], Term]) -> Term | None:
        """What the client learns when a call executes, if it is a read."""
        command = self.program.call(call)
        return observation(command, self._arguments(call, inputs)[1]) if is_observation(command) else None

    def _arguments(
        self, call: int, inputs: Callable[[int], Term]
    ) -> tuple[list[tuple[int, Views]], list[tuple[Term, Views]]]:
        tensors = [self.program.tensors[handle] for handle in self.program.call(call).inputs]
        return [(t.storage, t.views) for t in tensors], [(inputs(t.storage), t.views) for t in tensors]

    # --- what the invariants compare with: the eager machine, program order, sums ------------------

    def positions(self) -> Set:
        """The positions of commands, and the end."""
        return Set(range(len(self.program.commands) + 1))

    def end(self) -> int:
        """The position behind the last command."""
        return len(self.program.commands)

    def calls(self) -> Set:
        """The positions of calls."""
        return Set(self.program.fresh)

    def numbers(self) -> Set:
        """The numbers of versions."""
        return self._numbers

    def creator(self, storage: int) -> int:
        """The position of the command that creates a storage."""
        return self.program.creators[storage]

    def mutations(self, storage: int) -> int:
        """How many calls overwrite a storage in the whole program."""
        return len(self.program.mutators[storage])

    def version_at(self, storage: int, position: int) -> int:
        """The version of a storage when the client comes to a position."""
        return bisect_left(self.program.mutators[storage], position)

    def handles_at(self, storage: int, position: int) -> int:
        """How many handles the client has on a storage when it comes to a position."""
        return self._handles[min(position, len(self.program.commands))].get(storage, 0)

    def meaning(self, storage: int, version: int) -> Term | None:
        """The content that the eager machine gives to a version; None if there is no such version."""
        return self._meaning.contents.get(Version(storage, version))

    def bytes(self, storages: Set) -> int:
        """The bytes of a set of storages."""
        return sum(map(self.size, storages))

    def resident_bytes(self, c: "Configuration") -> int:
        """The bytes of the storages in memory."""
        return sum(self.size(s) for s, here in c.resident.items() if here)

    def kept_bytes(self, c: "Configuration") -> int:
        """The bytes of the copies kept aside."""
        return sum(self.size(s) * len(versions) for s, versions in c.kept.items())

    def held_bytes(self, c: "Configuration") -> int:
        """The bytes that frames have allocated and not bound."""
        return sum(c.held[d] for d in self.frames(c))

    def requested(self, call: int, target: int, cursor: int) -> int:
        """The bytes that a call has asked for and not given back after so many pieces of its profile."""
        return sum(self.requests(call, target)[:cursor])

    def length(self, call: int, target: int) -> int:
        """How many pieces a call asks for."""
        return len(self.requests(call, target))

    def cursors(self, call: int, target: int) -> Set:
        """How many pieces of a call's profile may be behind it."""
        return Set(range(len(self.requests(call, target)) + 1))

    def piece(self, call: int, target: int, cursor: int) -> int:
        """What a call asks for next; 0 at the end."""
        return (*self.requests(call, target), 0)[cursor]

    def pieces(self, call: int, target: int, cursor: int) -> Set:
        """All that a call may ask for next."""
        return Set(self.requests(call, target)[cursor : cursor + 1])

    @cached_property
    def _all_storages(self) -> Set:
        return Set(range(len(self.program.sizes)))

    @cached_property
    def _numbers(self) -> Set:
        return Set(range(max(map(len, self.program.mutators), default=0) + 1))

    @cached_property
    def _meaning(self) -> Meaning:
        return eager(self.program)

    @cached_property
    def _handles(self) -> list[dict[int, int]]:
        """For each position, storage -> handles."""
        counts: list[dict[int, int]] = [{}]
        for position, command in enumerate(self.program.commands):
            after = dict(counts[-1])
            match command:
                case Constant() | Alias():
                    after[self.subject(position)] = after.get(self.subject(position), 0) + 1
                case Release():
                    after[self.subject(position)] -= 1
                case Call():
                    after |= dict.fromkeys(self.program.fresh[position], 1)
                case Pin():
                    pass
            counts.append(after)
        return counts


@cache
def _numbered(depth: int) -> Set:
    """The numbers of so many frames."""
    return Set(range(1, depth + 1))


_KINDS = {Constant: Kind.CONSTANT, Call: Kind.CALL, Alias: Kind.ALIAS, Release: Kind.RELEASE, Pin: Kind.PIN}
