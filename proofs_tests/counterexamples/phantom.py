# SPDX-License-Identifier: Apache-2.0
"""Where h_DTR^eq decides otherwise for a phantom connection alone.

Classes differ from e* in two ways: edges have no direction, and what was connected once stays so. A third score, with
the cost of the undirected component as it is now, tells them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from dtr_reference import Machine
from dtr_reference.heap import View
from dtr_spec.policy import Score, least
from dtr_spec.program import Program


@dataclass(frozen=True)
class Choice:
    """What each cost would evict at one event."""

    event: int
    exact: int
    """By e*: h_DTR's choice."""
    component: int
    """By the undirected component of evicted storages."""
    classes: int
    """By the union-find classes: h_DTR^eq's choice, which is taken."""

    @property
    def phantom(self) -> bool:
        """Whether only what is connected no more makes the difference."""
        return self.exact == self.component != self.classes


class Probe(Machine):
    """The machine under h_DTR^eq, which notes what the other costs would have evicted."""

    def __init__(self, program: Program, budget: int) -> None:
        super().__init__(program, budget, "h_dtr_eq", "ignore")
        self.choices: list[Choice] = []

    def _victim(self, size: int) -> int:
        exact = self._least(lambda view: view.neighborhood_cost)
        component = self._least(lambda view: self.heap.cost(self._component(view.index)))
        classes = self._least(lambda view: view.class_cost)
        self.choices.append(Choice(len(self.events), exact, component, classes))
        return classes

    def _least(self, around: Callable[[View], int]) -> int:
        return least((self._quotient(View(self.heap, s), around), turn, s) for s, turn in self.heap.pool.items())

    def _quotient(self, view: View, around: Callable[[View], int]) -> Score:
        denominator = view.size * (self.clock - view.last_access)
        return Fraction(view.cost + around(view), denominator) if denominator else float("inf")

    def _component(self, index: int) -> set[int]:
        found: set[int] = set()
        pending = list(self.heap.evicted_neighbors(index))
        while pending:
            if (storage := pending.pop()) not in found:
                found.add(storage)
                pending += self.heap.evicted_neighbors(storage)
        return found


def phantom_choices(program: Program, budget: int) -> list[Choice]:
    """The decisions that a phantom connection changes in a run."""
    probe = Probe(program, budget)
    probe.run()
    return [choice for choice in probe.choices if choice.phantom]
