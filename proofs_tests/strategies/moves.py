# SPDX-License-Identifier: Apache-2.0
"""Any well-formed program, from a list of moves that every list is good for.

A move names handles by how recent they are, modulo how many are live, so that moves can be dropped
and numbers lowered without making the program malformed: that is how Hypothesis shrinks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from dtr_spec.program import Program

from ..reference.programs import Builder

VIEWS = ("", "row", "transpose", "even")
"""Names of views; each has a meaning for numpy arrays and torch tensors of any length."""


@dataclass(frozen=True, slots=True)
class Make:
    """A constant of so many bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Compute:
    """A call. ``picks`` name inputs, ``writes`` positions among them, ``sizes`` are the outputs' bytes."""

    op: int
    picks: tuple[int, ...]
    sizes: tuple[int, ...]
    writes: tuple[int, ...]
    cost: int
    scratch: int
    whole: bool
    """Whether the outputs are asked for in one piece."""
    inner: bool
    """Whether the scratch comes after the outputs, not around them."""


@dataclass(frozen=True, slots=True)
class Look:
    """A further handle through a view."""

    pick: int
    view: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The release of a handle."""

    pick: int


@dataclass(frozen=True, slots=True)
class Fix:
    """A pin."""

    pick: int


@dataclass(frozen=True, slots=True)
class Read:
    """An observation."""

    pick: int


Move = Make | Compute | Look | Drop | Fix | Read


def assemble(moves: Sequence[Move]) -> Program:
    """The program that the moves stand for; in the end every live handle is read."""
    build = Builder()
    live: list[int] = []
    for move in moves:
        _carry_out(build, live, move)
    for handle in live:
        build.read(handle)
    return build.program()


def _carry_out(build: Builder, live: list[int], move: Move) -> None:
    match move:
        case Make(size):
            live.append(build.constant(size))
        case Compute():
            _compute(build, live, move)
        case _ if not live:
            pass
        case Look(pick, view):
            live.append(build.alias(_picked(live, pick), view))
        case Drop(pick):
            handle = _picked(live, pick)
            live.remove(handle)
            build.release(handle)
        case Fix(pick):
            build.pin(_picked(live, pick))
        case Read(pick):
            build.read(_picked(live, pick))


def _compute(build: Builder, live: list[int], move: Compute) -> None:
    inputs = [_picked(live, pick) for pick in move.picks] if live else []
    mutates = tuple(sorted({write % len(inputs) for write in move.writes})) if inputs else ()
    outputs = [size for size in move.sizes if size]
    asked = [sum(outputs)] if move.whole and outputs else outputs
    scratch = [move.scratch, -move.scratch] if move.scratch else []
    profile = (*asked, *scratch) if move.inner else (*scratch[:1], *asked, *scratch[1:])
    first = build.call(f"f{move.op}", *inputs, sizes=move.sizes, mutates=mutates, cost=move.cost, profile=profile)
    live += range(first, first + len(move.sizes))


def _picked(live: list[int], pick: int) -> int:
    return live[-1 - pick % len(live)]


_SMALL = st.integers(0, 4)
_PICKS = st.lists(st.integers(0, 11), max_size=3).map(tuple)
_MOVES: st.SearchStrategy[Move] = st.one_of(
    st.builds(
        Compute,
        op=st.integers(0, 2),
        picks=_PICKS,
        sizes=st.lists(_SMALL, max_size=3).map(tuple),
        writes=st.one_of(st.just(()), st.just(()), st.lists(st.integers(0, 2), max_size=2).map(tuple)),
        cost=_SMALL,
        scratch=st.one_of(st.just(0), _SMALL),
        whole=st.booleans(),
        inner=st.booleans(),
    ),
    st.builds(Drop, st.integers(0, 11)),
    st.builds(Look, st.integers(0, 11), st.sampled_from(VIEWS)),
    st.builds(Read, st.integers(0, 11)),
    st.builds(Make, _SMALL),
    st.builds(Fix, st.integers(0, 11)),
)


def programs(max_moves: int = 24) -> st.SearchStrategy[Program]:
    """Any program: generators, several or no outputs, mutation through views, scratch, zero sizes and costs, ties."""
    return st.lists(_MOVES, max_size=max_moves).map(assemble)
