# SPDX-License-Identifier: Apache-2.0
"""Heuristics as a user may write them: one good, the others wrong in the ways that are reported.

pytest proofs_tests --heuristic proofs_tests/differential/example_heuristics.py:CheapestByte
"""

import random
from fractions import Fraction

from dtr_spec.policy import Score, StorageView


class CheapestByte:
    """Evict what is cheapest to recompute for each byte that it frees, dependents counted in."""

    def score(self, storage: StorageView, clock: int) -> Score:
        if not storage.size:
            return float("inf")
        return Fraction((storage.cost + storage.ancestors_cost) * (1 + storage.dependents), storage.size)


class Raising:
    """Divides by a staleness that may be zero."""

    def score(self, storage: StorageView, clock: int) -> Score:
        return storage.cost / (clock - storage.last_access)


class NotANumber:
    """Subtracts infinities."""

    def score(self, storage: StorageView, clock: int) -> Score:
        return float("inf") - float("inf")


class Nondeterministic:
    """Rolls dice that nobody else can see."""

    def score(self, storage: StorageView, clock: int) -> Score:
        return random.random()


class Remembering:
    """Depends on what it was asked before, so that two machines asking in another order differ."""

    def __init__(self) -> None:
        self.last = 0
        self.flips = 0

    def score(self, storage: StorageView, clock: int) -> Score:
        if storage.index != self.last:
            self.last = storage.index
            self.flips += 1
        return self.flips * storage.cost % 7
