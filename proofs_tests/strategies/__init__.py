# SPDX-License-Identifier: Apache-2.0
"""Programs, budgets and policies for Hypothesis, and the total functions behind them for seeded corpora."""

from .cases import Case, budgets, cases, deallocations, heuristics
from .memory import eager_peak, floor
from .moves import assemble, programs
from .training import directed_programs, training

__all__ = [
    "Case",
    "assemble",
    "budgets",
    "cases",
    "deallocations",
    "directed_programs",
    "eager_peak",
    "floor",
    "heuristics",
    "programs",
    "training",
]
