# SPDX-License-Identifier: Apache-2.0
"""A reference machine that notices when a tie was decided by the sequence number."""

from dataclasses import dataclass, field

from dtr_reference import HEURISTICS, Machine
from dtr_spec.policy import Heuristic, Score, StorageView

from ..strategies import Case


@dataclass
class _Noting:
    """A heuristic, and the scores that it gave since the last eviction."""

    heuristic: Heuristic
    scores: dict[int, Score] = field(default_factory=dict)

    def score(self, storage: StorageView, clock: int) -> Score:
        given = self.heuristic.score(storage, clock)
        self.scores[storage.index] = given
        return given


class Watched(Machine):
    """Counts the evictions for which several storages had the least score."""

    def __init__(self, case: Case) -> None:
        named = HEURISTICS[case.heuristic]() if isinstance(case.heuristic, str) else case.heuristic
        self.noting = _Noting(named)
        super().__init__(case.program, case.budget, self.noting, case.deallocation)
        self.ties = 0

    def evict(self, index: int) -> None:
        """Evict, chosen by score or by the client's release (then nothing was scored)."""
        scores = self.noting.scores
        self.ties += index in scores and list(scores.values()).count(scores[index]) > 1
        super().evict(index)
        scores.clear()
