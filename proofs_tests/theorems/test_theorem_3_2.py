# SPDX-License-Identifier: Apache-2.0
"""Theorem 3.2: against any deterministic heuristic a network of N tensors costs Omega(N / B) times the static optimum.

    pytest proofs_tests/theorems/test_theorem_3_2.py --heuristic FILE.py:CLASS

plays against that heuristic, too.
"""

import doctest
from collections.abc import Callable
from math import log2

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from dtr_reference import HEURISTICS, adversary
from dtr_reference.adversary import Game, play
from dtr_runtime.simulator import simulate
from dtr_spec.monitor import check
from dtr_spec.policy import Heuristic

from ..claims import claim
from ..differential.example_heuristics import CheapestByte
from ..profiles import is_thorough

MONITORED = 64
"""The monitor is slow; to so many tensors it judges every trace."""


def sizes() -> dict[int, list[int]]:
    """For each budget, numbers of tensors."""
    if is_thorough():
        return {4: [32, 64, 128, 256], 8: [64, 128, 256, 512], 16: [128, 256, 512]}
    return {4: [16, 32], 8: [32, 64, 128]}


def games(heuristic: Heuristic | str) -> list[Game]:
    """One for each size; a heuristic with a memory begins each anew."""
    return [
        play(heuristic if isinstance(heuristic, str) else type(heuristic)(), budget, tensors)
        for budget, numbers in sizes().items()
        for tensors in numbers
    ]


def check_game(game: Game, heuristic: Heuristic | str) -> None:
    """The adversary forces what it must, and the static schedule recomputes nothing; the engine agrees on both."""
    assert game.forced == sum(len(path) * (len(path) + 1) // 2 for path in game.paths)
    assert game.forced >= game.least
    assert game.static == game.tensors
    if game.tensors <= MONITORED:
        assert check(game.online.trace)
    engine = simulate(game.online.trace.program, game.budget, heuristic)
    assert engine.trace.events == game.online.trace.events
    assert simulate(game.schedule, game.budget, heuristic).counters["rematerializations"] == 0


def growth(played: list[Game]) -> float:
    """The e of ratio ~ (N / B)^e at the largest budget."""
    budget = max(game.budget for game in played)
    points = [(game.tensors / budget, game.ratio) for game in played if game.budget == budget]
    return float(np.polyfit([log2(size) for size, _ in points], [log2(ratio) for _, ratio in points], 1)[0])


@claim(
    "T11",
    "Theorem 3.2: the adversary forces any built-in heuristic to at least N (N / B + 1) / 2 calls where a static "
    "schedule of the same network, run by the same machine in the same memory, needs N.",
    method="computed",
    scope="B = 4, 8, N to 128; --thorough: B = 4, 8, 16, N to 512",
)
@pytest.mark.parametrize("name", HEURISTICS)
def test_the_adversary_wins(name: str, claim_scope: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    """The ratio grows at least about as N / B, whatever is evicted."""
    played = games(name)
    for game in played:
        check_game(game, name)
    fitted = growth(played)
    assert fitted > 0.75
    if is_thorough():
        with capsys.disabled():
            Console(width=120).print(table(name, played))
    claim_scope(f"{name}: (N/B)^{fitted:.2f}")


@claim(
    "T11",
    "The adversary wins against the user's heuristic (or an example), too.",
    method="computed",
)
def test_the_adversary_wins_against_the_users_heuristic(user_heuristic: Heuristic | None) -> None:
    heuristic = user_heuristic or CheapestByte()
    for game in games(heuristic):
        check_game(game, type(heuristic)())


@pytest.mark.parametrize(("budget", "tensors"), [(2, 8), (9, 8)])
def test_a_budget_out_of_range_is_refused(budget: int, tensors: int) -> None:
    with pytest.raises(ValueError, match="it must be from 3 to 8"):
        play("h_lru", budget, tensors)


def test_the_documented_game() -> None:
    assert doctest.testmod(adversary).attempted == 2
    assert doctest.testmod(adversary).failed == 0


def table(name: str, played: list[Game]) -> Table:
    """A row for each game."""
    shown = Table(
        "B", "N", "forced", "at least", "static", "ratio", "ratio / (N/B)", title=f"theorem 3.2 against {name}"
    )
    for game in played:
        ratio = float(game.ratio)
        row = (game.budget, game.tensors, game.forced, game.least, game.static)
        shown.add_row(*map(str, row), f"{ratio:.2f}", f"{ratio * game.budget / game.tensors:.2f}")
    return shown
