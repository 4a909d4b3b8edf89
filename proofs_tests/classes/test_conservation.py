# SPDX-License-Identifier: Apache-2.0
"""T12: if a storage's cost is fixed while it is evicted, every class costs what its members cost, by induction."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import z3

from dtr_reference import HEURISTICS, Machine
from dtr_reference.eqclass import Classes, ReplayedClasses
from dtr_spec.configuration import Configuration
from dtr_spec.proofs import guaranteed
from dtr_spec.prover import prove
from dtr_spec.readings import Set, implies, no
from dtr_spec.rules import RULES

from ..arithmetic.solver import Status, status
from ..claims import claim
from ..reference.audit import unlimited
from ..reference.programs import random_program
from .partition import Change, Partition, empty, join, leave, unite
from .symbolic import Sums, preserved, steps, storage

STEPS = ("join", "unite", "leave")


def labels_are_used(p: Partition) -> Any:
    """A label that has never been used belongs to nobody, and nothing is kept of it."""
    unused = p.cost[storage("unused")] == 0
    of_members = p.evicted.every(lambda s: p.label[s] < p.fresh)
    return z3.And(of_members, z3.ForAll([storage("unused")], z3.Implies(storage("unused") >= p.fresh, unused)))


def pending_are_evicted(p: Partition) -> Any:
    """What is still to be united is evicted, and so is what it is to be united with."""
    return p.pending.every(lambda n: z3.And(p.evicted.has(n), p.evicted.has(p.latest), n != p.latest))


INVARIANTS = (labels_are_used, pending_are_evicted)


def member_costs(p: Partition, label: Any) -> Callable[[Any], Any]:
    """What each storage contributes to a class."""
    return lambda s: z3.If(z3.And(p.evicted.has(s), p.label[s] == label), p.own[s], 0)


def evicted_costs(p: Partition) -> Callable[[Any], Any]:
    """What each storage contributes to the cost of all that is evicted."""
    return lambda s: z3.If(p.evicted.has(s), p.own[s], 0)


@claim(
    "T12",
    "If a storage's cost is fixed while it is evicted, each class costs the sum of its members.",
    method="proved for all",
)
@pytest.mark.parametrize("name", STEPS)
def test_each_class_costs_its_members(name: str) -> None:
    """By induction on the steps: for an arbitrary class, if so before a step, then so after it."""
    assert each_class(name, fixed=True) == "proved"


@claim(
    "T12",
    "If a storage's cost is fixed while it is evicted, the classes together cost what is evicted.",
    method="proved for all",
)
@pytest.mark.parametrize("name", STEPS)
def test_the_classes_cost_what_is_evicted(name: str) -> None:
    """By induction: the sum over classes, and that over evicted storages, change alike."""
    assert all_classes(name, fixed=True) == "proved"


@pytest.mark.parametrize("name", STEPS)
def test_the_lemmas_hold(name: str) -> None:
    """What the induction rests on is itself inductive, and holds of the empty partition."""
    assert set(preserved(INVARIANTS, steps()[name]).values()) == {"proved"}


def test_a_cost_that_changes_while_evicted_breaks_the_proofs() -> None:
    """Leaving with another cost than was brought: Z3 finds the sums that are wrong."""
    assert each_class("leave", fixed=False) == "refuted"
    assert all_classes("leave", fixed=False) == "refuted"


def test_a_union_that_forgets_a_cost_breaks_the_proof() -> None:
    """Merging two classes at the cost of one: Z3 finds the sum that is wrong."""
    p, change = steps()["unite"]
    forgetful = Change(change.premises, replace(change.after, cost=p.cost.set(p.label[p.latest], 0)))
    assert each_class("unite", fixed=True, step=(p, forgetful)) == "refuted"


@pytest.mark.parametrize("name", STEPS)
def test_no_proof_is_vacuous(name: str) -> None:
    """Each step's premises are consistent with the lemmas."""
    p, change = steps()[name]
    assert status([*(invariant(p) for invariant in INVARIANTS), *change.premises], z3.BoolVal(False)) == "refuted"


def each_class(name: str, fixed: bool, step: tuple[Partition, Change] | None = None) -> Status:
    """Whether a step keeps an arbitrary class's cost the sum of its members'."""
    p, change = step or steps()[name]
    q, label = change.after, storage("label")
    total, total_after = storage("members"), storage("members'")
    sums = Sums([*(invariant(p) for invariant in INVARIANTS), *change.premises, *_premise(p, name, fixed)])
    sums.facts.append(p.cost[label] == total)
    before, after = member_costs(p, label), member_costs(q, label)
    if name != "unite":
        sums.changed(before, storage("s"), after, total, total_after)
        return sums.prove(q.cost[label] == total_after)
    one, other = p.label[p.latest], p.label[storage("n")]
    merged, from_one = storage("merged"), storage("from one")
    sums.facts.append(p.cost[one] == from_one)
    given = sums.premises
    sums.premises = [*given, label == other, one != other]
    sums.added(before, member_costs(p, one), after, (total, from_one, merged))
    sums.premises = [*given, label == one, one != other]
    sums.zero(after, zero := storage("nothing"))
    sums.premises = [*given, z3.Or(one == other, z3.And(label != one, label != other))]
    sums.changed(before, storage("s"), after, total, unchanged := storage("unchanged"))
    sums.premises = given
    merging = z3.If(label == other, merged, z3.If(label == one, zero, unchanged))
    return sums.prove(q.cost[label] == z3.If(one == other, unchanged, merging))


