# SPDX-License-Identifier: Apache-2.0
"""T12: how classes are related to evicted neighborhoods, in both directions, by induction.

Never less: evicted storages that a recipe joins are in one class, so whatever a search through evicted storages
reaches is in a class beside the storage where it began. Costs are not negative; hence class cost >= component >= e*.
Not more while nothing has left: two storages of a class are then connected. And never more on a path, where each recipe
reads one storage and each storage is read by one recipe: classes are the runs of evicted storages, whatever happens.
The counterexamples show that nothing more holds.
"""

from collections.abc import Callable
from typing import Any

import pytest
import z3

from ..arithmetic.solver import Status, status
from ..claims import claim
from .partition import Change, Partition, join, leave, unite
from .symbolic import anything, arbitrary_set, preserved, steps, storage
from .test_conservation import INVARIANTS

EDGE = z3.Function("edge", z3.IntSort(), z3.IntSort(), z3.BoolSort())
"""A recipe reads a storage, in either direction. Arbitrary, and fixed during a step of the partition."""

CONNECTED = z3.Function("connected", z3.IntSort(), z3.IntSort(), z3.BoolSort())
"""Any equivalence of storages under which evicted storages joined by an edge are equivalent."""


def both_ways() -> Any:
    """Edges have no direction here."""
    a, b = z3.Ints("a b")
    return z3.ForAll([a, b], EDGE(a, b) == EDGE(b, a))


def joined_share_a_class(p: Partition) -> Any:
    """Two evicted storages joined by an edge are in one class, or are about to be."""
    a, b = z3.Ints("a b")
    soon = z3.Or(z3.And(a == p.latest, p.pending.has(b)), z3.And(b == p.latest, p.pending.has(a)))
    together = z3.Or(p.label[a] == p.label[b], soon)
    return z3.ForAll([a, b], z3.Implies(z3.And(p.evicted.has(a), p.evicted.has(b), EDGE(a, b), a != b), together))


def beside(p: Partition) -> Any:
    """Of the operands of ``join``: the neighbors given are all evicted storages that an edge joins to s."""
    x, s = z3.Ints("x s")
    neighbors = arbitrary_set("neighbors")
    return z3.ForAll([x], neighbors.has(x) == z3.And(p.evicted.has(x), EDGE(s, x), x != s))


@claim("T12", "Evicted storages that a recipe joins are always in one class.", method="proved for all")
@pytest.mark.parametrize("name", ["join", "unite", "leave"])
def test_joined_storages_share_a_class(name: str) -> None:
    """Inductive, for any edges, with phantom connections or without."""
    step = steps()[name]
    found = preserved((*INVARIANTS, joined_share_a_class), step, [both_ways(), beside(step[0])])
    assert set(found.values()) == {"proved"}


@claim("T12", "Recipes given up and storages created never part joined storages.", method="proved for all")
def test_edges_that_disappear_do_no_harm() -> None:
    """Edges may go at any time, and come while one end is resident: what is created has just been computed."""
    p = anything("p")
    later = z3.Function("edge later", z3.IntSort(), z3.IntSort(), z3.BoolSort())
    a, b = z3.Ints("a b")
    evicted = z3.And(p.evicted.has(a), p.evicted.has(b))
    none_between = z3.ForAll([a, b], z3.Implies(z3.And(evicted, later(a, b)), EDGE(a, b)))
    after = z3.substitute_funs(joined_share_a_class(p), (EDGE, later(z3.Var(0, z3.IntSort()), z3.Var(1, z3.IntSort()))))
    assert status([joined_share_a_class(p), none_between], after) == "proved"


@claim(
    "T12",
    "What a search through evicted storages reaches is in a class beside its start: classes contain e*.",
    method="proved for all",
)
def test_classes_contain_whatever_is_reached() -> None:
    """The step of the induction along a path: with x also its evicted neighbor y is in a class beside the start."""
    p = anything("p")
    start, x, y = z3.Ints("start x y")
    n = z3.Int("n")

    def in_a_class_beside(z: Any) -> Any:
        return z3.Exists([n], z3.And(p.evicted.has(n), EDGE(start, n), p.label[n] == p.label[z]))

    settled = p.pending.every(lambda n: z3.BoolVal(False))
    invariants = [joined_share_a_class(p), both_ways(), settled]
    assert status([*invariants, p.evicted.has(y), EDGE(start, y)], in_a_class_beside(y)) == "proved"
    reached = [p.evicted.has(x), p.evicted.has(y), EDGE(x, y), x != y, in_a_class_beside(x)]
    assert status([*invariants, *reached], in_a_class_beside(y)) == "proved"


