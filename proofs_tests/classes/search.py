# SPDX-License-Identifier: Apache-2.0
"""Every run of the reference on every small program, whatever is evicted: where do class costs differ from e*?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from dtr_reference import Machine
from dtr_reference.heap import View
from dtr_reference.neighborhood import evicted_component
from dtr_spec.program import Call, Command, Constant, Fresh, Program
from dtr_spec.trace import Trace


@dataclass(frozen=True)
class Difference:
    """Costs of one evictable storage that differ at some moment of a run, in clock units."""

    trace: Trace
    event: int
    """How many events of the trace have happened."""
    storage: int
    class_cost: int
    component_cost: int
    neighborhood_cost: int

    @property
    def named(self) -> Trace:
        """The trace, with what it shows in its header."""
        shows = (
            f"after {self.event} events the classes beside storage {self.storage} cost {self.class_cost}, its evicted "
            f"component {self.component_cost}, its evicted neighborhood {self.neighborhood_cost}"
        )
        return replace(self.trace, configuration={"shows": shows})


def programs(commands: int) -> list[Program]:
    """All programs of a constant of no bytes and so many commands, fewest inputs first.

    Results have one byte and cost one unit.

    A command is a call with one result on one or two handles, or a read of one result. Nothing is released.
    """

    def longer(written: tuple[Command, ...], handles: int, left: int) -> Iterator[Program]:
        if not left:
            yield Program(written)
            return
        for inputs in (*combinations(range(handles), 1), *combinations(range(handles), 2)):
            call = Call("f", inputs, (Fresh(handles, 1),), profile=(1,))
            yield from longer((*written, call), handles + 1, left - 1)
        for handle in range(1, handles):
            yield from longer((*written, Call("read", (handle,), cost=0)), handles, left - 1)

    return sorted(longer((Constant(0, 0),), 1, commands), key=_inputs)


def _inputs(program: Program) -> int:
    return sum(len(reads) for reads in program.reads.values())


def differences(program: Program) -> Iterator[Difference]:
    """Over all choices of what to evict, within every budget that forces something out."""
    for budget in range(1, sum(program.sizes)):
        choices: list[int] | None = []
        while choices is not None:
            machine = _Chooser(program, budget, choices)
            trace = machine.run().trace
            yield from (replace(found, trace=trace) for found in machine.differences)
            choices = machine.following()


class _Chooser(Machine):
    """Evicts as told, then the first; notes where costs differ."""

    def __init__(self, program: Program, budget: int, choices: list[int]) -> None:
        super().__init__(program, budget, "h_lru", "ignore")
        self.choices = choices
        self.taken: list[tuple[int, int]] = []
        """Each choice made, and of how many."""
        self.differences: list[Difference] = []

    def following(self) -> list[int] | None:
        """The next choices in lexicographic order."""
        for place in reversed(range(len(self.taken))):
            choice, alternatives = self.taken[place]
            if choice + 1 < alternatives:
                return [*(choice for choice, _ in self.taken[:place]), choice + 1]
        return None

    def _victim(self, size: int) -> int:
        place, pool = len(self.taken), sorted(self.heap.pool)
        choice = self.choices[place] if place < len(self.choices) else 0
        self.taken.append((choice, len(pool)))
        return pool[choice]

    def step(self, rule: str, subject: int = 0, detail: int = 0, *, taken: int = 0) -> None:
        super().step(rule, subject, detail, taken=taken)
        if rule in ("evict", "bind"):
            self.differences += self._differing()

    def _differing(self) -> Iterator[Difference]:
        for storage in self.heap.storages:
            if storage.resident and storage.recoverable:
                view = View(self.heap, storage.index)
                component = self.heap.cost(evicted_component(self.heap, storage.index))
                if view.class_cost != view.neighborhood_cost:
                    costs = (view.class_cost, component, view.neighborhood_cost)
                    yield Difference(Trace(self.program, self.budget, ()), len(self.events), storage.index, *costs)
