# SPDX-License-Identifier: Apache-2.0
"""The theorems, and their proof by Z3 from the rules that run.

An obligation is about one rule, an arbitrary configuration and arbitrary operands: any program, any number of
storages and frames, any sizes and costs, any policy. A theorem is proved when all its obligations are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import getdoc
from typing import Any

import z3

from . import invariants
from .configuration import Configuration
from .facts import CLIENT
from .guarantees import GUARANTEES, Relation
from .lemmas import sum_lemmas
from .prover import prove
from .ranking import falls, is_natural
from .rules import RULES, Rule, Step, gathered
from .symbolic import axioms, configuration, conjuncts, start

ANY = "any program, configuration and policy"
DECLARED = f"{ANY}; calls that ask for the bytes that they declare"


@dataclass(frozen=True)
class Obligation:
    """One thing to prove: of a rule, or of a case that is no rule's."""

    rule: str
    hypotheses: tuple[Any, ...]
    conclusion: Any


@dataclass(frozen=True)
class Theorem:
    """A statement about the machine and what must be proved for it."""

    key: str
    name: str
    statement: str
    scope: str
    obligations: Callable[[], Iterable[Obligation]]


@dataclass(frozen=True)
class Verdict:
    """What became of a theorem; ``seconds`` is the solver's time."""

    theorem: Theorem
    proved: int
    unproved: tuple[str, ...]
    """The rules whose obligations are open."""
    seconds: float

    def __bool__(self) -> bool:
        return not self.unproved


def judge(theorem: Theorem) -> Verdict:
    """Prove a theorem, or find out where the proof fails."""
    answers = [(o.rule, prove(o.hypotheses, o.conclusion)) for o in theorem.obligations()]
    unproved = tuple(rule for rule, answer in answers if not answer.proved)
    return Verdict(theorem, len(answers) - len(unproved), unproved, sum(answer.seconds for _, answer in answers))


def theorems() -> Iterator[Theorem]:
    """Every theorem, lemmas first."""
    yield Theorem("T2", "sums_change_by_one_member", _summary(sum_lemmas), "any finite sets", _lemmas)
    for name, invariant in invariants.INVARIANTS.items():
        yield Theorem(_key(invariant), name, _summary(invariant), ANY, partial(_preserved, name))
    for name, invariant in invariants.DECLARED.items():
        yield Theorem(_key(invariant), name, _summary(invariant), DECLARED, partial(_preserved, name))
    for name, given in GUARANTEES.items():
        yield Theorem(given.key, name, _summary(given.relation), ANY, partial(guaranteed, given.relation, given.rules))
    yield Theorem("T5", "progress", _summary(_progress), DECLARED, _progress)
    yield Theorem("T6", "rank_falls", _summary(_rank_falls), f"{DECLARED}; followed commits", _rank_falls)
    yield Theorem("T6", "rank_is_natural", _summary(_rank_is_natural), DECLARED, _rank_is_natural)


def theorem(name: str) -> Theorem:
    """The theorem of that name. Raises ``KeyError`` if there is none."""
    return {each.name: each for each in theorems()}[name]


def _summary(documented: Any) -> str:
    """The first line of a docstring, without the property's name."""
    first = (getdoc(documented) or "").splitlines()[0]
    text = first if _key(documented) == "lemma" else first.split(": ", 1)[1]
    return text[0].upper() + text[1:]


def _key(documented: Any) -> str:
    first = (getdoc(documented) or "").split(": ", 1)[0]
    return first if first in {f"T{number}" for number in range(1, 8)} else "lemma"


# --- an arbitrary step --------------------------------------------------------------------------------


def symbolic_operands(rule: Rule) -> list[z3.ArithRef]:
    """Arbitrary operands, by kind."""
    return [z3.Int(f"{kind}!operand") for kind in rule.operands]


def symbolic_step(rule: Rule, before: Configuration) -> Step:
    """The rule at a configuration with arbitrary operands (none negative)."""
    operands = symbolic_operands(rule)
    step = rule(before, *operands)
    return Step((*(operand >= 0 for operand in operands), *step.premises), step.after)


def hypotheses(c: Configuration, declared: bool = False) -> tuple[Any, ...]:
    """What is known of a configuration: the axioms and all invariants."""
    known = invariants.INVARIANTS | invariants.DECLARED if declared else invariants.INVARIANTS
    return (*axioms(declared), *(invariant(c) for invariant in known.values()))


# --- obligations --------------------------------------------------------------------------------------


def _lemmas() -> Iterator[Obligation]:
    for name, given, conclusion in sum_lemmas():
        yield Obligation(name, tuple(given), conclusion)


def _preserved(name: str) -> Iterator[Obligation]:
    """The initial configuration satisfies the invariant, and each rule preserves it, given all invariants."""
    declared = name in invariants.DECLARED
    invariant = (invariants.INVARIANTS | invariants.DECLARED)[name]
    budget = z3.Int("budget")
    yield Obligation("initial", (*axioms(declared), budget >= 0), invariant(start(budget)))
    before = configuration("c")
    known = hypotheses(before, declared)
    for rule in RULES.values():
        step = symbolic_step(rule, before)
        yield Obligation(rule.name, (*known, *step.premises), invariant(step.after()))


