# SPDX-License-Identifier: Apache-2.0
"""The theorems about the machine, proved for every program, policy and number of storages, from the rules that run."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import z3

from dtr_spec import invariants, proofs
from dtr_spec.__main__ import main
from dtr_spec.configuration import Configuration
from dtr_spec.proofs import Obligation, Theorem, hypotheses, judge, theorem, theorems
from dtr_spec.prover import prove
from dtr_spec.ranking import falls
from dtr_spec.rules import RULES
from dtr_spec.symbolic import configuration

from ..claims import claim
from ..profiles import is_thorough
from .weakened import plant


def _claimed(proposed: Theorem) -> object:
    made = claim(proposed.key, proposed.statement, method="proved for all", scope=proposed.scope)
    return pytest.param(proposed.name, marks=[] if proposed.key == "lemma" else [made])


@pytest.mark.parametrize("name", [_claimed(each) for each in theorems()])
def test_theorem(name: str, claim_scope: Callable[[str], None]) -> None:
    """From any configuration that satisfies the invariants, of any size, with any operands; and initially."""
    verdict = judge(theorem(name))
    assert verdict.unproved == ()
    claim_scope(f"{verdict.proved} obligations")


@claim(
    "T7",
    "Any two policies that finish observe the same: what a read sees is the program's alone.",
    method="proved for all",
    scope="any program, configuration and policy",
)
def test_observations_are_the_programs() -> None:
    """``every_read_is_eager`` says so: the right-hand side of its equation does not mention the configuration."""
    assert judge(theorem("every_read_is_eager"))


def test_proofs_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m dtr_spec prove``: a table, or JSON; a name that is none is refused."""
    assert main(["prove", "T4"]) == 0
    assert "recipes_descend " in capsys.readouterr().out
    assert main(["prove", "--json", "progress"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["property"], row["unproved"], row["obligations"]) == ("T5", [], 8)
    assert main(["prove", "nonsense"]) == 2
    assert "no theorem is called nonsense" in capsys.readouterr().err


def test_what_is_not_proved_is_told_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One theorem that is not, among those that are."""
    proved = judge(theorem("progress"))
    failing = replace(proved, unproved=("allocate",))
    monkeypatch.setattr(proofs, "judge", lambda each: failing if each.name == "progress" else proved)
    assert main(["prove", "progress", "T1"]) == 1
    assert "UNPROVED: allocate" in capsys.readouterr().out


def obligations(name: str, rule: str) -> list[Obligation]:
    """Those of a theorem that are about a rule or a case."""
    return [each for each in theorem(name).obligations() if each.rule.startswith(rule)]


def unproved(obligation: Obligation) -> bool:
    """Z3 does not prove it as theorems are proved; under ``--thorough`` nor with two other seeds."""
    seeds = range(3 if is_thorough() else 1)
    return not any(prove(obligation.hypotheses, obligation.conclusion, seed).proved for seed in seeds)


@pytest.mark.parametrize("name", ["within_budget", "profile_is_followed"])
def test_an_invariant_is_shown_of_the_beginning_and_of_every_rule(name: str) -> None:
    """Whether it is one of all programs or of those whose profiles are declared."""
    assert [each.rule for each in theorem(name).obligations()] == ["initial", *RULES]


def test_every_rule_is_shown_to_lower_the_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's COMMIT by itself, a rematerialization's with what it was for."""
    monkeypatch.setattr(proofs, "falls", lambda before, after: z3.BoolVal(True))  # whatever is shown of them
    shown = [each.rule for each in theorem("rank_falls").obligations()]
    assert sorted(shown) == sorted([*RULES, "commit, lock", "commit, hold", "commit, pin"])


def test_no_configuration_ranks_below_itself() -> None:
    """Whatever order of ranks: else that they fall would say nothing."""
    c = configuration("c")
    assert prove(hypotheses(c, declared=True), z3.Not(falls(c, c))).proved


FAULTS: dict[str, tuple[str, int]] = {
    "resident_is_eager": ("constant", 1),
    "kept_is_eager": ("keep", 0),
    "within_budget": ("allocate", 3),
    "accounted": ("evict", 1),
    "locked_is_resident": ("lock", 4),
    "irrecoverable_is_resident": ("hold", 2),
    "recoverable_has_its_inputs": ("execute", 7),
    "named_is_alive": ("collect", 2),
    "stack_descends": ("need", 4),
    "stack_is_bounded": ("call", 0),
    "recoverable_is_alive": ("bind", 3),
    "alive_is_created": ("constant", 1),
    "position_is_in_the_program": ("constant", 1),
    "versions_are_current": ("constant", 1),
    "frames_run_the_program": ("pin", 0),
    "only_the_top_has_executed": ("call", 0),
    "locked_is_wanted": ("lock", 3),
    "rebuilt_is_eager": ("replay", 0),
    "unbound_is_eager": ("execute", 0),
    "unbound_waits": ("need", 4),
    "rebuilt_is_absent": ("need", 3),
    "kept_is_past": ("keep", 0),
    "owed_is_held": ("free", 3),
    "profile_is_followed": ("allocate", 2),
    "every_read_is_eager": ("execute", 0),
    "bytes_are_granted_within_the_budget": ("keep", 4),
    "evict_takes_what_is_free": ("evict", 1),
    "collect_takes_what_is_unused": ("collect", 3),
    "out_of_memory_is_the_last_resort": ("out_of_memory", 3),
    "out_of_memory_is_the_end": ("evict", 0),
    "rank_falls": ("evict", 1),
}
"""Theorem -> a rule and the number of a premise without which the theorem is not proved."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_forgotten_premise_breaks_the_proof(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each theorem rests on what the rules say: it is proved, and with the fault it is not."""
    rule, premise = FAULTS[name]
    assert not any(map(unproved, obligations(name, rule)))
    plant(monkeypatch, rule, premise)
    assert any(map(unproved, obligations(name, rule)))


NEEDED_BY: dict[str, tuple[str, str]] = {
    "resident_is_eager": ("kept_is_eager", "keep"),
    "kept_is_eager": ("rebuilt_is_eager", "replay"),
    "within_budget": ("within_budget", "evict"),
    "accounted": ("accounted", "evict"),
    "locked_is_resident": ("resident_is_eager", "execute"),
    "irrecoverable_is_resident": ("progress", "inputs missing"),
    "recoverable_has_its_inputs": ("progress", "inputs missing"),
    "named_is_alive": ("progress", "inputs missing"),
    "stack_descends": ("stack_descends", "need"),
    "stack_is_bounded": ("rank_is_natural", "part"),
    "recoverable_is_alive": ("accounted", "constant"),
    "alive_is_created": ("stack_is_bounded", "need"),
    "position_is_in_the_program": ("rank_is_natural", "part"),
    "versions_are_current": ("unbound_is_eager", "execute"),
    "frames_run_the_program": ("versions_are_current", "execute"),
    "only_the_top_has_executed": ("progress", "stage's results"),
    "locked_is_wanted": ("locked_is_wanted", "bind"),
    "rebuilt_is_eager": ("unbound_is_eager", "replay"),
    "unbound_is_eager": ("resident_is_eager", "bind"),
    "unbound_waits": ("progress", "client's results"),
    "rebuilt_is_absent": ("progress", "stage's results"),
    "kept_is_past": ("progress", "inputs missing"),
    "owed_is_held": ("progress", "stage's results"),
    "profile_is_followed": ("progress", "asking"),
}
"""Invariant -> a theorem, and a rule or case of its proof, that rests on it; a conclusion's is its own induction."""


def test_every_invariant_is_listed() -> None:
    """So that none is there for nothing."""
    assert NEEDED_BY.keys() == (invariants.INVARIANTS | invariants.DECLARED).keys()


def forgotten(c: Configuration) -> z3.BoolRef:
    """Lemma: nothing is known."""
    del c
    return z3.BoolVal(True)


@pytest.mark.parametrize("dropped", NEEDED_BY)
def test_every_invariant_is_needed(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it among the hypotheses Z3 does not find a proof. That it can be violated at all, exploration shows."""
    name, rule = NEEDED_BY[dropped]
    whole = obligations(name, rule)
    assert whole
    assert not any(map(unproved, whole))
    group = invariants.INVARIANTS if dropped in invariants.INVARIANTS else invariants.DECLARED
    monkeypatch.setitem(group, dropped, forgotten)
    without = obligations(name, rule)
    assert any(unproved(replace(weak, conclusion=full.conclusion)) for weak, full in zip(without, whole, strict=True))
