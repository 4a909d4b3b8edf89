# SPDX-License-Identifier: Apache-2.0
"""What can go wrong under a budget. All sizes are in bytes."""

from typing import Any

import torch


class BudgetExceeded(torch.OutOfMemoryError):
    """The budget does not suffice: nothing is evictable any more and ``need`` bytes do not fit.

    What the failing call had overwritten has been restored, so the program may go on.
    """

    where: str
    """The operator, or what else asked for memory."""
    need: int
    """Bytes asked for."""
    used: int
    """Bytes in use at that moment."""
    locked: int
    """Of these: inputs of the calls under way."""
    pinned: int
    """Of these: constants (parameters, inputs, gradients) and what else cannot be computed again."""
    evictable: int
    """Of these: what could still be evicted."""
    budget: int
    least: int
    """No smaller budget would have let this request pass, from where the run was. Under another budget the run gets
    somewhere else: other storages are evicted by then, and the same program may need a little less, or more."""

    def __init__(self, where: str, need: int, used: int, locked: int, pinned: int, evictable: int, budget: int) -> None:
        self.where, self.need, self.used, self.budget = where, need, used, budget
        self.locked, self.pinned, self.evictable = locked, pinned, evictable
        self.least = used - evictable + need
        super().__init__(
            f"{where} needs {need} bytes, but {used} of the budget's {budget} are in use and {evictable} of them "
            f"evictable (locked by calls under way: {locked}, impossible to compute again: {pinned}); "
            f"from here, it takes a budget of at least {self.least} bytes"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        numbers = self.need, self.used, self.locked, self.pinned, self.evictable, self.budget
        return type(self), (self.where, *numbers)


class NondeterministicOperator(RuntimeError):
    """An operator gave other results when it was called again with the same arguments.

    Exclude what it returns from rematerialization by ``dtr_runtime.pin``, or make it deterministic.
    """

    operator: str
    what: str
    """What was different."""

    def __init__(self, operator: str, what: str) -> None:
        self.operator, self.what = operator, what
        super().__init__(f"{operator} cannot be replayed: {what}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.operator, self.what)


class BudgetError(ValueError):
    """A budget that makes no sense; the message says what would."""
