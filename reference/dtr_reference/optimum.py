# SPDX-License-Identifier: Apache-2.0
"""The least cost of any run within a budget: what the best policy with full knowledge of the program could do.

The optimum is over all runs of the machine of ``dtr_spec``: storages may be evicted and rematerialized at any
time, recipes given up, storages collected. For programs that overwrite nothing the machine's runs
can be taken in larger steps without losing a cheapest one, which makes the search (Dijkstra's) fast enough for
thousands of small programs:

* A rematerialization nested in another, or in a call, can as well be done before it, between commands: the locks
  of the outer frame only forbid. So there is a move that rematerializes a storage whose inputs are resident.
* Storages are evicted when room is needed, and none more than needed; siblings that a replay computes are kept;
  what may be collected is collected. Doing otherwise costs no less, and whatever it allows is still allowed later.
* A recipe is given up only where that lets a storage be collected at once: all readers of it together.

``shortest_run.py`` searches the machine's own steps instead, without any of these arguments.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from dtr_spec.program import Alias, Call, Constant, Pin, Program
from dtr_spec.trace import Trace

from .playing import Banish, Move, Player, Proceed, Rematerialize

Storages = int
"""A set of storages as the bits of a number."""


class UnsupportedProgramError(ValueError):
    """The program overwrites a storage; ``shortest_run`` takes it, if it is small."""


@dataclass(frozen=True)
class Optimum:
    """A run of least cost (clock units, all calls and replays), as a trace of the machine."""

    cost: int
    trace: Trace


def optimum(program: Program, budget: int) -> Optimum | None:
    """A run of least cost within a budget of bytes, or None if no run finishes.

    Raises ``UnsupportedProgramError`` for a program with mutations.
    """
    if (found := _search(program, budget)) is None:
        return None
    player = Player(program, budget)
    for move in found[1]:
        player.make(move)
    assert player.cost == found[0]
    return Optimum(player.cost, player.trace())


def least_cost(program: Program, budget: int) -> int | None:
    """The cost of the optimum in clock units, without playing its run."""
    found = _search(program, budget)
    return None if found is None else found[0]


def _search(program: Program, budget: int) -> tuple[int, list[Move]] | None:
    """The cost and the moves of a run of least cost."""
    if any(program.writes.values()):
        raise UnsupportedProgramError("the program overwrites a storage; use dtr_reference.shortest_run")
    if (found := _Game(program, budget).cheapest()) is None:
        return None
    beyond, moves = found
    return beyond + sum(call.cost for call in program.commands if isinstance(call, Call)), moves


class _State(NamedTuple):
    """The machine between two commands, no frame under way, nothing collectable."""

    position: int
    resident: Storages
    promised: Storages
    """Storages with a recipe."""


class _Game:
    """The moves of one program within one budget."""

    def __init__(self, program: Program, budget: int) -> None:
        self.program = program
        self.budget = budget
        storages = range(len(program.sizes))
        self.reads = [_bits(read.storage for read in program.reads.get(c, ())) for c in program.creators]
        self.readers = [_bits(r for r in storages if self.reads[r] >> s & 1) for s in storages]
        self.peaks = {
            position: max(sum(call.profile[:end]) for end in range(len(call.profile) + 1))
            for position, call in enumerate(program.commands)
            if isinstance(call, Call)
        }

    def cheapest(self) -> tuple[int, list[Move]] | None:
        """What a run of least cost spends on rematerializations, and its moves."""
        start = _State(0, 0, 0)
        least = {start: 0}
        came: dict[_State, tuple[_State, Move]] = {}
        order = count()
        queue = [(0, 0, next(order), start)]
        while queue:
            cost, _, _, state = heappop(queue)
            if state.position == len(self.program.commands):
                return cost, _path(came, state)
            if cost > least[state]:
                continue
            for move, price, after in self.moves(state):
                if cost + price < least.get(after, cost + price + 1):
                    least[after] = cost + price
                    came[after] = state, move
                    heappush(queue, (cost + price, -after.position, next(order), after))
        return None

    def moves(self, state: _State) -> Iterator[tuple[Move, int, _State]]:
        """Every move, what it costs beyond the program's own calls, and where it leads."""
        yield from self._proceed(state)
        yield from self._rematerialize(state)
        yield from self._banish(state)

    def _proceed(self, state: _State) -> Iterator[tuple[Move, int, _State]]:
        position, resident, promised = state
        command = self.program.commands[position]
        match command:
            case Constant(handle):
                new = 1 << self.program.storage(handle)
                for evicted in self._evictions(state, 0, command.size):
                    after = self._settled(position + 1, resident & ~evicted | new, promised)
                    yield Proceed(_members(evicted)), 0, after
            case Call():
                inputs = _bits(read.storage for read in self.program.reads[position])
                new = _bits(self.program.fresh[position])
                if inputs & ~resident:
                    return
                for evicted in self._evictions(state, inputs, self.peaks[position]):
                    after = self._settled(position + 1, resident & ~evicted | new, promised | new)
                    yield Proceed(_members(evicted)), 0, after
            case Pin(handle):
                pinned = 1 << self.program.storage(handle)
                if pinned & resident:
                    yield Proceed(), 0, self._settled(position + 1, resident, promised & ~pinned)
            case _:
                yield Proceed(), 0, self._settled(position + 1, resident, promised)

    def _rematerialize(self, state: _State) -> Iterator[tuple[Move, int, _State]]:
        """One move for each call of which some result is missing."""
        position, resident, promised = state
        missing = promised & ~resident
        calls = {self.program.creators[s]: s for s in reversed(_members(missing))}
        for call, target in calls.items():
            if self.reads[target] & ~resident:
                continue
            wanted = missing & _bits(self.program.fresh[call])
            for evicted in self._evictions(state, self.reads[target], self.peaks[call]):
                after = _State(position, resident & ~evicted | wanted, promised)
                yield Rematerialize(target, _members(evicted)), self.program.call(call).cost, after

    def _banish(self, state: _State) -> Iterator[tuple[Move, int, _State]]:
        """Storages without a handle whose readers are all resident."""
        position, resident, promised = state
        for storage in _members(self._alive(position, promised) & ~self.named[position]):
            readers = self.readers[storage] & promised
            if not readers & ~resident:
                yield Banish(_members(readers)), 0, self._settled(position, resident, promised & ~readers)

    def _evictions(self, state: _State, locked: Storages, need: int) -> Iterator[Storages]:
        """The smallest sets whose eviction makes room for ``need`` bytes."""
        lacking = self._bytes(state.resident) + need - self.budget
        sizes = self.program.sizes
        candidates = [s for s in _members(state.resident & state.promised & ~locked) if sizes[s]]

        def sets(start: int, chosen: tuple[int, ...], freed: int) -> Iterator[Storages]:
            if freed >= lacking:
                if all(freed - sizes[s] < lacking for s in chosen):
                    yield _bits(chosen)
                return
            for place in range(start, len(candidates)):
                s = candidates[place]
                yield from sets(place + 1, (*chosen, s), freed + sizes[s])

        yield from sets(0, (), 0)

    def _settled(self, position: int, resident: Storages, promised: Storages) -> _State:
        """The state when all that may be collected has been."""
        alive = self._alive(position, promised)
        return _State(position, resident & alive, promised & alive)

    def _alive(self, position: int, promised: Storages) -> Storages:
        """The storages with a handle, and those that the recipe of such a one reads, and so on."""
        alive = self.named[position]
        for s in reversed(range(len(self.program.sizes))):
            if self.readers[s] & alive & promised:
                alive |= 1 << s
        return alive

    def _bytes(self, storages: Storages) -> int:
        return sum(self.program.sizes[s] for s in _members(storages))

    @cached_property
    def named(self) -> list[Storages]:
        """The storages that have a handle before each command, and at the end."""
        handles: set[int] = set()
        rows = [0]
        for command in self.program.commands:
            match command:
                case Constant(handle) | Alias(handle):
                    handles.add(handle)
                case Call(outputs=outputs):
                    handles |= {output.handle for output in outputs}
                case Pin():
                    pass
                case _:
                    handles.remove(command.handle)
            rows.append(_bits(map(self.program.storage, handles)))
        return rows


def _path(came: dict[_State, tuple[_State, Move]], state: _State) -> list[Move]:
    moves: list[Move] = []
    while state in came:
        state, move = came[state]
        moves.append(move)
    return moves[::-1]


def _bits(storages: Iterable[int]) -> Storages:
    found = 0
    for s in storages:
        found |= 1 << s
    return found


def _members(storages: Storages) -> tuple[int, ...]:
    return tuple(s for s in range(storages.bit_length()) if storages >> s & 1)