def equivalence() -> Any:
    """``CONNECTED`` is an equivalence."""
    a, b, c = z3.Ints("a b c")
    return z3.And(
        z3.ForAll([a], CONNECTED(a, a)),
        z3.ForAll([a, b], CONNECTED(a, b) == CONNECTED(b, a)),
        z3.ForAll([a, b, c], z3.Implies(z3.And(CONNECTED(a, b), CONNECTED(b, c)), CONNECTED(a, c))),
    )


def contains_edges(p: Partition) -> Any:
    """Evicted storages joined by an edge are connected."""
    a, b = z3.Ints("a b")
    return z3.ForAll([a, b], z3.Implies(z3.And(p.evicted.has(a), p.evicted.has(b), EDGE(a, b)), CONNECTED(a, b)))


def classes_are_connected(p: Partition) -> Any:
    """Two members of a class are connected, and what is pending is joined by an edge."""
    a, b = z3.Ints("a b")
    members = z3.And(p.evicted.has(a), p.evicted.has(b), p.label[a] == p.label[b])
    return z3.And(z3.ForAll([a, b], z3.Implies(members, CONNECTED(a, b))), p.pending.every(lambda n: EDGE(p.latest, n)))


def without_phantoms(name: str) -> Status:
    """Whether a step keeps classes connected, whatever equivalence contains the edges after it."""
    p, change = steps()[name]
    before = [*(invariant(p) for invariant in INVARIANTS), classes_are_connected(p)]
    given = [equivalence(), both_ways(), beside(p), contains_edges(change.after)]
    return status([*before, *change.premises, *given], classes_are_connected(change.after))


@claim(
    "T12",
    "Until a storage leaves, two members of a class are connected through evicted storages: class = component.",
    method="proved for all",
)
@pytest.mark.parametrize("name", ["join", "unite"])
def test_classes_are_components_until_something_leaves(name: str) -> None:
    """An eviction only adds edges between evicted storages: what contains those after contains those before."""
    assert without_phantoms(name) == "proved"


def test_leaving_makes_phantoms() -> None:
    """Without its edges the leaving storage no longer connects: Z3 finds two members that nothing connects."""
    p, change = steps()["leave"]
    edges = contains_edges(change.after)
    given = [*(invariant(p) for invariant in INVARIANTS), equivalence(), edges, *change.premises]
    one, s, other = z3.Ints("one s other")
    phantom = [p.evicted.has(one), p.evicted.has(other), p.label[one] == p.label[other], s != one, s != other]
    assert status([*given, *phantom, EDGE(one, s), EDGE(s, other)], CONNECTED(one, other)) == "refuted"


# On a path storage i's recipe reads i - 1, for all i.


def runs_share_a_class(p: Partition) -> Any:
    """Evicted neighbors on the path are in one class."""
    i = z3.Int("i")
    return z3.ForAll([i], z3.Implies(z3.And(p.evicted.has(i), p.evicted.has(i + 1)), p.label[i] == p.label[i + 1]))


def classes_are_runs(p: Partition) -> Any:
    """All between two members of a class is evicted."""
    i, j, k = z3.Ints("i j k")
    members = z3.And(p.evicted.has(i), p.evicted.has(j), p.label[i] == p.label[j])
    return z3.ForAll([i, j, k], z3.Implies(z3.And(members, i <= k, k <= j), p.evicted.has(k)))


RUNS = (*INVARIANTS, runs_share_a_class, classes_are_runs)


