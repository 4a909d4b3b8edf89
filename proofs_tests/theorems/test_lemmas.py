# SPDX-License-Identifier: Apache-2.0
"""The lemmas of appendix A: on the machine's own runs, and for every way to resolve ties."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest

from dtr_reference import Deallocation
from dtr_reference.graphs.linear import evicted_path, linear, linear_forward
from dtr_reference.theory import checkpoints, lemmas
from dtr_reference.theory.checkpoints import Gaps, Gradient, forward_gaps
from dtr_reference.theory.stack import path_replays
from dtr_reference.theory.ties import every_tie, forward_pass, longest_gap
from dtr_runtime.simulator import simulate

from ..claims import claim
from ..profiles import is_thorough
from .linear_runs import HEURISTIC, measured

DEEPEST = 28
DEEPEST_WITH_TIES = 14
DEEPEST_WITH_TIES_THOROUGH = 20


def test_the_longest_gap_is_what_its_name_says() -> None:
    """By definition, of all patterns of up to seven tensors between two that are resident."""
    for between in (pattern for length in range(8) for pattern in product((False, True), repeat=length)):
        gaps = "".join("x" if resident else "." for resident in between).split("x")
        assert checkpoints.longest_gap(np.array([True, *between, True]), 0, len(between) + 1) == max(map(len, gaps))


def runs(deallocation: Deallocation) -> Iterator[Gaps]:
    """Every depth to 28 at every budget that must choose."""
    return (measured(n, budget, deallocation) for n in range(3, DEEPEST + 1) for budget in range(3, n + 1))


def rematerializing(run: Gaps) -> Iterator[Gradient]:
    """The gradients for which t_{i-1} had to be rematerialized, with units to do it in."""
    return (found for found in run.gradients if found.start < found.layer - 1 and found.free >= 2)


@claim(
    "T10",
    "After the forward pass of the linear network no gap exceeds 2 (N - 2) / (B - 1).",
    method="exhaustive to N = 200, every budget",
)
def test_gaps_after_the_forward_pass(claim_scope: Callable[[str], None]) -> None:
    """One run for a budget: each of its prefixes is the forward pass of a shallower network."""
    deepest, checked = 200, 0
    for budget in range(2, deepest + 1):
        found = forward_gaps(simulate(linear_forward(deepest), budget, HEURISTIC).trace)
        for layers in range(budget, deepest + 1):
            assert found[layers - 1] <= lemmas.forward_gap(layers, budget), (layers, budget)
            checked += 1
    claim_scope(f"{checked:,} pairs of N and B")


@claim(
    "T10",
    "Lemma A.1: checkpoints that survive until their release keep gaps of at most 4 (N - 2) / (B - 1).",
    method=f"exhaustive to N = {DEEPEST}, every budget, banishing and eager",
)
@pytest.mark.parametrize("deallocation", ["banish", "eager"])
def test_surviving_checkpoints(deallocation: Deallocation) -> None:
    for run in runs(deallocation):
        assert run.forward <= lemmas.forward_gap(run.layers, run.budget), run
        assert run.surviving <= lemmas.checkpoint_gap(run.layers, run.budget), run


@claim(
    "T10",
    "Lemma A.3: computing t_k from t_j with M units besides t_j leaves gaps of at most 2 ((k - j) - 1) / (M - 1).",
    method=f"exhaustive to N = {DEEPEST}, every budget, banishing and eager",
)
@pytest.mark.parametrize("deallocation", ["banish", "eager"])
def test_rematerialized_gaps(deallocation: Deallocation, claim_scope: Callable[[str], None]) -> None:
    checked = 0
    for run in runs(deallocation):
        for found in rematerializing(run):
            if found.start_stays:
                distance = found.layer - 1 - found.start
                assert found.gap <= lemmas.rematerialization_gap(distance, found.free), (run.layers, run.budget, found)
                checked += 1
    claim_scope(f"{checked:,} rematerializations")


@claim(
    "T10",
    "Lemma A.4 holds as printed, 2 ((i - j) - 1) / (k + 1), half of what its own proof gives.",
    method=f"exhaustive to N = {DEEPEST}, every budget, banishing and eager",
)
@pytest.mark.parametrize("deallocation", ["banish", "eager"])
def test_intermediate_checkpoints(deallocation: Deallocation, claim_scope: Callable[[str], None]) -> None:
    checked = 0
    for run in runs(deallocation):
        for found in rematerializing(run):
            if found.start_survives:
                distance, extra = found.layer - found.start, found.free - 2
                assert found.surviving_gap <= lemmas.intermediate_gap_proved(distance, extra), (run.layers, found)
                assert found.surviving_gap <= lemmas.intermediate_gap(distance, extra), (run.layers, found)
                checked += 1
    claim_scope(f"{checked:,} gradients")


@claim(
    "T10",
    "However ties are resolved, the forward bound and lemmas A.1, A.3 and A.4 (as printed) hold.",
    method=f"exhaustive to N = {DEEPEST_WITH_TIES}, every budget",
    scope=f"--thorough: to N = {DEEPEST_WITH_TIES_THOROUGH}",
)
def test_lemmas_whichever_of_equals_is_evicted(claim_scope: Callable[[str], None]) -> None:
    deepest = DEEPEST_WITH_TIES_THOROUGH if is_thorough() else DEEPEST_WITH_TIES
    for layers in range(3, deepest + 1):
        for budget in range(3, layers + 1):
            found = every_tie(layers, budget)
            assert found.forward <= lemmas.forward_gap(layers, budget)
            assert found.surviving <= lemmas.checkpoint_gap(layers, budget)
            for (distance, units), gap in found.rematerialized.items():
                assert gap <= lemmas.rematerialization_gap(distance, units), (layers, budget, distance, units)
            for (distance, extra), gap in found.intermediate.items():
                assert gap <= lemmas.intermediate_gap(distance, extra), (layers, budget, distance, extra)
    claim_scope(f"all resolutions to N = {deepest}")


@claim(
    "T10",
    "Lemma A.3 is false if t_j is one of the M units, as its proof has it: t_8 from t_0 with M = 4 leaves a gap of 5, "
    "not 14/3; nothing smaller fails.",
    method="exhaustive to k - j = 8, every M, all ties",
)
def test_lemma_a3_with_its_start_among_the_units() -> None:
    """t_0 takes no memory, so the machine runs with M - 1 units."""
    failing = [
        (distance, units)
        for distance in range(2, 9)
        for units in range(3, distance + 2)
        for resident in forward_pass(distance, units - 1)
        if longest_gap(resident, 0, distance) > lemmas.rematerialization_gap(distance, units)
    ]
    assert set(failing) == {(8, 4)}
    assert forward_gaps(simulate(linear_forward(8), 3, HEURISTIC).trace)[-1] == 5


@claim(
    "T10",
    "The proof of lemma A.1 says that the first two gradients evict at most one tensor of S; at N = 9, B = 5 they "
    "evict two, and nothing smaller does. The lemma itself holds there.",
    method="exhaustive to N = 9, every budget",
)
def test_two_checkpoints_are_evicted_by_the_first_two_gradients() -> None:
    lost = {(n, budget): measured(n, budget).early_losses for n in range(3, 10) for budget in range(3, n + 1)}
    assert {case for case, evicted in lost.items() if len(evicted) > 1} == {(9, 5)}
    assert lost[9, 5] == (5, 1)


@claim(
    "T10",
    "Lemma A.2 is false as printed at k = 1, where it promises O(L) (log 1 = 0): the replays are L (L - 1) / 2 + 1. "
    "With k + 1 for k and 1 + log for log it holds with constant 1.5.",
    method="computed",
    scope="paths of 2 to 512 tensors, k = 1 .. 64",
)
def test_replays_of_an_evicted_path() -> None:
    for length in (*range(2, 32), 64, 100, 200, 300, 512):
        assert path_replays(length, 3) == length * (length - 1) // 2 + 1
        for extra in range(1, 65):
            assert path_replays(length, 2 + extra) <= 1.5 * lemmas.path_replays_repaired(length, extra), (length, extra)


@pytest.mark.parametrize("length", [1, 2, 7, 20, 40])
@pytest.mark.parametrize("free", [2, 3, 4, 7, 12])
def test_an_evicted_path_on_the_engine(length: int, free: int) -> None:
    """The stack's count for lemma A.2 is the engine's."""
    ended = simulate(evicted_path(length, free + 1), free + 1, HEURISTIC, "banish", record=False)
    assert ended.status == "finished"
    assert ended.counters["rematerializations"] == path_replays(length, free)


def test_two_units_suffice_forwards_only() -> None:
    """Theorem 3.1's least memory is three units: a gradient, what it is computed from, and the gradient above."""
    assert simulate(linear_forward(64), 2, HEURISTIC, "banish").status == "finished"
    assert measured(2, 2).gradients[0].layer == 2
    for layers in range(3, 12):
        assert simulate(linear(layers), 2, HEURISTIC, "banish").status == "out_of_memory"
        assert simulate(linear(layers), 3, HEURISTIC, "banish").status == "finished"
