# SPDX-License-Identifier: Apache-2.0
"""Theorem 3.1: with B of order sqrt(N), h_e* runs the linear network in O(N) operations. And with less memory?"""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from dtr_reference import Deallocation, run
from dtr_reference.__main__ import main
from dtr_reference.graphs.linear import linear
from dtr_reference.theory import stack
from dtr_reference.theory.growth import (
    Point,
    exponent,
    logarithmic_budget,
    per_layer,
    per_layer_and_level,
    powers_of_two,
    replays_of_stack,
    root_budget,
    series,
)
from dtr_runtime.simulator import simulate

from ..claims import claim
from ..profiles import is_thorough
from .linear_runs import HEURISTIC, replays, replays_of_reference

CONSTANT = 4
"""Operations per layer, where the network itself needs 2."""

FACTORS = range(1, 9)


@claim(
    "T10",
    f"Theorem 3.1: with B = 2 ceil(sqrt N), h_e* runs the linear network in at most {CONSTANT} N operations (2 N "
    "without evictions), banishing or eager, which count the same.",
    method="exhaustive to N = 512",
    scope="C++ engine to 128, --thorough: to 512; stack of checkpoints to 512",
)
def test_linear_in_every_depth() -> None:
    on_the_engine = 512 if is_thorough() else 128
    for layers in range(2, 513):
        budget = root_budget(layers)
        counts = {replays_of_stack(layers, budget)}
        if layers <= on_the_engine:
            counts |= {replays(layers, budget, "banish"), replays(layers, budget, "eager")}
        assert len(counts) == 1, (layers, budget, counts)
        assert Point(layers, budget, counts.pop()).operations <= CONSTANT * layers


@claim(
    "T10",
    f"Theorem 3.1 in the large: at most {CONSTANT} N operations with B = 2 ceil(sqrt N), on the C++ engine.",
    method="computed",
    scope="N = 2^4 .. 2^11; --thorough: banishing to 65,536, eager to 16,384",
)
def test_linear_in_the_large(claim_scope: Callable[[str], None]) -> None:
    def banishing(layers: int, budget: int) -> int:
        return replays(layers, budget, "banish")

    def eager(layers: int, budget: int) -> int:
        return replays(layers, budget, "eager")

    points = series(powers_of_two(4, 16 if is_thorough() else 11), root_budget, banishing)
    assert points == series((point.layers for point in points), root_budget)
    shared = powers_of_two(4, 14 if is_thorough() else 11)
    assert points[: len(shared)] == series(shared, root_budget, eager)
    assert all(point.operations <= CONSTANT * point.layers for point in points)
    claim_scope(f"to N = {points[-1].layers:,}: {per_layer(points[-1]):.3f} replays a layer")


@claim(
    "T10",
    "A constant number of replays a layer: at B = 2 ceil(sqrt N) the count grows ever more slowly, to 1.97 N.",
    method="computed",
    scope="stack of checkpoints, N = 2^6, 2^8 .. 2^16",
)
def test_replays_a_layer_level_off() -> None:
    found = [per_layer(point) for point in series(powers_of_two(6, 16)[::2], root_budget)]
    growth = [after - before for before, after in pairwise(found)]
    assert all(0 < after < 0.75 * before for before, after in pairwise(growth))
    assert found[-1] < 1.97


@claim(
    "T10",
    "O(N log N) at B = c log2 N, which Chen et al. reach with a plan, does not carry over to h_e*: for c = 1 .. 8 the "
    "replays per N log2 N rise by half or more, and fit N^e with e > 1.3.",
    method="computed",
    scope="stack of checkpoints, N = 2^8 .. 2^12; --thorough: to 2^15",
)
def test_logarithmic_memory_is_not_enough(
    claim_scope: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = powers_of_two(8, 15 if is_thorough() else 12)
    found = {factor: series(sizes, logarithmic_budget(factor)) for factor in FACTORS}
    if is_thorough():
        with capsys.disabled():
            Console(width=140).print(growth_table(found))
    for points in found.values():
        assert per_layer_and_level(points[-1]) > 1.5 * per_layer_and_level(points[0])
        assert exponent(points) > 1.3
    fitted = ", ".join(f"{exponent(points):.2f}" for points in found.values())
    claim_scope(f"e = {fitted} for c = 1 .. 8, to N = {sizes[-1]:,}")


def growth_table(found: dict[int, list[Point]]) -> Table:
    """A row for each c."""
    sizes = [str(point.layers) for point in found[1]]
    table = Table("c", *sizes, "N^e", title="replays per N log2 N at B = c log2 N, heuristic h_e*, banishing")
    for factor, points in found.items():
        table.add_row(str(factor), *(f"{per_layer_and_level(p):.2f}" for p in points), f"{exponent(points):.2f}")
    return table


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("deallocation", ["banish", "eager"])
def test_logarithmic_memory_on_the_engine(factor: int, deallocation: Deallocation) -> None:
    """The counts that are fitted are the engine's, where it is fast enough."""
    for point in series(powers_of_two(6, 9), logarithmic_budget(factor)):
        assert replays(point.layers, point.budget, deallocation) == point.replays


@pytest.mark.parametrize("layers", [2, 3, 10, 33, 64, 100])
@pytest.mark.parametrize("deallocation", ["banish", "eager"])
def test_the_reference_counts_the_same(layers: int, deallocation: Deallocation) -> None:
    for budget in {root_budget(layers), max(3, layers // 4)}:
        assert replays_of_reference(layers, budget, deallocation) == replays(layers, budget, deallocation)


@claim(
    "T10",
    "The stack of checkpoints evicts what the C++ engine and the reference evict, one by one.",
    method="exhaustive to N = 40, every budget",
    scope="the reference to N = 12",
)
def test_the_stack_is_the_machine() -> None:
    for layers in range(2, 41):
        for budget in range(1, layers + 2):
            traces = [simulate(linear(layers), budget, HEURISTIC, "banish").trace]
            if layers <= 12:
                traces.append(run(linear(layers), budget, HEURISTIC, "banish").trace)
            for trace in traces:
                if trace.events[-1].rule == "out_of_memory":
                    with pytest.raises(stack.StackExhaustedError):
                        stack.run(layers, budget)
                    continue
                evicted = tuple(event.subject + 1 for event in trace.events if event.rule == "evict")
                replayed = sum(event.rule == "replay" for event in trace.events)
                assert stack.run(layers, budget) == stack.StackRun(replayed, evicted)


def test_the_series_are_written_as_data(tmp_path: Path) -> None:
    """What figures are drawn from is what the tests compute."""
    written = tmp_path / "asymptotics.json"
    assert main(["theorems", "--deepest", "9", "--json", str(written)]) == 0
    found = json.loads(written.read_text())
    assert [row["replays"] for row in found["root"]] == [p.replays for p in series(powers_of_two(4, 9), root_budget)]
    assert [row["factor"] for row in found["logarithmic"]] == list(FACTORS)
    assert all(row["forced"] >= row["least"] > row["static"] for rows in found["adversary"].values() for row in rows)
    assert main(["theorems", "--deepest", "8", "--json", str(written)]) == 2
