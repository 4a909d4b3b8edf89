# SPDX-License-Identifier: Apache-2.0
"""Every program of a given number of commands, for searches that leave nothing out.

A command is a call with one result (cost 1) or a read without one (cost 0), of at most two distinct tensors in
either order, or the release of a tensor. The last command reads something: else a shorter program does the same.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations

from dtr_spec.program import Call, Command, Fresh, Program, Release

from ..reference.programs import Builder


def programs(length: int, sizes: Sequence[int] = (1,), *, releases: bool = False) -> Iterator[Program]:
    """All of ``length`` commands, with results of any of ``sizes`` bytes."""
    for commands in _extended((), (), 0, length, tuple(sizes), releases):
        if isinstance(commands[-1], Call) and commands[-1].inputs:
            yield Program(commands)


def budgets(program: Program) -> range:
    """All that are worth a try, in bytes: with the last, nothing is ever evicted."""
    return range(1, sum(program.sizes) + 1)


def without_cascades(length: int, most: int) -> Iterator[Program]:
    """Every program of calls that read nothing, and reads of up to so many tensors, as their commands in order."""
    patterns: list[tuple[tuple[int, ...] | None, ...]] = [()]
    for _ in range(length):
        patterns = [
            (*pattern, inputs)
            for pattern in patterns
            for inputs in (None, *(p for n in range(1, most + 1) for p in permutations(range(pattern.count(None)), n)))
        ]
    for pattern in patterns:
        build = Builder()
        for inputs in pattern:
            if inputs is None:
                build.call("f")
            else:
                build.read(*inputs, cost=1)
        yield build.program()


def _extended(
    commands: tuple[Command, ...], live: tuple[int, ...], handle: int, left: int, sizes: tuple[int, ...], releases: bool
) -> Iterator[tuple[Command, ...]]:
    if not left:
        yield commands
        return
    for inputs in (found for count in range(3) for found in permutations(live, count)):
        for size in sizes:
            call = Call(f"f{handle}", inputs, (Fresh(handle, size),), profile=(size,))
            yield from _extended((*commands, call), (*live, handle), handle + 1, left - 1, sizes, releases)
        if inputs:
            read = Call("read", inputs, cost=0)
            yield from _extended((*commands, read), live, handle, left - 1, sizes, releases)
    for released in live if releases else ():
        rest = tuple(other for other in live if other != released)
        yield from _extended((*commands, Release(released)), rest, handle, left - 1, sizes, releases)
