# SPDX-License-Identifier: Apache-2.0
"""The heuristics of the paper (section 4.1 and appendix D), exactly: no score is rounded.

In the formulas c is the cost of the storage's chain, m its size in bytes, s its staleness (the clock
minus the last access), e* the cost of its evicted neighborhood, class that of the equivalence classes
next to it. Division by zero is +infinity, also of zero.
"""

from fractions import Fraction
from typing import final

from dtr_spec.policy import Heuristic, Score, StorageView

_WORD = (1 << 64) - 1


@final
class HDtr:
    """h_DTR = (c + e*) / (m s)."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(storage.cost + storage.neighborhood_cost, storage.size * (clock - storage.last_access))


@final
class HDtrEq:
    """h_DTR^eq = (c + class) / (m s)."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(storage.cost + storage.class_cost, storage.size * (clock - storage.last_access))


@final
class HDtrLocal:
    """h_DTR^local = c / (m s)."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(storage.cost, storage.size * (clock - storage.last_access))


@final
class HLru:
    """h_LRU = 1 / s: the least recently used goes."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(1, clock - storage.last_access)


@final
class HSize:
    """h_size = 1 / m: the largest goes."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(1, storage.size)


@final
class HMsps:
    """h_MSPS = (c + cost of the evicted ancestors) / m (Peng et al., Capuchin, 2020)."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(storage.cost + storage.ancestors_cost, storage.size)


@final
class HEstar:
    """h_e* = (c + e*) / m: h_DTR without staleness, the heuristic of theorem 3.1."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """The exact quotient."""
        return _quotient(storage.cost + storage.neighborhood_cost, storage.size)


@final
class HRand:
    """h_rand = splitmix64(splitmix64(index) xor clock): uniform to the eye, the same in every run."""

    def score(self, storage: StorageView, clock: int) -> Score:
        """A 64-bit hash."""
        return splitmix64(splitmix64(storage.index) ^ clock)


HEURISTICS: dict[str, type[Heuristic]] = {
    "h_dtr": HDtr,
    "h_dtr_eq": HDtrEq,
    "h_dtr_local": HDtrLocal,
    "h_lru": HLru,
    "h_size": HSize,
    "h_msps": HMsps,
    "h_estar": HEstar,
    "h_rand": HRand,
}


def splitmix64(state: int) -> int:
    """One output of Steele, Lea and Flood's SplitMix64 (OOPSLA 2014) from a state, modulo 2**64."""
    z = (state + 0x9E3779B97F4A7C15) & _WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _WORD
    return z ^ (z >> 31)


def _quotient(numerator: int, denominator: int) -> Score:
    return Fraction(numerator, denominator) if denominator else float("inf")