def guaranteed(relation: Relation, rules: Iterable[str]) -> Iterator[Obligation]:
    """The relation holds of every step by the rules, between what is before, what is after, and the operands."""
    before = configuration("c")
    known = hypotheses(before)
    for rule in map(RULES.__getitem__, rules):
        step = symbolic_step(rule, before)
        conclusion = relation(before, step.after(), *symbolic_operands(rule))
        yield Obligation(rule.name, (*known, *step.premises), conclusion)


def _progress() -> Iterator[Obligation]:
    """T5: unless the client is done or memory is out, some rule applies."""
    c = configuration("c")
    facts, top = c.facts, c.depth
    finished = z3.And(top == 0, facts.kind(c.position) == 0)
    known = (*hypotheses(c, declared=True), z3.Not(c.stopped), z3.Not(finished))
    frame, executed, inputs = top > 0, c.executed[top], gathered(c, top)
    asked, client = facts.asked(c.call[top], c.target[top], c.cursor[top]), c.target[top] == CLIENT
    short_of_memory = ("evict", "out_of_memory")
    commands = ("constant", "call", "alias", "release", "pin", "need", *short_of_memory)
    cases = {
        "no frame": ((top == 0,), commands),
        "inputs missing": ((frame, z3.Not(executed), z3.Not(inputs)), ("lock", "need")),
        "asking for bytes": (
            (frame, z3.Not(executed), inputs, z3.Not(asked)),
            ("allocate", "free", *short_of_memory),
        ),
        "client's call": ((frame, z3.Not(executed), inputs, asked, client), ("execute", "keep", *short_of_memory)),
        "stage": ((frame, z3.Not(executed), inputs, asked, z3.Not(client)), ("replay",)),
        "client's results": ((frame, executed, client), ("bind", "free", "commit")),
        "stage's results": ((frame, executed, z3.Not(client)), ("bind", "free", "advance", "commit")),
    }
    for name, (case, rules) in cases.items():
        yield Obligation(name, (*known, *case, *_none_applies(c, rules)), z3.BoolVal(False))
    yield Obligation("all cases", hypotheses(c), z3.Or(*(z3.And(*case) for case, _ in cases.values())))


def _none_applies(c: Configuration, rules: Iterable[str]) -> Iterator[Any]:
    """None of these rules applies, to any storage, the handle and the call at hand, and the bytes in question."""
    facts, top = c.facts, c.depth
    s, w = z3.Ints("s w")
    piece = facts.piece(c.call[top], c.target[top], c.cursor[top])
    amounts = (piece, -piece, c.held[top] - c.owed[top], facts.size(facts.subject(c.position)))

    def refuses(rule: Rule, *operands: Any) -> Any:
        return z3.Not(z3.And(*rule(c, *operands).premises))

    for rule in map(RULES.__getitem__, rules):
        match rule.operands:
            case ():
                yield refuses(rule)
            case ("storage",):
                yield z3.ForAll([s], z3.Implies(s >= 0, refuses(rule, s)))
            case ("handle",):
                yield refuses(rule, facts.handle(c.position))
            case ("call",):
                yield from (refuses(rule, c.position), refuses(rule, c.call[top]))
            case ("bytes",):
                yield from (refuses(rule, amount) for amount in amounts)
                overwritten = facts.written(c.call[top]).has(w)
                yield z3.ForAll([w], z3.Implies(overwritten, refuses(rule, facts.size(w))))


def _rank_falls() -> Iterator[Obligation]:
    """T6: every step lowers the rank, COMMIT together with the LOCK, HOLD or PIN that it was for."""
    before = configuration("c")
    known = hypotheses(before, declared=True)
    target = before.target[before.depth]
    for rule in RULES.values():
        step = symbolic_step(rule, before)
        premises, after = (*known, *step.premises), step.after()
        if rule.name != "commit":
            yield Obligation(rule.name, premises, falls(before, after))
            continue
        yield Obligation("commit", (*premises, target == CLIENT), falls(before, after))
        for then in ("lock", "hold"):
            following = RULES[then](after, target)
            given = (*premises, target != CLIENT, *following.premises)
            yield Obligation(f"commit, {then}", given, falls(before, following.after()))
        pinned = RULES["pin"](after, before.facts.handle(before.position))
        given = (*premises, target != CLIENT, before.facts.subject(before.position) == target, *pinned.premises)
        yield Obligation("commit, pin", given, falls(before, pinned.after()))


def _rank_is_natural() -> Iterator[Obligation]:
    """T6: the numbers of the rank are natural and the stack is bounded, so it cannot fall for ever."""
    c = configuration("c")
    known = hypotheses(c, declared=True)
    for number, part in enumerate(conjuncts(is_natural(c))):
        yield Obligation(f"part {number}", known, part)
