# SPDX-License-Identifier: Apache-2.0
"""The tensor language: the stream of commands that a client issues without seeing memory.

A program is straight-line, so everything about it that does not depend on memory is static:
which storage a handle denotes, which call wrote which version of a storage, and which versions
a call reads. ``Program`` computes those tables once; the machine only adds what memory decides.

Storages are numbered in creation order, calls by their position in the program, versions from
0 (what the creating command wrote) upwards, one per mutating call.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class ProgramError(ValueError):
    """A malformed program; the message names the position of the offending command."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A storage without a recipe (a parameter, an input, a generator), never evictable.

    A random generator is a constant of zero bytes: its state lives outside the budget.
    """

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new storage that a call returns: its first handle and its size in bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Call:
    """A pure function of the tensors behind ``inputs``.

    ``outputs`` are fresh storages; aliases of an input are made by ``Alias`` commands.
    ``mutates`` lists positions in ``inputs`` whose storages are overwritten in place.
    ``cost`` is in clock units. ``profile`` lists the bytes asked for (positive) and given back
    (negative) while the call runs, in order, outputs and scratch alike; they must sum to the
    bytes of the outputs. A call without outputs and mutations is a read: an observation.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[Fresh, ...] = ()
    mutates: tuple[int, ...] = ()
    cost: int = 1
    profile: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """A further handle: the tensor behind ``of`` seen through ``view`` ("" copies the handle)."""

    handle: int
    of: int
    view: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """The client drops a handle."""

    handle: int


@dataclass(frozen=True, slots=True)
class Pin:
    """Make the storage behind a handle resident and keep it so for good."""

    handle: int


Command = Constant | Call | Alias | Release | Pin


class Tensor(NamedTuple):
    """A view of a storage; ``views`` is the path of views applied to it, outermost last."""

    storage: int
    views: tuple[str, ...] = ()


class Version(NamedTuple):
    """One content of a storage, from one write to the next."""

    storage: int
    number: int


@dataclass(frozen=True)
class Program:
    """A well-formed stream of commands and its static tables.

    Raises ``ProgramError`` if a handle is bound twice, used before it is bound or after its
    release, a size or cost is negative, or a profile does not sum to the outputs' bytes.
    """

    commands: tuple[Command, ...]
    tensors: dict[int, Tensor] = field(init=False, repr=False, compare=False)
    """The tensor behind each handle."""
    sizes: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """Bytes of each storage."""
    creators: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The position of the command that created each storage."""
    mutators: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    """The positions of the calls that overwrote each storage, in order."""
    reads: dict[int, tuple[Version, ...]] = field(init=False, repr=False, compare=False)
    """For each call, the distinct versions it reads, in argument order."""
    fresh: dict[int, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    """For each call, the storages it creates."""
    writes: dict[int, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    """For each call, the distinct storages it overwrites, in argument order."""

    def __post_init__(self) -> None:
        tables = _Tables()
        for position, command in enumerate(self.commands):
            try:
                tables.add(position, command)
            except ProgramError as error:
                raise ProgramError(f"command {position} ({command}): {error}") from None
        for name in ("tensors", "creators", "reads", "fresh", "writes"):
            object.__setattr__(self, name, getattr(tables, name))
        object.__setattr__(self, "sizes", tuple(tables.sizes))
        object.__setattr__(self, "creators", tuple(tables.creators))
        object.__setattr__(self, "mutators", tuple(map(tuple, tables.mutators)))

    def call(self, position: int) -> Call:
        """The call at a position."""
        command = self.commands[position]
        assert isinstance(command, Call)
        return command

    def storage(self, handle: int) -> int:
        """The storage behind a handle."""
        return self.tensors[handle].storage

    def chain(self, version: Version) -> tuple[int, ...]:
        """The calls that produce a version, oldest first: the creating call, then the mutators.

        Empty if the storage is a constant: nothing can produce it again.
        """
        creator = self.creators[version.storage]
        if isinstance(self.commands[creator], Constant):
            return ()
        return (creator, *self.mutators[version.storage][: version.number])

    def recipe_reads(self, version: Version) -> tuple[Version, ...]:
        """The versions of *other* storages that producing ``version`` reads, distinct, in order."""
        found: dict[Version, None] = {}
        for call in self.chain(version):
            found |= {read: None for read in self.reads[call] if read.storage != version.storage}
        return tuple(found)


class _Tables:
    """The static tables of a program, built one command at a time."""

    def __init__(self) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.released: set[int] = set()
        self.sizes: list[int] = []
        self.creators: list[int] = []
        self.mutators: list[list[int]] = []
        self.reads: dict[int, tuple[Version, ...]] = {}
        self.fresh: dict[int, tuple[int, ...]] = {}
        self.writes: dict[int, tuple[int, ...]] = {}

    def add(self, position: int, command: Command) -> None:
        match command:
            case Constant(handle, size):
                self._create(position, handle, size)
            case Call():
                self._call(position, command)
            case Alias(handle, of, view):
                tensor = self._live(of)
                self._bind(handle, tensor._replace(views=(*tensor.views, view) if view else tensor.views))
            case Release(handle):
                self._live(handle)
                self.released.add(handle)
            case Pin(handle):
                self._live(handle)

    def _call(self, position: int, call: Call) -> None:
        storages = _distinct(self._live(handle).storage for handle in call.inputs)
        if any(not 0 <= i < len(call.inputs) for i in call.mutates):
            raise ProgramError(f"mutates {call.mutates}, but has {len(call.inputs)} inputs")
        if call.cost < 0:
            raise ProgramError("a cost cannot be negative")
        if sum(call.profile) != sum(output.size for output in call.outputs):
            raise ProgramError("the profile must sum to the bytes of the outputs")
        if 0 in call.profile:
            raise ProgramError("a piece of the profile cannot be 0")
        if any(sum(call.profile[:end]) < 0 for end in range(len(call.profile))):
            raise ProgramError("the profile frees more than it allocated")
        writes = _distinct(self.tensors[call.inputs[i]].storage for i in sorted(call.mutates))
        self.reads[position] = tuple(Version(s, len(self.mutators[s])) for s in storages)
        self.writes[position] = writes
        for storage in writes:
            self.mutators[storage].append(position)
        self.fresh[position] = tuple(self._create(position, o.handle, o.size) for o in call.outputs)

    def _create(self, position: int, handle: int, size: int) -> int:
        if size < 0:
            raise ProgramError("a size cannot be negative")
        storage = len(self.sizes)
        self._bind(handle, Tensor(storage))
        self.sizes.append(size)
        self.creators.append(position)
        self.mutators.append([])
        return storage

    def _bind(self, handle: int, tensor: Tensor) -> None:
        if handle in self.tensors:
            raise ProgramError(f"handle {handle} is already bound")
        self.tensors[handle] = tensor

    def _live(self, handle: int) -> Tensor:
        if handle not in self.tensors:
            raise ProgramError(f"handle {handle} is not bound")
        if handle in self.released:
            raise ProgramError(f"handle {handle} was released")
        return self.tensors[handle]


def _distinct(items: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(items))
