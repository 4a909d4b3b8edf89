# SPDX-License-Identifier: Apache-2.0
"""Asking Z3: a theorem is what Z3 refutes the negation of, and nothing less.

Proofs go by instantiation of quantifiers alone: models of quantified formulas are not searched for, so what is not
proved ends as ``unknown``. That is a failure. The limit counts Z3's work, not time, so that an answer does
not depend on the machine. Everything uses Z3's one default context.
"""

from collections.abc import Iterable
from time import perf_counter
from typing import Any, NamedTuple

import z3

LIMIT = 1_000_000
"""Z3's units of work for one attempt: three times what the hardest proof takes."""
SEEDS = range(3)
"""Whether Z3 finds a proof can depend on its seed; a proof found with any is a proof."""


class Answer(NamedTuple):
    """What became of a conjecture; ``seconds`` is the solver's time."""

    proved: bool
    seconds: float


def prove(hypotheses: Iterable[Any], conclusion: Any) -> Answer:
    """Whether Z3 refutes the hypotheses and the negated conclusion."""
    begin = perf_counter()
    claims = [*hypotheses, z3.Not(conclusion)]
    proved = any(_refuted(claims, seed) for seed in SEEDS)
    return Answer(proved, perf_counter() - begin)


def _refuted(claims: list[Any], seed: int) -> bool:
    solver = z3.Solver()
    solver.set("rlimit", LIMIT)
    solver.set("random_seed", seed)
    solver.set("mbqi", False)
    solver.set("pull_nested_quantifiers", True)
    solver.add(*claims)
    return solver.check() == z3.unsat
