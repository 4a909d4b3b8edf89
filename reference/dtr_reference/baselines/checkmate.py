# SPDX-License-Identifier: Apache-2.0
"""Checkmate (Jain et al., MLSys 2020): the optimal schedule within a budget, and their approximation of it."""

from dataclasses import dataclass

from ..graphs import TrainingGraph
from .execution import Execution, execute
from .integer_program import IntegerProgram, Solution
from .search import InfeasibleError, cheapest

RESERVES = (0.1, 0.0)
"""Shares of the bytes beyond the fixed ones that the relaxation leaves for rounding: theirs (section 5.3), and none."""

THRESHOLDS = tuple(step / 10 for step in range(1, 10))


class RoundingError(ValueError):
    """The relaxation has a solution, but no rounding of it fits into the budget; an integral schedule may exist."""


@dataclass(frozen=True)
class Optimum:
    """A schedule as the machine measured it, and what the solver proved.

    No schedule of the program's structure costs less than ``bound`` (of ``least_budget``: peaks below it). The schedule
    is optimal if the two are equal.
    """

    execution: Execution
    bound: int


def optimal(graph: TrainingGraph, budget: int, seconds: float | None = None) -> Optimum:
    """The cheapest schedule within a budget of bytes, the graph's fixed ones included.

    After ``seconds`` it is the best found until then. Raises ``InfeasibleError``, which names the least feasible
    budget, if there is no schedule, and ``SolverError`` if the time did not suffice for any.
    """
    program = IntegerProgram(graph)
    solution = program.cheapest(budget, seconds=seconds) if budget >= graph.widest else None
    if solution is None:
        raise InfeasibleError(budget, _least(program, seconds).execution.peak)
    return Optimum(_within(program, solution, budget, seconds), solution.bound)


def least_budget(graph: TrainingGraph, seconds: float | None = None) -> Optimum:
    """The schedule of least peak. Raises ``SolverError`` if ``seconds`` did not suffice for any."""
    return _least(IntegerProgram(graph), seconds)


def rounded(graph: TrainingGraph, budget: int) -> Execution:
    """Two-phase rounding (section 5): relax the program, round what stays, compute no more than that requires.

    The cheapest of all reserves and thresholds that fits. Raises ``InfeasibleError`` if there is no schedule even for
    the relaxation, and ``RoundingError`` if no rounding fits.
    """
    program = IntegerProgram(graph)
    limits = (graph.fixed + int((1 - reserve) * (budget - graph.fixed)) for reserve in RESERVES)
    solutions = [program.cheapest(limit, relaxed=True) for limit in limits]
    if solutions[-1] is None:
        raise InfeasibleError(budget, _least(program, None).execution.peak)
    plans = [solution.rounded(graph, threshold) for solution in solutions if solution for threshold in THRESHOLDS]
    if (least := min(plan.peak for plan in plans)) > budget:
        raise RoundingError(f"no rounding fits into {budget} bytes; the smallest takes {least} bytes")
    return cheapest(plans, budget)


def _least(program: IntegerProgram, seconds: float | None) -> Optimum:
    solution = program.smallest(seconds)
    return Optimum(execute(solution.plan(program.graph)), solution.bound)


def _within(program: IntegerProgram, solution: Solution, budget: int, seconds: float | None) -> Execution:
    """Carry a solution out. The solver works in floating point, so rounding may exceed the budget by a little."""
    limit = budget
    plan = solution.plan(program.graph)
    while plan.peak > budget:
        limit -= plan.peak - budget
        tighter = program.cheapest(limit, seconds=seconds)
        if tighter is None:
            raise InfeasibleError(budget, _least(program, seconds).execution.peak)
        plan = tighter.plan(program.graph)
    return execute(plan, budget)
