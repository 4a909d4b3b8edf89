# SPDX-License-Identifier: Apache-2.0
"""What a scope did, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """Counts, bytes and costs (clock units) of one scope."""

    budget: int
    """Bytes."""
    peak: int
    """The most bytes that were in use at a time."""
    used: int
    """Bytes in use now."""
    calls: int
    """Operator calls of the client that read or wrote bytes."""
    evictions: int
    rematerializations: int
    """Calls replayed."""
    computed: int
    """The cost of the client's calls."""
    rematerialized: int
    """The cost of replays."""

    @property
    def slowdown(self) -> float:
        """The cost of everything relative to that of the client's calls."""
        return 1 + self.rematerialized / self.computed if self.computed else 1.0
