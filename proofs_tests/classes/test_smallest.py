# SPDX-License-Identifier: Apache-2.0
"""T12: the smallest programs at which class costs exceed e*, by exhaustive search, kept as traces."""

from collections.abc import Callable
from itertools import chain

import pytest

from dtr_spec.monitor import check

from ..claims import claim
from ..counterexamples import kept
from .search import Difference, differences, programs


def more_than_the_neighborhood(found: Difference) -> bool:
    """A class contains what is neither ancestor nor descendant: edges have no direction in it."""
    return found.class_cost == found.component_cost > found.neighborhood_cost


def more_than_the_component(found: Difference) -> bool:
    """A class contains what nothing connects any more: a phantom connection."""
    return found.class_cost > found.component_cost


SMALLEST = {
    "class_cost_exceeds_neighborhood": (more_than_the_neighborhood, 4),
    "class_cost_exceeds_component": (more_than_the_component, 5),
}


@claim(
    "T12",
    "Class costs exceed e* from four commands after the constant on, undirected components from five.",
    method="exhaustive to 5 commands",
)
@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_counterexample_is_the_one_kept(name: str, claim_scope: Callable[[str], None]) -> None:
    """No smaller program shows it under any choice of evictions; the first that does is the trace that is kept."""
    shown, commands = SMALLEST[name]
    smaller = list(chain.from_iterable(programs(length) for length in range(commands)))
    assert not any(shown(found) for program in smaller for found in differences(program))
    first = next(found for program in programs(commands) for found in differences(program) if shown(found))
    assert first.named == kept(name)
    verdict = check(first.named)
    assert verdict, verdict.reason
    claim_scope(f"{len(smaller)} smaller programs")
