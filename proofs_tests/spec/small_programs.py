# SPDX-License-Identifier: Apache-2.0
"""All programs within bounds, up to renaming, for exhaustive exploration.

A program is a constant of a byte, a generator, commands, and a read of every handle that is live at the end. A command
is one of

    a call on one or two tensors, with results; it may overwrite its first tensor, or draw from the generator
    an overwriting call without results
    an alias (through a view), a release, a pin

Handles are numbered as they come; a call that overwrites nothing does not care about the order of its tensors; one that
overwrites has scratch. Costs are 1: they move the clock, and no rule looks at the clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product

from dtr_spec.program import Alias, Call, Command, Constant, Fresh, Pin, Program, Release

GENERATOR = 1
"""The generator's handle; the constant's is 0."""


@dataclass(frozen=True)
class Bounds:
    """The most of each that a program may have."""

    commands: int
    """In all, between the constants and the last read."""
    operators: int
    """Calls."""
    storages: int
    """Results of all calls."""
    results: int = 1
    """Results of one call."""
    size: int = 1
    """Bytes of a result; each takes from 1 to so many."""
    mutations: int = 0
    """Calls that overwrite a tensor or draw from the generator."""
    aliases: int = 0
    releases: int = 0
    pins: int = 0

    def without(self, command: Command) -> "Bounds":
        """What is left after a command."""
        left = replace(self, commands=self.commands - 1)
        match command:
            case Call():
                return replace(
                    left,
                    operators=self.operators - 1,
                    storages=self.storages - len(command.outputs),
                    mutations=self.mutations - len(command.mutates),
                )
            case Alias():
                return replace(left, aliases=self.aliases - 1)
            case Release():
                return replace(left, releases=self.releases - 1)
            case Pin():
                return replace(left, pins=self.pins - 1)
        return left

    @property
    def kept(self) -> bool:
        """No bound is exceeded."""
        return min(self.operators, self.storages, self.mutations, self.aliases, self.releases, self.pins) >= 0


def small_programs(bounds: Bounds) -> Iterator[Program]:
    """All programs within bounds."""
    yield from _extended((Constant(0, 1), Constant(GENERATOR, 0)), (0,), 2, bounds)


def _extended(commands: tuple[Command, ...], live: tuple[int, ...], new: int, bounds: Bounds) -> Iterator[Program]:
    """The program as it is, and all longer ones; ``new`` is the next handle."""
    if live:
        yield Program((*commands, Call("read", live)))
    if bounds.commands:
        for command in _commands(live, new, bounds):
            left = bounds.without(command)
            if left.kept:
                now, handles = _after(command, live, new)
                yield from _extended((*commands, command), now, handles, left)


def _after(command: Command, live: tuple[int, ...], new: int) -> tuple[tuple[int, ...], int]:
    """What is live after a command, and the next handle."""
    match command:
        case Call():
            bound = tuple(output.handle for output in command.outputs)
            return (*live, *bound), new + len(bound)
        case Alias():
            return (*live, new), new + 1
        case Release(handle):
            return tuple(other for other in live if other != handle), new
    return live, new


def _commands(live: tuple[int, ...], new: int, bounds: Bounds) -> Iterator[Command]:
    for sizes in _sizes(bounds):
        results = tuple(Fresh(new + place, size) for place, size in enumerate(sizes))
        asked, scratch = (sum(sizes),), (sum(sizes) + 1, -1)
        for inputs in (*combinations(live, 1), *combinations(live, 2)):
            yield Call("f", inputs, results, profile=asked)
        for inputs in (*permutations(live, 1), *permutations(live, 2)):
            yield Call("fw", inputs, results, (0,), profile=scratch)
        for handle in live:
            yield Call("random", (handle, GENERATOR), results, (1,), profile=asked)
    for inputs in (*permutations(live, 1), *permutations(live, 2)):
        yield Call("w", inputs, mutates=(0,))
    for handle in live:
        yield Alias(new, handle, "t")
        yield Release(handle)
        yield Pin(handle)


def _sizes(bounds: Bounds) -> Iterator[tuple[int, ...]]:
    for count in range(1, bounds.results + 1):
        yield from product(range(1, bounds.size + 1), repeat=count)
