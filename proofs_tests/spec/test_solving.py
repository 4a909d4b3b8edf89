# SPDX-License-Identifier: Apache-2.0
"""A rule read twice says the same: running it, and solving for it, give the same successors."""

from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dtr_spec.configuration import Configuration, initial
from dtr_spec.rules import RULES
from dtr_spec.step import Label, apply, successors

from ..claims import claim
from ..profiles import examples
from ..strategies.moves import programs
from .plugged import differing, solutions
from .test_witnesses import PROGRAM, walk


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """A configuration that some run of a small program reaches."""
    program = draw(programs(max_moves=5))
    c = initial(program, draw(st.integers(0, 12)))
    for _ in range(draw(st.integers(0, 16))):
        following = [after for _, after in successors(c)]
        if not following:
            break
        c = draw(st.sampled_from(following))
    return c


def before(rule: str) -> Configuration:
    """The nearest configuration of a program at which the rule applies."""
    return next(c for c, label, _ in walk(PROGRAM, sum(PROGRAM.sizes), 1000) if label.rule == rule)


@claim(
    "rules",
    "Executing a rule and solving for it give the same steps and configurations, terms included.",
    method="property-tested",
)
@settings(max_examples=examples(12))
@given(configurations())
@example(before("lock"))
@example(before("keep"))
def test_running_and_solving_agree(c: Configuration) -> None:
    """For each rule: the operands, and every field afterwards."""
    program = c.facts.program
    storages, most = range(len(program.sizes)), max(12, len(program.commands), len(program.tensors))
    domains = {"storage": storages, "call": sorted(c.facts.calls())}
    for rule in RULES.values():
        candidates = product(*(domains.get(kind, range(most + 1)) for kind in rule.operands))
        run = {operands: apply(c, Label(rule.name, operands)) for operands in candidates}
        taken = {operands: after for operands, after in run.items() if isinstance(after, Configuration)}
        assert solutions(c, rule, most) == taken.keys(), rule.name
        for operands, after in taken.items():
            assert differing(c, rule, operands, after) == [], (rule.name, operands)
