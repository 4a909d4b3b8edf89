# SPDX-License-Identifier: Apache-2.0
"""Everything that can happen to every small program, under every policy and budget."""

from collections.abc import Callable, Iterator

import pytest

from dtr_spec.explore import Exploration, ExplorationLimitError, explore
from dtr_spec.program import Call, Constant, Fresh, Pin, Program, Release
from dtr_spec.rules import RULES
from dtr_spec.terms import eager

from ..claims import claim
from .small_programs import small_programs
from .weakened import plant


def explorations(commands: int) -> Iterator[tuple[Program, Exploration]]:
    """All runs of all programs with so many commands, at every budget up to the first that never runs out."""
    for program in small_programs(commands):
        for budget in range(100):
            found = explore(program, budget)
            yield program, found
            if not found.out_of_memory:
                break


def faults_found(commands: int) -> bool:
    return any(found.violations or found.stuck for _, found in explorations(commands))


@claim("T1", "Every resident storage and kept copy holds the eager machine's term.", method="exhaustive to 2 commands")
@claim("T2", "M is the sum of what is resident, kept and held by frames.", method="exhaustive to 2 commands")
@claim("T4", "What a promised recipe reads is there, or promised itself.", method="exhaustive to 2 commands")
@claim("T5", "A step exists, or the program is done, or memory is out.", method="exhaustive to 2 commands")
@claim("T7", "All policies that finish observe the same terms.", method="exhaustive to 2 commands")
def test_all_small_programs_under_all_policies_and_budgets(claim_scope: Callable[[str], None]) -> None:
    """No violation, no stuck configuration, one observation a read, in any reachable configuration."""
    states = runs = out_of_memory = 0
    for commands in (1, 2):
        for program, found in explorations(commands):
            assert found.violations == []
            assert found.stuck == []
            assert {term for _, term in found.observations} <= set(eager(program).observations)
            states, runs, out_of_memory = states + found.states, runs + 1, out_of_memory + found.out_of_memory
    assert out_of_memory > 100
    claim_scope(f"{runs:,} programs and budgets, {states:,} configurations")


@pytest.mark.parametrize(("rule", "premise"), [("execute", 7), ("collect", 3)])
def test_the_bound_suffices_for_a_planted_fault(rule: str, premise: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the write barrier, or collecting what is still read: found with two commands, missed with one."""
    plant(monkeypatch, rule, premise)
    assert not faults_found(1)
    assert faults_found(2)


@claim("T1", "Siblings and pins too leave every term as it is.", method="exhaustive to two results and a pin")
def test_siblings_and_pins(claim_scope: Callable[[str], None]) -> None:
    """Two results of different sizes of one call, one of them pinned, the other evicted at will."""
    siblings = Program(
        (
            Constant(0, 1),
            Call("f", (0,), (Fresh(1, 2), Fresh(2, 1)), profile=(3,)),
            Pin(2),
            Release(2),
            Call("g", (1,), (Fresh(3, 1),), profile=(1,)),
            Call("read", (3,)),
        )
    )
    runs = [explore(siblings, budget) for budget in range(8)]
    for found in runs:
        assert found.violations == []
        assert found.stuck == []
        assert {term for _, term in found.observations} <= set(eager(siblings).observations)
    assert {"pin", "free", "replay"} <= runs[-1].labels
    claim_scope(f"{sum(found.states for found in runs):,} configurations")


def test_every_other_rule_is_reached() -> None:
    """One program exercises all rules but ``alias`` and ``pin``, which others above exercise."""
    whole = Program(
        (
            Constant(0, 1),
            Constant(1, 0),
            Call("f", (0, 1), (Fresh(2, 1),), (1,), profile=(2, -1)),
            Call("w", (2,), mutates=(0,)),
            Release(0),
            Call("read", (2,)),
        )
    )
    labels = {label for budget in (1, 3, 4) for label in explore(whole, budget).labels}
    labels |= explore(next(iter(small_programs(1))), 3).labels
    missing = set(RULES) - labels
    assert missing == {"alias", "pin"}


def test_a_limit_is_kept() -> None:
    """Too large a program is refused in words, not explored for ever."""
    program = Program((Constant(0, 1), *(Call("f", (i,), (Fresh(i + 1, 1),), profile=(1,)) for i in range(9))))
    with pytest.raises(ExplorationLimitError, match="explore a smaller program"):
        explore(program, 8, limit=500)
