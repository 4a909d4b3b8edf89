# SPDX-License-Identifier: Apache-2.0
"""The series behind theorems 3.1 and 3.2 as plain data: ``python -m dtr_reference theorems --json OUT``."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..adversary import Game, play
from ..heuristics import HEURISTICS
from .growth import Point, exponent, logarithmic_budget, powers_of_two, root_budget, series

FACTORS = range(1, 9)
"""The c of B = c log2 N."""

ADVERSARY_BUDGET = 8
ADVERSARY_TENSORS = (16, 32, 64, 128)


def asymptotics(deepest: int = 12) -> dict[str, Any]:
    """The linear network to N = 2^``deepest`` layers under h_e*, and the adversary against every built-in heuristic.

    ``root`` has B = 2 ceil(sqrt N), ``logarithmic`` B = c ceil(log2 N) for each c with the fitted exponent of N, and
    ``adversary`` for each heuristic the calls forced and those of the static schedule. Budgets are in units.
    """
    logarithmic = {factor: series(powers_of_two(8, deepest), logarithmic_budget(factor)) for factor in FACTORS}
    return {
        "root": rows(series(powers_of_two(4, deepest), root_budget)),
        "logarithmic": [
            {"factor": factor, "exponent": exponent(points), "points": rows(points)}
            for factor, points in logarithmic.items()
        ],
        "adversary": {
            name: [played(play(name, ADVERSARY_BUDGET, tensors)) for tensors in ADVERSARY_TENSORS]
            for name in HEURISTICS
        },
    }


def rows(points: Iterable[Point]) -> list[dict[str, int]]:
    """Each run with all its operations."""
    return [asdict(point) | {"operations": point.operations} for point in points]


def played(game: Game) -> dict[str, int]:
    """One game in numbers."""
    return {
        "budget": game.budget,
        "tensors": game.tensors,
        "forced": game.forced,
        "least": game.least,
        "static": game.static,
    }
