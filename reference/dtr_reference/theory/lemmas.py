# SPDX-License-Identifier: Apache-2.0
"""The bounds of Kirisame et al., appendix A, as printed and as their proofs need them.

Gaps count evicted forward tensors in a row, budgets and free memory count units.
"""

from fractions import Fraction
from math import log2


def forward_gap(layers: int, budget: int) -> Fraction:
    """Phase 1: after the forward pass of N layers within B units no gap exceeds 2 (N - 2) / (B - 1)."""
    return Fraction(2 * (layers - 2), budget - 1)


def checkpoint_gap(layers: int, budget: int) -> Fraction:
    """Lemma A.1: checkpoints with gaps of at most 4 (N - 2) / (B - 1) survive the backward pass."""
    return Fraction(4 * (layers - 2), budget - 1)


def rematerialization_gap(distance: int, units: int) -> Fraction:
    """Lemma A.3: computing t_k from t_j with M units leaves gaps of at most 2 ((k - j) - 1) / (M - 1).

    ``distance`` is k - j. Its proof counts t_j among the M units, and then the lemma is false, first at
    k - j = 8 with M = 4; with M units *besides* t_j no exception is known. ``units`` must exceed 1.
    """
    return Fraction(2 * (distance - 1), units - 1)


def intermediate_gap(distance: int, extra: int) -> Fraction:
    """Lemma A.4 as printed: what computing ^t_i with 2 + k units free leaves for good has gaps of at most this.

    2 ((i - j) - 1) / (k + 1), where ``distance`` is i - j and ``extra`` is k.
    """
    return Fraction(2 * (distance - 1), extra + 1)


def intermediate_gap_proved(distance: int, extra: int) -> Fraction:
    """Lemma A.4 as its proof gives it: twice the printed bound, for the unit that ^t_i itself takes."""
    return 2 * intermediate_gap(distance, extra)


def path_replays_printed(length: int, extra: int) -> float:
    """Lemma A.2 as printed: the gradients of an evicted path of L tensors take O(L + L^2 log(k) / k^2) replays.

    With k = 1 that is O(L), which is false: log 1 = 0. ``extra`` is k, and must be at least 1.
    """
    return length + length**2 * log2(extra) / extra**2


def path_replays_repaired(length: int, extra: int) -> float:
    """Lemma A.2 with k + 1 for k and 1 + log for log: the sum over k still converges, so theorem 3.1 follows."""
    return length + length**2 * (1 + log2(extra + 1)) / (extra + 1) ** 2
