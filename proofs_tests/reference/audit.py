# SPDX-License-Identifier: Apache-2.0
"""An observer of the reference machine, and the eager machine that its values are compared with."""

from typing import Any

import numpy as np

from dtr_reference import Interpretation, Machine, Mixing, Run, Terms
from dtr_reference.eqclass import Classes, ReplayedClasses
from dtr_spec.policy import Heuristic
from dtr_spec.program import Call, Constant, Program


class Auditor(Machine):
    """Recounts the bytes after every step, from what is really held."""

    def step(self, rule: str, subject: int = 0, detail: int = 0, *, taken: int = 0) -> None:
        super().step(rule, subject, detail, taken=taken)
        resident, pool = 0, self.heap.pool
        for storage in self.heap.storages:
            if storage.resident:
                resident += storage.size
                assert (storage.index in pool) == (storage.recoverable and not storage.locks), self.events[-1]
            else:
                assert storage.content is None, self.events[-1]
                assert storage.index not in pool, self.events[-1]
        kept = sum(self.heap[version.storage].size for version in self.heap.kept)
        allocated = sum(frame.allocated for frame in self.frames)
        # A constant comes into being with its step, not before.
        assert self.used == resident + kept + allocated, self.events[-1]
        assert 0 <= self.used <= self.budget, self.events[-1]


def audited(
    program: Program,
    budget: int,
    heuristic: Heuristic | str = "h_dtr",
    deallocation: Any = "eager",
    interpretation: Interpretation | None = None,
) -> Run:
    """A run under audit whose observations, if it finishes, were compared with eager evaluation."""
    meaning = interpretation or Terms()
    result = Auditor(program, budget, heuristic, deallocation, meaning).run()
    expected = eager(program, meaning)
    if result.status == "out_of_memory":
        expected = expected[: len(result.observations)]
        assert result.out_of_memory is not None
        assert result.trace.events[-1].rule == "out_of_memory"
        lack = result.out_of_memory
        assert lack.used + lack.need > lack.budget
        assert lack.used == lack.locked + lack.held + lack.kept + lack.allocated
    assert equal(result.observations, expected)
    return result


def eager(program: Program, interpretation: Interpretation) -> tuple[Any, ...]:
    """The observations of the eager machine: unlimited memory, every buffer resident, mutation in place."""
    memory: dict[int, Any] = {}
    observations: list[Any] = []
    for position, command in enumerate(program.commands):
        if isinstance(command, Constant):
            storage = program.storage(command.handle)
            memory[storage] = interpretation.constant(storage)
        elif isinstance(command, Call):
            tensors = [program.tensors[handle] for handle in command.inputs]
            arguments = [(memory[tensor.storage], tensor.views) for tensor in tensors]
            if not command.outputs and not command.mutates:
                observations.append(interpretation.observation(command, arguments))
            fresh, written = interpretation.results(command, arguments)
            for place in sorted(command.mutates):
                storage, views = tensors[place]
                memory[storage] = interpretation.written(memory[storage], views, written[place])
            memory |= zip(program.fresh[position], fresh, strict=True)
    return tuple(observations)


def equal(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether observations are equal: words bit by bit, terms by identity."""
    if len(one) != len(other):
        return False
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a is b for a, b in zip(one, other, strict=True))


def unlimited(program: Program) -> int:
    """A budget in bytes that forces nothing out: every buffer, copy and allocation at once."""
    calls = [command for command in program.commands if isinstance(command, Call)]
    asked = sum(piece for call in calls for piece in call.profile if piece > 0)
    copied = sum(program.sizes[s] for writes in program.writes.values() for s in writes)
    return sum(program.sizes) + asked + copied


class BothClasses:
    """The union-find classes and their definitional twin, which must always agree."""

    def __init__(self) -> None:
        self.fast = Classes()
        self.slow = ReplayedClasses()
        self.phantoms = False
        """Whether a storage ever left, so that a class may be more than what is still connected."""

    def join(self, storage: int, cost: int, neighbors: Any) -> None:
        neighbors = tuple(neighbors)
        self.fast.join(storage, cost, neighbors)
        self.slow.join(storage, cost, neighbors)

    def leave(self, storage: int) -> None:
        self.phantoms = True
        self.fast.leave(storage)
        self.slow.leave(storage)

    def cost(self, neighbors: Any) -> int:
        neighbors = tuple(neighbors)
        cost = self.fast.cost(neighbors)
        assert cost == self.slow.cost(neighbors)
        return cost


__all__ = ["Auditor", "BothClasses", "Mixing", "audited", "eager", "equal", "unlimited"]