def on_a_path(change: Callable[[Partition], tuple[Partition, list[Any]]], around: set[int]) -> set[Status]:
    """Whether a change keeps the classes the runs of evicted storages; it can happen with those ``around`` evicted."""
    p = anything("p")
    after, given = change(p)
    premises = [*(invariant(p) for invariant in RUNS), *given]
    assert status([*premises, *witness(p, around)], z3.BoolVal(False)) == "refuted", "the proof would be vacuous"
    return {status(premises, goal(after)) for goal in RUNS}


def witness(p: Partition, evicted: set[int]) -> list[Any]:
    """The partition in which just those are evicted, each at cost 1, and what changes is storage 2.

    Given to Z3, which then has only to check it: to find one takes it a while, on a loaded machine too long.
    """
    first = {i: min(j for j in evicted if all(k in evicted for k in range(j, i))) for i in evicted}
    x, s = storage("x"), storage("s")
    nothing: Any = z3.K(z3.IntSort(), z3.IntVal(0))
    labels, costs = nothing, nothing
    for i in evicted:
        labels = z3.Store(labels, i, first[i])
        costs = z3.Store(costs, first[i], sum(first[j] == first[i] for j in evicted))
    beside_it = z3.Or(*(x == i for i in evicted & {1, 3}))
    return [
        z3.ForAll([x], p.evicted.has(x) == z3.Or(*(x == i for i in evicted))),
        p.label.array == labels,
        p.cost.array == costs,
        p.own.array == z3.K(z3.IntSort(), z3.IntVal(1)),
        z3.ForAll([x], arbitrary_set("neighbors").has(x) == beside_it),
        p.pending.every(lambda n: z3.BoolVal(False)),
        *(number == value for number, value in ((p.fresh, 9), (p.latest, 0), (s, 2), (storage("cost"), 1))),
    ]


def evicted_between(left: bool, right: bool) -> Callable[[Partition], tuple[Partition, list[Any]]]:
    """Storage s is evicted where its neighbors are or are not."""

    def change(p: Partition) -> tuple[Partition, list[Any]]:
        s = storage("s")
        neighbors = [s - 1] * left + [s + 1] * right
        given = [p.evicted.has(s - 1) == left, p.evicted.has(s + 1) == right]
        pending = arbitrary_set("neighbors")
        x = z3.Int("x")
        given.append(z3.ForAll([x], pending.has(x) == z3.Or(*(x == n for n in neighbors))))
        made = join(p, s, storage("cost"), pending)
        given += made.premises
        for neighbor in neighbors:
            made = unite(made.after, neighbor)
        return made.after, given

    return change


def left_by(*resident: int) -> Callable[[Partition], tuple[Partition, list[Any]]]:
    """Storage s leaves while some neighbors of it, by their distance, are not evicted."""

    def change(p: Partition) -> tuple[Partition, list[Any]]:
        s = storage("s")
        made: Change = leave(p, s, storage("cost"))
        at_an_end = [z3.Not(p.evicted.has(s + distance)) for distance in resident]
        return made.after, [*made.premises, p.own[s] == storage("cost"), *at_an_end]

    return change


PATH = {
    "alone": (evicted_between(False, False), {5}),
    "after its input": (evicted_between(True, False), {0, 1}),
    "before its reader": (evicted_between(False, True), {3, 4}),
    "between both": (evicted_between(True, True), {1, 3}),
    "rematerialized": (left_by(-1), {2, 3}),
    "collected": (left_by(1), {1, 2}),
}
"""What happens to storage 2, and what is evicted before."""


@claim(
    "T12",
    "On a path the classes are the runs of evicted storages, phantoms never arise: class cost = e*.",
    method="proved for all",
)
@pytest.mark.parametrize("name", PATH)
def test_on_a_path_classes_are_runs(name: str) -> None:
    """What is rematerialized has its input in memory; what is collected has no reader: both leave a run at its end."""
    assert on_a_path(*PATH[name]) == {"proved"}


def test_leaving_from_the_middle_breaks_the_runs() -> None:
    """The premise on what leaves is needed."""
    p = anything("p")
    after, given = left_by()(p)
    premises = [*(invariant(p) for invariant in RUNS), *given, *witness(p, {1, 2, 3})]
    assert status(premises, classes_are_runs(after)) == "refuted"
