# SPDX-License-Identifier: Apache-2.0
"""Static schemes: plans made on a training graph before anything runs, carried out by the machine."""

from .checkmate import Optimum, RoundingError, least_budget, optimal, rounded
from .checkpoint_all import checkpoint_all
from .chen import chen_greedy, chen_sqrt
from .execution import Execution, execute
from .integer_program import SolverError
from .plan import Plan, PlanError
from .search import InfeasibleError
from .treeverse import treeverse, treeverse_within

__all__ = [
    "Execution",
    "InfeasibleError",
    "Optimum",
    "Plan",
    "PlanError",
    "RoundingError",
    "SolverError",
    "checkpoint_all",
    "chen_greedy",
    "chen_sqrt",
    "execute",
    "least_budget",
    "optimal",
    "rounded",
    "treeverse",
    "treeverse_within",
]
