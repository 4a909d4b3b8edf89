# SPDX-License-Identifier: Apache-2.0
"""Budget and lock safety, proved for every program, policy and number of storages, from the rules that run."""

import pytest

from dtr_spec.configuration import Configuration, initial
from dtr_spec.invariants import INVARIANTS
from dtr_spec.program import Program
from dtr_spec.proofs import Obligation, inductive, safe, satisfiable_premises, symbolic_operands, transition
from dtr_spec.readings import implies, no
from dtr_spec.rules import RULES

from ..claims import claim
from .weakened import without_premise


def failures(obligations: list[Obligation]) -> list[str]:
    return [f"{o.rule} / {o.goal}: {o.status} {o.model}" for o in obligations if o.status != "proved"]


@claim("T2", "The machine's count M of bytes never exceeds the budget, in any configuration.", method="proved for all")
@claim("T3", "What a frame has locked stays resident; what has no recipe is never evicted.", method="proved for all")
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_preserves_every_invariant(rule: str) -> None:
    """From any configuration that satisfies the invariants, of any size, with any operands."""
    assert failures(list(inductive(rules=[RULES[rule]]))) == []


@claim("T3", "EVICT takes neither a locked nor a constant, held or pinned storage.", method="proved for all")
def test_evict_takes_nothing_locked_or_irrecoverable() -> None:
    """The operand of EVICT is recoverable and locked by no frame."""

    def takes_a_free_storage(c: Configuration, s: object) -> object:
        return c.recoverable[s] & c.frames.every(lambda d: no(c.locked[d].has(s)))

    assert failures([safe(RULES["evict"], "evicted storage is free", takes_a_free_storage)]) == []


@claim("T3", "COLLECT never takes a locked storage, nor one that a promised recipe reads.", method="proved for all")
def test_collect_takes_nothing_in_use() -> None:
    """The operand of COLLECT is locked by no frame and unread by every alive recoverable storage."""

    def takes_what_nobody_uses(c: Configuration, s: object) -> object:
        unlocked = c.frames.every(lambda d: no(c.locked[d].has(s)))
        readers = c.facts.readers(s)
        return unlocked & readers.every(
            lambda x: no(c.alive[x] & c.recoverable[x] & c.facts.recipe_reads(x, c.version[x], s, c.version[s]))
        )

    assert failures([safe(RULES["collect"], "collected storage is unused", takes_what_nobody_uses)]) == []


@claim(
    "T3",
    "What has no recipe never gets one: no constant, held or pinned storage becomes evictable.",
    method="proved for all",
)
@pytest.mark.parametrize("rule", RULES)
def test_what_is_irrecoverable_stays_so(rule: str) -> None:
    """An alive storage without a recipe has none after any step."""

    def stays(before: Configuration, after: Configuration) -> object:
        return before.facts.all_storages().every(
            lambda s: implies(before.alive[s] & no(before.recoverable[s]), no(after.recoverable[s]))
        )

    assert failures([transition(RULES[rule], "irrecoverable stays irrecoverable", stays)]) == []


@claim("T3", "Constants are born without a recipe; holding and pinning take it away.", method="proved for all")
def test_constants_held_and_pinned_storages_have_no_recipe() -> None:
    """After ``constant`` and ``hold`` the operand is irrecoverable, after ``pin`` the storage behind the handle."""
    for rule in ("constant", "hold", "pin"):
        operand = symbolic_operands(RULES[rule])[0]

        def without(before: Configuration, after: Configuration, rule: str = rule, operand: object = operand) -> object:
            return no(after.recoverable[before.facts.subject(before.position) if rule == "pin" else operand])

        assert failures([transition(RULES[rule], "has no recipe", without)]) == []


@pytest.mark.parametrize("rule", RULES)
def test_no_proof_is_vacuous(rule: str) -> None:
    """Each rule's premises are consistent with the invariants."""
    assert failures([satisfiable_premises(RULES[rule])]) == []


def test_invariants_hold_of_the_empty_machine() -> None:
    """The base case, by the values' reading."""
    start = initial(Program(()), budget=0)
    assert all(invariant(start) for invariant in INVARIANTS.values())


NECESSARY = [
    ("constant", 4, "within_budget"),
    ("pin", 3, "irrecoverable_is_resident"),
    ("call", 0, "one_client_frame"),
    ("need", 4, "irrecoverable_is_resident"),
    ("lock", 4, "locked_is_resident"),
    ("evict", 1, "locked_is_resident"),
    ("hold", 2, "irrecoverable_is_resident"),
    ("keep", 4, "within_budget"),
    ("allocate", 3, "within_budget"),
    ("execute", 6, "irrecoverable_is_resident"),
    ("commit", 3, "irrecoverable_is_resident"),
    ("collect", 0, "locked_is_resident"),
]


@pytest.mark.parametrize(("rule", "number", "goal"), NECESSARY)
def test_a_forgotten_premise_breaks_the_proof(rule: str, number: int, goal: str) -> None:
    """Z3 refutes the invariant when the rule lacks the premise, so the proof rests on it."""
    obligations = list(inductive(goals=[goal], rules=[without_premise(RULES[rule], number)]))
    assert [o.status for o in obligations] == ["refuted"]


@pytest.mark.parametrize("dropped", ["locked_is_resident", "one_client_frame", "unbound_is_alive"])
def test_lemmas_are_needed(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a lemma among the hypotheses, the proof of another invariant breaks."""
    goals = [name for name in INVARIANTS if name != dropped]
    monkeypatch.delitem(INVARIANTS, dropped)
    assert failures(list(inductive(goals=goals))) != []
