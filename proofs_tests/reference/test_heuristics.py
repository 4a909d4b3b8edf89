# SPDX-License-Identifier: Apache-2.0
"""Each heuristic is its formula, exactly."""

import random
from dataclasses import dataclass
from fractions import Fraction

import pytest

from dtr_reference import HEURISTICS
from dtr_reference.heuristics import splitmix64
from dtr_spec.policy import Heuristic, Score, StorageView


@dataclass(frozen=True)
class Seen:
    """A storage view with numbers of one's own."""

    index: int = 3
    size: int = 5
    cost: int = 7
    last_access: int = 11
    neighborhood_cost: int = 13
    class_cost: int = 17
    ancestors_cost: int = 19
    aliases: int = 1
    dependents: int = 2


INFINITY = float("inf")


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("h_dtr", Fraction(7 + 13, 5 * 12)),
        ("h_dtr_eq", Fraction(7 + 17, 5 * 12)),
        ("h_dtr_local", Fraction(7, 5 * 12)),
        ("h_lru", Fraction(1, 12)),
        ("h_size", Fraction(1, 5)),
        ("h_msps", Fraction(7 + 19, 5)),
        ("h_estar", Fraction(7 + 13, 5)),
        ("h_rand", splitmix64(splitmix64(3) ^ 23)),
    ],
)
def test_formula(name: str, score: Score) -> None:
    """Scores are exact fractions, at any magnitude."""
    assert HEURISTICS[name]().score(Seen(), 23) == score


def test_division_by_zero_is_infinite() -> None:
    """Storages of zero bytes, or just touched, are the last to go, also if they cost nothing."""
    for name in ("h_dtr", "h_dtr_eq", "h_dtr_local", "h_size", "h_msps", "h_estar"):
        assert HEURISTICS[name]().score(Seen(size=0, cost=0), 23) == INFINITY
    for name in ("h_dtr", "h_dtr_eq", "h_dtr_local", "h_lru"):
        assert HEURISTICS[name]().score(Seen(last_access=23), 23) == INFINITY


def test_scores_are_not_rounded() -> None:
    """Two scores that are the same double still compare."""
    big = 1 << 60
    h_dtr = HEURISTICS["h_dtr"]()
    assert h_dtr.score(Seen(cost=big + 1), 23) > h_dtr.score(Seen(cost=big), 23)


def test_splitmix64() -> None:
    """The first outputs of the published generator from seed 1234567; its state advances by a constant."""
    gamma = 0x9E3779B97F4A7C15
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [splitmix64((1234567 + i * gamma) % 2**64) for i in range(4)] == published


def test_random_scores_depend_on_storage_and_clock() -> None:
    """All distinct over a grid."""
    h_rand = HEURISTICS["h_rand"]()
    scores = {h_rand.score(Seen(index=index), clock) for index in range(30) for clock in range(30)}
    assert len(scores) == 900


def test_every_heuristic_is_one() -> None:
    """The registry's classes follow the protocol."""
    assert all(isinstance(kind(), Heuristic) for kind in HEURISTICS.values())
    assert isinstance(Seen(index=random.randrange(9)), StorageView)
