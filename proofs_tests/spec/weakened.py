# SPDX-License-Identifier: Apache-2.0
"""Rules with a fault planted: a premise forgotten."""

from typing import Any

import pytest

from dtr_spec.configuration import Configuration
from dtr_spec.rules import RULES, Rule, Step


def without_premise(rule: Rule, number: int) -> Rule:
    """The rule with one premise forgotten."""

    def weakened(c: Configuration, *operands: Any) -> Step:
        step = rule(c, *operands)
        return Step(step.premises[:number] + step.premises[number + 1 :], step.after)

    return Rule(rule.name, rule.operands, weakened)


def plant(monkeypatch: pytest.MonkeyPatch, rule: str, premise: int) -> None:
    """The machine runs with the weakened rule until the test ends."""
    monkeypatch.setitem(RULES, rule, without_premise(RULES[rule], premise))
