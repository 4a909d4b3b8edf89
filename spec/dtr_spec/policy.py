# SPDX-License-Identifier: Apache-2.0
"""Policies: what resolves the machine's one real choice, which storage to evict.

The machine's EVICT rule may take any evictable storage. A policy is a heuristic with a
tie-break: the storage with the least score goes; among equal scores, the one that became
evictable last. Reference and runtime hand a heuristic the same view of a storage.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Protocol, runtime_checkable

Score = int | Fraction | float
"""A heuristic's value for one storage: exact, or a float (infinite allowed, NaN an error)."""


@runtime_checkable
class StorageView(Protocol):
    """What a heuristic may know of one evictable storage. All costs are in clock units.

    The costs of neighborhoods are computed when asked for, so a heuristic pays for what it uses.
    """

    @property
    def index(self) -> int:
        """The storage's creation index."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def cost(self) -> int:
        """The cost of the calls in the storage's own recipe."""
        ...

    @property
    def last_access(self) -> int:
        """The clock when the storage was last requested as an input or produced."""
        ...

    @property
    def neighborhood_cost(self) -> int:
        """The cost of e*: evicted ancestors and descendants reachable through evicted storages."""
        ...

    @property
    def class_cost(self) -> int:
        """The cost of the union-find classes adjacent to the storage (approximates e*)."""
        ...

    @property
    def ancestors_cost(self) -> int:
        """The cost of the evicted ancestors reachable through evicted storages."""
        ...

    @property
    def aliases(self) -> int:
        """How many handles refer to the storage."""
        ...

    @property
    def dependents(self) -> int:
        """How many storages have a recipe that reads this one."""
        ...


@runtime_checkable
class Heuristic(Protocol):
    """A heuristic h: the storage with the least score is evicted.

    ``clock`` is the sum of the costs of all calls executed so far, plus one. A score must be
    deterministic in what it is given, or a run can be neither checked nor repeated.
    """

    def score(self, storage: StorageView, clock: int) -> Score:
        """The value of keeping ``storage``; less means evicted sooner."""
        ...


class HeuristicError(Exception):
    """A heuristic returned no usable score; the message says which and for what storage."""


def checked(score: object, heuristic: Heuristic, storage: StorageView) -> Score:
    """``score`` itself, or ``HeuristicError`` if it is NaN or not a number."""
    if isinstance(score, int | Fraction) or (isinstance(score, float) and not math.isnan(score)):
        return score
    raise HeuristicError(
        f"{type(heuristic).__name__}.score returned {score!r} for a storage of {storage.size} bytes, "
        f"cost {storage.cost}, last access {storage.last_access}; return an int, a Fraction, or a "
        f"float other than NaN"
    )


def least(scored: Iterable[tuple[Score, int, int]]) -> int:
    """The policy's choice from (score, sequence number, storage): least score, latest on ties."""
    best = min(scored, key=lambda entry: (entry[0], -entry[1]))
    return best[2]
