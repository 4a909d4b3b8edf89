# SPDX-License-Identifier: Apache-2.0
"""How equivalence classes, their definition, and evicted neighborhoods are related."""

from collections.abc import Callable

import pytest

from dtr_reference import HEURISTICS, Machine
from dtr_reference.heap import View
from dtr_reference.machine import DEALLOCATIONS, Deallocation
from dtr_reference.neighborhood import evicted_component, evicted_neighborhood
from dtr_spec.policy import Score, StorageView
from dtr_spec.program import Version

from ..claims import claim
from .audit import BothClasses, unlimited
from .programs import Builder, random_program

PROGRAMS = 50


class Related(Machine):
    """Compares all costs of all resident storages after every step."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # pyright: ignore[reportArgumentType]
        self.classes = BothClasses()
        self.heap.classes = self.classes
        self.compared = 0

    def step(self, rule: str, subject: int = 0, detail: int = 0, *, taken: int = 0) -> None:
        super().step(rule, subject, detail, taken=taken)
        if rule not in ("evict", "bind", "collect", "execute", "hold"):
            return
        for storage in self.heap.storages:
            if storage.resident:
                self.compare(View(self.heap, storage.index))

    def compare(self, view: View) -> None:
        """What is claimed below, for one storage."""
        component = self.heap.cost(evicted_component(self.heap, view.index))
        assert view.class_cost >= component >= view.neighborhood_cost >= view.ancestors_cost
        if not self.classes.phantoms:
            assert view.class_cost == component
        self.compared += 1


@claim("T12", "The union-find classes cost what their definition says.", method="property-tested")
@claim(
    "T12",
    "A storage's classes cost at least its undirected evicted component, which costs at least e*; the first two are "
    "equal until an evicted storage is rematerialized or collected.",
    method="property-tested",
)
@pytest.mark.parametrize("deallocation", DEALLOCATIONS)
def test_classes_contain_components_contain_neighborhoods(
    deallocation: Deallocation, claim_scope: Callable[[str], None]
) -> None:
    """class_cost = its definition >= undirected component >= e*; the examples below show both inequalities strict."""
    compared = 0
    for seed in range(PROGRAMS):
        program = random_program(seed)
        peak = Related(program, unlimited(program), "h_lru", deallocation).run().peak
        machine = Related(program, max(0, peak - 2), list(HEURISTICS)[seed % len(HEURISTICS)], deallocation)
        machine.run()
        compared += machine.compared
    claim_scope(f"{compared:,} comparisons")


class Least:
    """Evicts storages in a given order."""

    def __init__(self, *order: int) -> None:
        self.order = order

    def score(self, storage: StorageView, clock: int) -> Score:
        return self.order.index(storage.index) if storage.index in self.order else len(self.order)


def test_a_component_may_be_more_than_the_neighborhood() -> None:
    """b and c read a, and b and a are evicted: c is resident, and b is neither its ancestor nor its descendant."""
    build = Builder()
    x = build.constant(0)
    a = build.call("a", x, cost=2)
    build.call("b", a, cost=3)
    build.call("c", a, cost=5)
    build.call("d", x, sizes=(2,))
    machine = Machine(build.program(), 3, Least(2, 1))
    machine.run()
    view = View(machine.heap, 3)
    assert [storage.resident for storage in machine.heap.storages] == [True, False, False, True, True]
    assert (view.neighborhood_cost, view.class_cost) == (2, 2 + 3)


def test_neighborhoods_go_both_ways() -> None:
    """In the chain a - b - c - d - e with all but c evicted, e* of c is everything else, its ancestors a and b."""
    build = Builder()
    handle = build.constant(0)
    for op, cost in zip("abcde", (1, 2, 4, 8, 16), strict=True):
        handle = build.call(op, handle, cost=cost)
    build.call("large", 0, sizes=(4,))
    machine = Machine(build.program(), 5, Least(1, 2, 4, 5))
    machine.run()
    view = View(machine.heap, 3)
    assert (view.neighborhood_cost, view.class_cost, view.ancestors_cost) == (1 + 2 + 8 + 16, 1 + 2 + 8 + 16, 1 + 2)


def test_a_kept_version_makes_no_edge() -> None:
    """y reads the first version of t, kept aside, while t is evicted at its second: neither is the other's neighbor."""
    build = Builder()
    x = build.constant(8)
    t = build.call("t", x, sizes=(2,), cost=3)
    build.call("norm", x, t, sizes=(1,), mutates=(1,))
    build.call("large", x, sizes=(4,))
    machine = Machine(build.program(), 15, Least(1))
    machine.run()
    view = View(machine.heap, 2)
    assert [storage.resident for storage in machine.heap.storages] == [True, False, True, True]
    assert list(machine.heap.kept) == [Version(1, 0)]
    assert (view.neighborhood_cost, view.class_cost, view.ancestors_cost) == (0, 0, 0)


def test_a_phantom_connection() -> None:
    """b and c, evicted, stay in one class after a, which joined them, is rematerialized: d's classes cost b and c."""
    build = Builder()
    x = build.constant(0)
    a = build.call("a", x, cost=2)
    b = build.call("b", a, cost=3)
    build.call("c", a, cost=5)
    build.call("d", b, cost=7)
    build.release(build.call("large", x, sizes=(3,)))
    build.read(a)
    machine = Machine(build.program(), 4, Least(1, 2, 3))
    machine.run()
    view = View(machine.heap, 4)
    assert [storage.resident for storage in machine.heap.storages[:5]] == [True, True, False, False, True]
    assert evicted_component(machine.heap, 4) == evicted_neighborhood(machine.heap, 4) == {2}
    assert (view.neighborhood_cost, view.class_cost) == (3, 3 + 5)
