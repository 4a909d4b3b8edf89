# SPDX-License-Identifier: Apache-2.0
"""Asking Z3 for a counterexample. That it does not know one is no proof: ``unknown`` is a status of its own."""

from collections.abc import Iterable
from typing import Any, Literal

import z3

TIMEOUT_MS = 600_000
"""Milliseconds for one query; the longest takes seconds on an idle core, but machines may be loaded."""

Status = Literal["proved", "refuted", "unknown"]


def status(premises: Iterable[Any], conclusion: Any) -> Status:
    """Whether the conclusion follows from the premises."""
    solver = z3.Solver()
    solver.set("timeout", TIMEOUT_MS)
    solver.add(*premises, z3.Not(conclusion))
    answer = solver.check()
    if answer == z3.unsat:
        return "proved"
    return "refuted" if answer == z3.sat else "unknown"


def generalized(formula: Any) -> Any:
    """The formula with its variables named by their order, so that instances of one statement are equal."""
    found: dict[int, Any] = {}
    pending = [formula]
    while pending:
        term = pending.pop()
        if z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found.setdefault(term.get_id(), term)
        pending += reversed(term.children())
    names = [(term, z3.Const(f"x{place}", term.sort())) for place, term in enumerate(found.values())]
    return z3.substitute(formula, *names)
