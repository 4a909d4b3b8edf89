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

LIMIT = 800_000
"""Z3's units of work for one proof: twice what the hardest takes."""


class Answer(NamedTuple):
    """What became of a conjecture; ``seconds`` is the solver's time."""

    proved: bool
    seconds: float


def prove(hypotheses: Iterable[Any], conclusion: Any, seed: int = 0) -> Answer:
    """Whether Z3 refutes the hypotheses and the negated conclusion. Whether it finds a proof can depend on its seed."""
    begin = perf_counter()
    solver = z3.Solver()
    solver.set("rlimit", LIMIT)
    solver.set("random_seed", seed)
    solver.set("mbqi", False)
    solver.set("pull_nested_quantifiers", True)
    solver.add(*hypotheses, z3.Not(conclusion))
    return Answer(solver.check() == z3.unsat, perf_counter() - begin)