def all_classes(name: str, fixed: bool) -> Status:
    """Whether a step keeps the sum over classes equal to the sum over evicted storages."""
    p, change = steps()[name]
    q = change.after
    classes, classes_after = storage("classes"), storage("classes'")
    evicted, evicted_after = storage("evicted"), storage("evicted'")
    sums = Sums([*(invariant(p) for invariant in INVARIANTS), *change.premises, *_premise(p, name, fixed)])
    sums.facts.append(classes == evicted)
    sums.changed(evicted_costs(p), storage("s"), evicted_costs(q), evicted, evicted_after)
    if name == "unite":
        one, between = p.label[p.latest], storage("between")
        without = p.cost.set(one, 0)
        sums.changed(lambda c: p.cost[c], one, lambda c: without[c], classes, between)
        sums.changed(lambda c: without[c], p.label[storage("n")], lambda c: q.cost[c], between, classes_after)
    else:
        at = p.fresh if name == "join" else p.label[storage("s")]
        sums.changed(lambda c: p.cost[c], at, lambda c: q.cost[c], classes, classes_after)
    return sums.prove(classes_after == evicted_after)


def _premise(p: Partition, name: str, fixed: bool) -> list[Any]:
    """That the cost a storage leaves with is the one it came with."""
    return [p.own[storage("s")] == storage("cost")] if fixed and name == "leave" else []


@claim(
    "T12",
    "The machine never changes an evicted storage's version, so its recipe's cost is fixed.",
    method="proved for all",
)
@pytest.mark.parametrize("rule", RULES)
def test_what_is_evicted_keeps_its_version(rule: str) -> None:
    """The premise of the above, from the rules that run; a recipe's cost is that of the calls up to the version."""

    def keeps(before: Configuration, after: Configuration, *operands: Any) -> Any:
        del operands
        return before.facts.all_storages().every(
            lambda s: implies(before.alive[s] & no(before.resident[s]), after.version[s] == before.version[s])
        )

    [step] = guaranteed(keeps, [rule])
    assert prove(step.hypotheses, step.conclusion).proved


class Played:
    """The partition over values, step by step beside the reference's union-find and its definition."""

    def __init__(self) -> None:
        self.partition = empty()
        self.forest, self.definition = Classes(), ReplayedClasses()
        self.own: dict[int, int] = {}
        self.checked = 0

    def join(self, storage: int, cost: int, neighbors: Any) -> None:
        beside = Set(neighbors)
        self.forest.join(storage, cost, beside)
        self.definition.join(storage, cost, beside)
        self.own[storage] = cost
        self._take(join(self.partition, storage, cost, beside))
        for neighbor in beside:
            self._take(unite(self.partition, neighbor))
        self._compare()

    def leave(self, storage: int) -> None:
        self.forest.leave(storage)
        self.definition.leave(storage)
        self._take(leave(self.partition, storage, self.own.pop(storage)))
        self._compare()

    def cost(self, neighbors: Any) -> int:
        return sum(self.partition.cost[label] for label in {self.partition.label[s] for s in neighbors})

    def _take(self, change: Change) -> None:
        assert all(change.premises)
        self.partition = change.after

    def _compare(self) -> None:
        found: dict[int, dict[int, int]] = {}
        for s in self.partition.evicted:
            found.setdefault(self.partition.label[s], {})[s] = self.partition.own[s]
        expected = {frozenset(members.items()) for members in self.definition.partition()}
        assert {frozenset(members.items()) for members in found.values()} == expected
        for label, members in found.items():
            assert self.partition.cost[label] == sum(members.values()) == self.forest.cost(members)
        self.checked += 1


@claim("T12", "What is proved of is what the reference computes: the same classes.", method="property-tested")
def test_the_partition_is_the_references(claim_scope: Callable[[str], None]) -> None:
    """Members and costs, after every change; and a heuristic decides alike with any of them."""
    changes = 0
    for seed in range(40):
        program = random_program(seed, 30)
        budget = max(0, Machine(program, unlimited(program), "h_lru").run().peak - 3)
        for heuristic in ("h_dtr_eq", list(HEURISTICS)[seed % len(HEURISTICS)]):
            expected = Machine(program, budget, heuristic).run()
            machine = Machine(program, budget, heuristic)
            machine.heap.classes = played = Played()
            assert machine.run().trace.events == expected.trace.events
            changes += played.checked
    assert changes > 500
    claim_scope(f"{changes:,} changes")
