# SPDX-License-Identifier: Apache-2.0
"""A family of small programs: all that compute some results, each from a constant and earlier results, and read them.

Each result is computed from one or two of what came before it, and is either large (two bytes, cost 1) or dear
(one byte, cost 3). At the end all are read, oldest first as by inference or newest first as by a backward pass.
What the client will not use any more it releases at once.
"""

from collections.abc import Iterator
from itertools import combinations, product

from dtr_spec.program import Call, Command, Constant, Fresh, Program, Release

Kind = tuple[int, int]
"""Bytes and cost (clock units) of a result."""

LARGE: Kind = (2, 1)
DEAR: Kind = (1, 3)


def small_networks(calls: int) -> Iterator[Program]:
    """All programs of the family with so many results."""
    results = range(1, calls + 1)
    for inputs in product(*map(_sources, results)):
        for kinds in product((LARGE, DEAR), repeat=calls):
            for reads in (results, reversed(results)):
                yield _program(inputs, kinds, tuple(reads))


def _sources(result: int) -> list[tuple[int, ...]]:
    """What a result may be computed from: one or two of the handles before it; 0 is the constant."""
    return [*((source,) for source in range(result)), *combinations(range(result), 2)]


def _program(inputs: tuple[tuple[int, ...], ...], kinds: tuple[Kind, ...], reads: tuple[int, ...]) -> Program:
    calls = [
        Call("f", sources, (Fresh(result, size),), cost=cost, profile=(size,))
        for result, (sources, (size, cost)) in enumerate(zip(inputs, kinds, strict=True), 1)
    ]
    calls += [Call("read", (handle,), cost=0) for handle in reads]
    last_use = {handle: place for place, call in enumerate(calls) for handle in call.inputs}
    commands: list[Command] = [Constant(0, 1)]
    for place, call in enumerate(calls):
        commands.append(call)
        commands += [Release(handle) for handle in sorted(last_use) if last_use[handle] == place]
    return Program(tuple(commands))
