# SPDX-License-Identifier: Apache-2.0
"""Theorem 3.2's adversary, playing: a network that makes any deterministic heuristic recompute N / B times too much.

t_0 is a constant with B children. With t_0 in memory there are B - 1 units for what descends from them, so some
child's path holds nothing resident; the adversary extends such a path, the longest, and the whole of it has to be
rematerialized first (Kirisame et al., appendix B). Every tensor takes one unit and every call one clock unit.

    >>> game = play("h_dtr_eq", budget=4, tensors=64)
    >>> game.forced, game.static, game.least
    (937, 64, 544)
"""

from dataclasses import dataclass
from fractions import Fraction

from dtr_spec.policy import Heuristic
from dtr_spec.program import Call, Command, Constant, Fresh, Program

from .machine import Deallocation, Machine, run
from .outcome import Run

LEAST_BUDGET = 3
"""t_0, a tensor and the one that is computed from it."""

SOURCE = 0
"""The handle of t_0, and its storage."""


@dataclass(frozen=True)
class Game:
    """A network, revealed in the order that costs most, and the same network path by path."""

    budget: int
    paths: tuple[tuple[int, ...], ...]
    """The handles of each path, from t_0's child to its end. A handle is also its storage's index when revealed."""
    online: Run
    """The run against which the network was built. Its program is the network as it was revealed."""
    schedule: Program
    """The same network, path by path: a static schedule."""
    static: int
    """Calls that the same machine executes for the schedule within the same budget."""

    @property
    def tensors(self) -> int:
        """N, without t_0."""
        return sum(map(len, self.paths))

    @property
    def forced(self) -> int:
        """Calls executed online, replays included."""
        return self.tensors + self.online.rematerializations

    @property
    def least(self) -> int:
        """What the adversary forces out of any heuristic, whatever it evicts: N (N / B + 1) / 2, rounded up.

        Extending a path of l tensors costs l + 1 calls, so paths of lengths L_j cost the sum of L_j (L_j + 1) / 2,
        which is least when all B are equally long.
        """
        return -(-self.tensors * (self.tensors + self.budget) // (2 * self.budget))

    @property
    def ratio(self) -> Fraction:
        """How many times what the static schedule needs."""
        return Fraction(self.forced, self.static)


def play(heuristic: Heuristic | str, budget: int, tensors: int, deallocation: Deallocation = "eager") -> Game:
    """Build a network of so many tensors (t_0 not counted) against a heuristic within a budget of units.

    Raises ``ValueError`` if the budget is below three units or exceeds the number of tensors.
    """
    if not LEAST_BUDGET <= budget <= tensors:
        raise ValueError(
            f"a budget of {budget} units for {tensors} tensors: it must be from {LEAST_BUDGET} to {tensors}"
        )
    machine = _Interactive(Program(()), budget, heuristic, deallocation)
    machine.issue(Constant(SOURCE, 1))
    paths: list[list[int]] = [[] for _ in range(budget)]
    for handle in range(1, tensors + 1):
        path = paths[handle - 1] if handle <= budget else _emptied(paths, machine)
        machine.issue(_extension(path, handle))
        path.append(handle)
    online = machine.ended()
    schedule = path_by_path(paths)
    static = run(schedule, budget, heuristic, deallocation)
    assert static.status == "finished"
    return Game(budget, tuple(map(tuple, paths)), online, schedule, tensors + static.rematerializations)


def path_by_path(paths: list[list[int]]) -> Program:
    """The static schedule: each path from its beginning to its end, so that only the last result is ever read."""
    commands: list[Command] = [Constant(SOURCE, 1)]
    for path in paths:
        commands += [_extension(path[:length], handle) for length, handle in enumerate(path)]
    return Program(tuple(commands))


class _Interactive(Machine):
    """A machine whose client sees what is resident before it issues the next command."""

    def issue(self, command: Command) -> None:
        """Carry out one more command."""
        self.program = Program((*self.program.commands, command))
        self.position = len(self.program.commands) - 1
        self._carry_out(command)
        self.retry_banishing()

    def ended(self) -> Run:
        """The run so far."""
        return self._outcome(None)


def _emptied(paths: list[list[int]], machine: Machine) -> list[int]:
    """The longest path that holds nothing resident, the first of several."""
    empty = [path for path in paths if not any(machine.heap[handle].resident for handle in path)]
    return max(empty, key=len)


def _extension(path: list[int], handle: int) -> Call:
    return Call(f"f{handle}", (path[-1] if path else SOURCE,), (Fresh(handle, 1),), profile=(1,))
