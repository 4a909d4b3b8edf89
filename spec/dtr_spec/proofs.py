# SPDX-License-Identifier: Apache-2.0
"""Proofs over the symbolic reading: an invariant is preserved by every rule.

``unknown`` is never a pass: only a refutation of the negation is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import z3

from .configuration import Configuration
from .invariants import INVARIANTS
from .rules import RULES, Rule, Step
from .symbolic import axioms, configuration

TIMEOUT_MS = 10_000
SEEDS = range(6)
"""Whether Z3 finds a model of quantified formulas can depend on its seed; a proof found with any is a proof."""


@dataclass(frozen=True)
class Obligation:
    """One proof obligation and what became of it; ``seconds`` is the solver's time."""

    rule: str
    goal: str
    status: str
    """"proved", "refuted" or "unknown"."""
    seconds: float
    model: str = ""


def inductive(
    goals: Iterable[str] | None = None, rules: Iterable[Rule] = tuple(RULES.values())
) -> Iterator[Obligation]:
    """For each rule and goal: if all invariants hold before the rule, the goal holds after it."""
    for rule in rules:
        before, step = symbolic_step(rule)
        premises = _all(before) + list(step.premises)
        for goal in INVARIANTS if goals is None else goals:
            yield prove(rule.name, goal, premises, INVARIANTS[goal](step.after()))


def satisfiable_premises(rule: Rule) -> Obligation:
    """The rule's premises are consistent with the invariants: its proofs are not vacuous."""
    before, step = symbolic_step(rule)
    held = prove(rule.name, "premises are satisfiable", [], z3.Not(z3.And(*_all(before), *step.premises)))
    return Obligation(held.rule, held.goal, {"refuted": "proved"}.get(held.status, "unknown"), held.seconds)


def safe(rule: Rule, name: str, guaranteed: Callable[..., Any]) -> Obligation:
    """What a rule guarantees of the configuration before it and of its operands, whenever it applies."""
    before, step = symbolic_step(rule)
    conclusion = guaranteed(before, *symbolic_operands(rule))
    return prove(rule.name, name, [*_all(before), *step.premises], conclusion)


def transition(rule: Rule, name: str, relation: Callable[[Configuration, Configuration], Any]) -> Obligation:
    """A relation between the configurations before and after a rule, whenever it applies."""
    before, step = symbolic_step(rule)
    return prove(rule.name, name, [*_all(before), *step.premises], relation(before, step.after()))


def symbolic_operands(rule: Rule) -> list[z3.ArithRef]:
    """Arbitrary operands, by kind."""
    return [z3.Int(f"{kind}!operand") for kind in rule.operands]


def symbolic_step(rule: Rule) -> tuple[Configuration, Step]:
    """An arbitrary configuration, and the rule at it with arbitrary operands (none negative)."""
    before = configuration("c")
    operands = symbolic_operands(rule)
    step = rule(before, *operands)
    return before, Step((*(operand >= 0 for operand in operands), *step.premises), step.after)


def prove(rule: str, goal: str, premises: list[z3.BoolRef], conclusion: z3.BoolRef) -> Obligation:
    """Ask Z3 for a counterexample; none is a proof."""
    start = perf_counter()
    claims = [*axioms(), *premises, z3.Not(conclusion)]
    answers = (_ask(claims, seed) for seed in SEEDS)
    status, model = next((answer for answer in answers if answer[0] != "unknown"), ("unknown", ""))
    return Obligation(rule, goal, status, perf_counter() - start, model)


def _ask(claims: list[z3.BoolRef], seed: int) -> tuple[str, str]:
    """The status that Z3's answer means for the obligation, and its model if there is one."""
    solver = z3.Solver()
    solver.set("timeout", TIMEOUT_MS)
    solver.set("random_seed", seed)
    solver.add(*claims)
    answer = solver.check()
    if answer == z3.sat:
        return "refuted", str(solver.model())
    return ("proved" if answer == z3.unsat else "unknown"), ""


def _all(c: Configuration) -> list[z3.BoolRef]:
    return [invariant(c) for invariant in INVARIANTS.values()]
