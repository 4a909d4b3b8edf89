# SPDX-License-Identifier: Apache-2.0
"""All programs up to a size, for exhaustive exploration."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from dtr_spec.program import Alias, Call, Command, Constant, Fresh, Program, Release


@dataclass(frozen=True)
class Draft:
    """A program so far, and the handles that it may still use."""

    commands: tuple[Command, ...]
    live: tuple[int, ...]
    handles: int

    def then(self, command: Command, live: tuple[int, ...], bound: int = 0) -> "Draft":
        return Draft((*self.commands, command), live, self.handles + bound)


def small_programs(commands: int) -> Iterator[Program]:
    """All programs with a constant of a byte, a generator, so many commands, and a read of what is live.

    A command is a call with one result (a byte) on one or two live handles, with or without
    overwriting its first input or the generator; a mutation of one or two; an alias; or a release.
    """
    start = Draft((Constant(0, 1), Constant(1, 0)), (0,), 2)
    drafts = [start]
    for _ in range(commands):
        drafts = [longer for draft in drafts for longer in _extensions(draft)]
    for draft in drafts:
        if draft.live:
            yield Program((*draft.commands, Call("read", draft.live)))


def _extensions(draft: Draft) -> Iterator[Draft]:
    new = draft.handles
    for inputs in [(a,) for a in draft.live] + list(product(draft.live, repeat=2)):
        yield draft.then(Call("f", inputs, (Fresh(new, 1),), profile=(1,)), (*draft.live, new), 1)
        yield draft.then(Call("w", inputs, mutates=(0,)), draft.live)
    for a in draft.live:
        yield draft.then(Call("fw", (a,), (Fresh(new, 1),), (0,), profile=(2, -1)), (*draft.live, new), 1)
        yield draft.then(Call("random", (a, 1), (Fresh(new, 1),), (1,), profile=(1,)), (*draft.live, new), 1)
        yield draft.then(Alias(new, a, "t"), (*draft.live, new), 1)
        yield draft.then(Release(a), tuple(h for h in draft.live if h != a))
