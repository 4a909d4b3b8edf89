# SPDX-License-Identifier: Apache-2.0
"""The best of several plans within a budget."""

from collections.abc import Iterable

from .execution import Execution, execute
from .plan import Plan


class InfeasibleError(ValueError):
    """No schedule of the scheme fits into the budget; ``least`` is the least budget, in bytes, at which one does."""

    def __init__(self, budget: int, least: int) -> None:
        super().__init__(f"no schedule fits into {budget} bytes; the least that would do is {least} bytes")
        self.budget = budget
        self.least = least


def cheapest(plans: Iterable[Plan], budget: int) -> Execution:
    """Carry out the plan of least cost, then least peak, among those within the budget. Raises ``InfeasibleError``."""
    candidates = list(plans)
    within = [plan for plan in candidates if plan.peak <= budget]
    if not within:
        raise InfeasibleError(budget, min(plan.peak for plan in candidates))
    return execute(min(within, key=lambda plan: (plan.cost, plan.peak)), budget)
