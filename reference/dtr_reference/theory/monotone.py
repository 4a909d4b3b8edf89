# SPDX-License-Identifier: Apache-2.0
"""When is more memory never worse? Not in general; but under a fixed ranking without cascades, and after a rehearsal.

**Fixed ranking.** Let all storages have one size, let no recipe read anything that can be evicted, let each call
read at most one storage, and let scores be distinct and depend on neither budget nor clock. Then what is resident
with B units is resident with B + 1: R_B ⊆ R_{B+1} after every command. By induction on the commands (Mattson et al.,
1970): the storage s that a command needs is brought in where it is missing. If only the smaller run must, the larger
one has s already, and R_B only loses another one. If both must and the larger one is not full, it loses nothing. If
both are full, R_{B+1} has just one storage x more than R_B. Either x is its victim; or its victim lies in R_B and is
the least of R_{B+1}, hence of R_B, so both lose the same. Hence what is replayed with B + 1 units is replayed with B.

**Rehearsal.** Steps of training repeat. Whoever has tried the smaller budgets may use the best of them: ``rehearsed``.
"""

from collections.abc import Callable, Iterable
from typing import final

from dtr_spec.policy import Score, StorageView

Cost = Callable[[int], int | None]
"""What a run within a budget of bytes replays, in any unit; None if memory runs out."""


@final
class Oldest:
    """h(s) = index: the storage that was created first goes. A fixed ranking without ties."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The creation index."""
        return storage.index


def rehearsed(budget: int, tried: Iterable[int], cost: Cost) -> int:
    """The budget of those tried, not above ``budget``, whose run costs least; the larger of equals.

    With more budget there is more to choose from, so the cost never rises. Raises ``ValueError`` if no run finishes.
    """
    finished = [(found, -other) for other in {*tried, budget} if other <= budget and (found := cost(other)) is not None]
    if not finished:
        raise ValueError(f"no budget up to {budget} bytes lets the program finish")
    return -min(finished)[1]
