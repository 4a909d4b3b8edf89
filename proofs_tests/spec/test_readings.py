# SPDX-License-Identifier: Apache-2.0
"""One definition, three readings: rules run, print themselves, and become Z3 terms."""

import re
from pathlib import Path

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from dtr_spec.__main__ import main
from dtr_spec.configuration import initial
from dtr_spec.program import Alias, Call, Command, Constant, Fresh, Program, ProgramError, Release
from dtr_spec.proofs import symbolic_step
from dtr_spec.readings import Map, Set
from dtr_spec.rules import RULES
from dtr_spec.symbolic import configuration
from dtr_spec.text import Text, inference_rule

README = Path(__file__).resolve().parents[2] / "spec" / "README.md"


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_symbolic_reading(rule: str) -> None:
    """Premises and effect are Z3 terms; the same function runs on values in every other test."""
    before = configuration("c")
    step = symbolic_step(RULES[rule], before)
    assert all(z3.is_bool(premise) for premise in step.premises)
    assert step.after() != before


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_prints_itself(rule: str) -> None:
    """The inference rule has premises, a line, and what changes."""
    printed = inference_rule(RULES[rule])
    assert printed.splitlines()[0].split()[0] == rule
    assert " := " in printed.split("──")[-1]
    assert "object at" not in printed


def test_a_rule_reads_as_it_is_written() -> None:
    """Parentheses where they are needed, and of the configuration what changes."""
    assert inference_rule(RULES["evict"]).splitlines()[3:] == [
        "    ¬stopped",
        "    resident(s) ∧ recoverable(s) ∧ (∀ x ∈ frames. ¬(s ∈ locked(x)))",
        f"    {'─' * 63}",
        "    used := used − size(s)",
        "    resident := resident[s ↦ false]",
    ]
    a, b, c = map(Text, "abc")
    assert (str(a - (b - c)), str((a + b) + c)) == ("a − (b − c)", "a + b + c")


def test_a_configuration_has_the_fields_that_it_has() -> None:
    """A rule that misspells one is told so."""
    with pytest.raises(TypeError, match="no residents"):
        initial(Program(()), 0).but(residents=Set())


def test_rules_are_printed_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m dtr_spec rules``."""
    assert main(["rules"]) == 0
    assert "resident := resident[s ↦ false]" in capsys.readouterr().out


def test_the_readme_lists_exactly_the_rules() -> None:
    """Its table of rules and the code agree."""
    table = README.read_text().split("| rule | what happens |")[1]
    listed = {name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert listed == set(RULES)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4), st.integers(0, 3))))
def test_every_version_of_a_persistent_map_stays_readable(writes: list[tuple[int, int, int]]) -> None:
    """Baker's map against a list of dicts: write to any version, read all of them."""
    versions: list[tuple[Map, dict[int, int]]] = [(Map(0), {})]
    for pick, key, value in writes:
        old, model = versions[pick % len(versions)]
        versions.append((old.set(key, value), {**model, key: value}))
    for version, model in versions:
        assert [version[key] for key in range(5)] == [model.get(key, 0) for key in range(5)]
        assert dict(version.items()) == {k: v for k, v in model.items() if v}


def test_sets_read_as_sets() -> None:
    """Membership, guarded for-all, comprehension, one more, one less."""
    some = Set({1, 2})
    assert some.has(1)
    assert some.every(lambda x: x > 0)
    assert some.where(lambda x: x > 1) == {2}
    assert some.add(3) == {1, 2, 3}
    assert some.remove(1) == {2}


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ((Constant(0, 1), Constant(0, 1)), "command 1 .*handle 0 is already bound"),
        ((Constant(0, -1),), "command 0 .*a size cannot be negative"),
        ((Constant(0, 1), Release(0), Release(0)), "command 2 .*handle 0 was released"),
        ((Constant(0, 1), Alias(1, 2)), "command 1 .*handle 2 is not bound"),
        ((Constant(0, 1), Call("f", (0,), cost=-1)), "command 1 .*a cost cannot be negative"),
        ((Constant(0, 1), Call("f", (0,), mutates=(1,))), r"command 1 .*mutates \(1,\), but has 1 inputs"),
        ((Constant(0, 1), Call("f", (0,), (Fresh(1, 2),), profile=(3,))), "the profile must sum to the bytes"),
        ((Constant(0, 1), Call("f", (0,), (Fresh(1, 2),), profile=(1,))), "the profile must sum to the bytes"),
        ((Constant(0, 1), Call("f", (0,), profile=(1, 0, -1))), "a piece of the profile cannot be 0"),
        ((Constant(0, 1), Call("f", (0,), profile=(1, -2, 1))), "the profile frees more than it allocated"),
    ],
)
def test_a_malformed_program_is_refused_with_its_position(commands: tuple[Command, ...], reason: str) -> None:
    """The message names the command."""
    with pytest.raises(ProgramError, match=reason):
        Program(commands)
