# SPDX-License-Identifier: Apache-2.0
"""When is more memory never worse? Not in general; but under a fixed ranking without cascades, and after a rehearsal.

**Fixed ranking.** Let all storages have one size, let calls ask for one result and no scratch, let no recipe read
anything that can be evicted, and let scores be distinct and, at each command, the same within any budget. Then what is
resident within B units is resident within B' >= B: R ⊆ R' after every command (Mattson et al., 1970; ``inclusion.py``,
for Z3). By induction on what the commands want. Where only the smaller run lacks what is wanted, R loses something and
gains what R' has. Where both lack it and the larger run has room, R' loses nothing. Where it has none, the smaller one
has none either, for there is no more room in R than in R'. Then either the larger run's victim is not in R; or it is,
and is the least of R' and hence of R, so both lose the same. Hence what is replayed within B' is replayed within B; and
where the smaller run finds a victim, so does the larger.

**Rehearsal.** Steps of training repeat. Whoever has tried budgets may use the best of those: ``rehearsed``.
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

    With more budget there is more to choose from, so the cost never rises. A budget that was not tried is no choice,
    not even ``budget`` itself: it could be worse than a smaller one that was not tried either. Raises ``ValueError`` if
    none of those tried lets the program finish.
    """
    finished = [(found, -other) for other in tried if other <= budget and (found := cost(other)) is not None]
    if not finished:
        raise ValueError(f"no budget up to {budget} bytes that was tried lets the program finish")
    return -min(finished)[1]
