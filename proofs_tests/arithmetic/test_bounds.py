# SPDX-License-Identifier: Apache-2.0
"""The bounds under which nothing overflows: kept by the engine, which refuses what exceeds them, and sufficient."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dtr_reference import HEURISTICS, run
from dtr_runtime.simulator import simulate
from dtr_spec.program import Call, Command, Constant, Fresh, Program

from ..agreement import first_difference
from ..claims import claim
from ..reference.audit import unlimited
from ..reference.programs import Builder, random_program

PROGRAMS = 6
SCALE = 2**54 + 1
"""Makes sizes and costs of random programs nearly as large as their sums may be."""


def scaled(program: Program) -> Program:
    """The program with every byte and clock unit multiplied."""
    return Program(tuple(map(_scaled, program.commands)))


def _scaled(command: Command) -> Command:
    match command:
        case Constant(handle, size):
            return Constant(handle, size * SCALE)
        case Call():
            return replace(
                command,
                outputs=tuple(Fresh(output.handle, output.size * SCALE) for output in command.outputs),
                cost=command.cost * SCALE,
                profile=tuple(piece * SCALE for piece in command.profile),
            )
    return command


@claim("T13", "With sizes and costs close to the bounds the engine decides as the reference.", method="property-tested")
@pytest.mark.parametrize("heuristic", HEURISTICS)
def test_decisions_close_to_the_bounds(heuristic: str, claim_scope: Callable[[str], None]) -> None:
    """The reference computes with integers and fractions without bounds."""
    evictions = 0
    for seed in range(PROGRAMS):
        program = scaled(random_program(seed, 20))
        peak = run(program, unlimited(program), heuristic).peak
        for eighths in (8, 7, 6, 5, 4):
            expected = run(program, peak * eighths // 8, heuristic)
            found = simulate(program, peak * eighths // 8, heuristic)
            assert first_difference(expected.trace.events, found.trace.events) is None
            assert expected.clock == found.clock
            evictions += expected.evictions
    assert evictions > PROGRAMS
    claim_scope(f"{5 * PROGRAMS} runs")


def of_cost(cost: int, results: int = 1, reads: int = 0) -> Program:
    """A call of a cost with some results of a byte each, which are read in turn."""
    build = Builder()
    first = build.call("f", build.constant(0), sizes=(1,) * results, cost=cost)
    for number in range(reads):
        build.call("large", 0, sizes=(results,), cost=0)
        build.release(build.handles - 1)
        build.read(first + number % results)
    return build.program()


@claim("T13", "What would exceed the bounds is refused with an error that says what.", method="computed")
@pytest.mark.parametrize(
    ("program", "budget", "message"),
    [
        (of_cost(2**63), 1, r"command 1: 9223372036854775808 exceeds 2\^63 - 1"),
        (of_cost(2**63 - 1), 1, r"the clock would exceed 2\^63 - 1: 1 and 9223372036854775807 more"),
        (of_cost(2**61, reads=4), 1, "the clock would exceed"),
        (of_cost(2**62, results=2), 2, "the cost of all recipes would exceed"),
        (of_cost(1), 2**63, "the budget: 9223372036854775808 exceeds"),
    ],
    ids=["cost", "clock", "clock in a replay", "recipes", "budget"],
)
def test_what_exceeds_the_bounds_is_refused(program: Program, budget: int, message: str) -> None:
    with pytest.raises(OverflowError, match=message):
        simulate(program, budget, "h_dtr_eq")


def test_sums_that_exceed_the_bounds_are_refused() -> None:
    """The clock begins at 1."""
    with pytest.raises(OverflowError, match="the clock would exceed"):
        simulate(of_cost(2**63 - 1), 1)


def test_just_within_the_bounds() -> None:
    """The largest cost, size and budget that are counted; a request that no budget can meet is one for memory."""
    assert simulate(of_cost(2**63 - 2), 1).clock == 2**63 - 1
    large = Program((Constant(0, 2**62), Constant(1, 2**62), Constant(2, 2**63 - 1)))
    assert simulate(Program(large.commands[:1]), 2**63 - 1).peak == 2**62
    refused = simulate(large, 2**63 - 1)
    assert refused.status == "out_of_memory"
    assert f"a budget of at least {2**63} bytes" in str(refused.failure)


def test_recipes_that_are_forgotten_do_not_count() -> None:
    """Twice, results whose recipes cost half of what all together may: the first are gone when the second are made."""
    build = Builder()
    for _ in range(2):
        first = build.call("f", sizes=(1,) * 4, cost=2**60)
        build.release(*range(first, build.handles))
    assert simulate(build.program(), 4).clock == 2**61 + 1


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="the budget is -1, below 0"):
        simulate(of_cost(1), -1)
