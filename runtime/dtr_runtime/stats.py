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
    constant: int
    """Bytes in use now that have no recipe by birth: parameters, inputs, what torch allocates outside operators."""
    held: int
    """Bytes in use now whose recipe was given up, because what it reads was overwritten or was worth more."""
    born_held: int
    """Bytes in use now that were overwritten by, or are results of, calls that overwrote too much to keep."""
    pinned: int
    """Bytes in use now that were pinned."""
    kept: int
    """Bytes in use now of versions copied before they were overwritten."""
    evictable: int
    """Bytes in use now that could be evicted."""
    reserved: int
    """The most bytes that a device's caching allocator had reserved, cache and fragments included; 0 on the CPU."""
    overshoots: dict[str, int]
    """By how many bytes, at most, calls of an operator exceeded the budget on a device, their scratch being unknown."""
    overhead: int
    """Nanoseconds spent in the client's operator calls, but for their kernels: deciding, evicting, replaying."""

    @property
    def slowdown(self) -> float:
        """The cost of everything relative to that of the client's calls."""
        return 1 + self.rematerialized / self.computed if self.computed else 1.0
