# SPDX-License-Identifier: Apache-2.0
"""The axioms hold of programs, the invariants and guarantees of runs, and none of them holds for want of a case.

What Z3 assumes and proves is evaluated here on values, by the same definitions. Every implication in them must be
seen with a true premise in a configuration that the machine reaches.
"""

import ast
import inspect
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given

from dtr_spec import assumptions, guarantees, invariants, ranking
from dtr_spec.configuration import Configuration, initial
from dtr_spec.explore import descends
from dtr_spec.facts import Facts
from dtr_spec.program import Call, Constant, Fresh, Pin, Program, Release
from dtr_spec.readings import implies
from dtr_spec.rules import RULES
from dtr_spec.step import Label, successors

from ..claims import claim
from ..strategies.moves import programs
from .plugged import differing, solutions
from .small_programs import small_programs
from .test_exploration import BOUNDS

PROGRAM = Program(
    (
        Constant(0, 1),
        Call("f", (0,), (Fresh(1, 1), Fresh(2, 2)), profile=(4, -1)),
        Call("g", (1,), (Fresh(3, 1),), profile=(1,)),
        Call("w", (3, 2), mutates=(0,), profile=(1, -1)),
        Call("w", (0,), mutates=(0,)),
        Release(1),
        Pin(2),
        Call("read", (3,)),
    )
)
"""Siblings, scratch, a chain of two stages, an overwritten constant, a release and a pin."""


def walk(program: Program, budget: int, steps: int) -> list[tuple[Configuration, Label, Configuration]]:
    """Steps of the machine from the initial configuration, spread over what it can reach, nearest first."""
    found: list[tuple[Configuration, Label, Configuration]] = []
    start = initial(program, budget)
    seen, fringe = {start.frozen()}, [start]
    while fringe and len(found) < steps:
        level = [(c, label, after) for c in fringe for label, after in successors(c)]
        new = {after.frozen(): after for _, _, after in level if after.frozen() not in seen}
        seen |= new.keys()
        found += level
        fringe = list(new.values())
    return found


@pytest.fixture(scope="module")
def reached() -> list[tuple[Configuration, Label, Configuration]]:
    """Steps with every rule, out of memory among them."""
    return [step for budget, steps in ((7, 14_000), (4, 2_000)) for step in walk(PROGRAM, budget, steps)][::2]


@claim("T1", "The axioms of the proofs hold of programs.", method="property-tested")
@given(programs())
def test_assumptions_hold_of_programs(program: Program) -> None:
    """Each axiom, by the definition that Z3 is given, on any program."""
    facts = Facts(program)
    for name, assumption in (assumptions.ASSUMPTIONS | assumptions.DECLARED).items():
        assert assumption(facts), name


def test_assumptions_hold_of_all_small_programs() -> None:
    """Likewise, exhaustively."""
    for program in small_programs(BOUNDS):
        facts = Facts(program)
        assert all(assumption(facts) for assumption in (assumptions.ASSUMPTIONS | assumptions.DECLARED).values())


def test_guarantees_and_ranks_hold_of_runs(reached: list[tuple[Configuration, Label, Configuration]]) -> None:
    """Each guarantee of each step of its rules, and the fall of the rank, on values."""
    for before, label, after in reached:
        for promise in guarantees.GUARANTEES.values():
            assert label.rule not in promise.rules or promise.relation(before, after, *label.operands)
        assert ranking.is_natural(before)
        assert descends(before, label, after)
    assert {label.rule for _, label, _ in reached} == set(RULES) - {"alias"}


def test_every_rule_has_a_reachable_witness(reached: list[tuple[Configuration, Label, Configuration]]) -> None:
    """A reached configuration satisfies the rule as Z3 reads it, which leads where running the rule leads."""
    first = {label.rule: (c, label, after) for c, label, after in reversed(reached)}
    for c, label, after in first.values():
        rule = RULES[label.rule]
        assert label.operands in solutions(c, rule, 12)
        assert differing(c, rule, label.operands, after) == []


def test_other_terms_are_noticed(reached: list[tuple[Configuration, Label, Configuration]]) -> None:
    """The comparison of the two readings is of terms, too."""
    steps = {label.rule: (c, label, after) for c, label, after in reversed(reached)}
    for rule, field in {"constant": "content", "keep": "kept_content", "replay": "outcome"}.items():
        c, label, after = steps[rule]
        assert differing(c, RULES[rule], label.operands, after.but(**{field: getattr(c, field)})) == [field]


def test_a_commit_alone_need_not_lower_the_rank(reached: list[tuple[Configuration, Label, Configuration]]) -> None:
    """The proviso is needed: what was rebuilt can be evicted before it is locked, and be rebuilt for ever."""
    commits = [(b, a) for b, label, a in reached if label.rule == "commit" and b.target[b.depth] >= 0]
    assert commits
    assert not any(ranking.falls(before, after) for before, after in commits)


@pytest.mark.parametrize("module", [assumptions, invariants, guarantees, ranking], ids=lambda module: module.__name__)
def test_every_premise_has_a_witness(
    module: ModuleType,
    reached: list[tuple[Configuration, Label, Configuration]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each ``implies`` that Z3 reads is evaluated with a true premise in a configuration that is reached."""
    true_at: set[int] = set()

    def spy(premise: Any, conclusion: Any) -> Any:
        if premise:
            true_at.add(sys._getframe(1).f_lineno)
        return implies(premise, conclusion)

    monkeypatch.setattr(module, "implies", spy)
    _evaluate(module, reached)
    assert _lines_of_implications(module) - true_at == set()


def _evaluate(module: ModuleType, reached: list[tuple[Configuration, Label, Configuration]]) -> None:
    facts = Facts(PROGRAM)
    for assumption in (assumptions.ASSUMPTIONS | assumptions.DECLARED).values():
        assumption(facts)
    for before, label, after in reached:
        if module is invariants:
            assert list(invariants.violations(before)) == []
        for promise in guarantees.GUARANTEES.values():
            if module is guarantees and label.rule in promise.rules:
                promise.relation(before, after, *label.operands)
        if module is ranking:
            ranking.is_natural(before)
            ranking.falls(before, after)


def _lines_of_implications(module: ModuleType) -> set[int]:
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call))
    return {node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "implies"}
