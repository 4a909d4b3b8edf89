# SPDX-License-Identifier: Apache-2.0
"""How many bytes a program takes without rematerialization, and how many no run can do without."""

from collections.abc import Iterator

from dtr_spec.program import Alias, Call, Constant, Pin, Program, Release


def eager_peak(program: Program) -> int:
    """The greatest number of bytes in use when nothing is evicted and handles keep their storages, in bytes."""
    return max((live + pieces for live, _, pieces in _moments(program)), default=0)


def floor(program: Program) -> int:
    """A lower bound of feasible budgets: live constants, the inputs of a call and its profile at once, in bytes."""
    return max((inputs + pieces for _, inputs, pieces in _moments(program)), default=0)


def _moments(program: Program) -> Iterator[tuple[int, int, int]]:
    """At each command: bytes of live storages, of those that cannot be evicted then, and the profile's peak."""
    handles: dict[int, int] = {}
    for position, command in enumerate(program.commands):
        inputs: set[int] = set()
        pieces = 0
        match command:
            case Call():
                inputs = {read.storage for read in program.reads[position]}
                pieces = max(sum(command.profile[:end]) for end in range(len(command.profile) + 1))
            case Constant(handle) | Alias(handle):
                storage = program.storage(handle)
                handles[storage] = handles.get(storage, 0) + 1
            case Release(handle):
                storage = program.storage(handle)
                handles[storage] -= 1
            case Pin():
                pass
        live = {storage for storage, count in handles.items() if count}
        fixed = {storage for storage in live if isinstance(program.commands[program.creators[storage]], Constant)}
        yield _bytes(program, live), _bytes(program, fixed | inputs), pieces
        handles |= dict.fromkeys(program.fresh.get(position, ()), 1)


def _bytes(program: Program, storages: set[int]) -> int:
    return sum(program.sizes[storage] for storage in storages)
