# SPDX-License-Identifier: Apache-2.0
"""What the figures are computed from: logs in the prototype's format, and what a curve says."""

from benchmarks.reproduce.simulation import Point, curve, floor, least_ratio, ours, overhead, prototype_log, simulator
from benchmarks.workloads import WORKLOADS

from dtr_spec.log import START, Annotation, Call, Constant, Log, Mutate, Release, Result
from dtr_spec.program import Call as ProgramCall
from dtr_spec.program import Constant as ProgramConstant
from dtr_spec.program import Fresh, Program
from dtr_spec.program import Release as ProgramRelease


def test_a_program_becomes_a_log_without_its_reads() -> None:
    program = Program(
        (
            ProgramConstant(0, 8),
            ProgramCall("f", (0,), (Fresh(1, 4), Fresh(2, 0)), cost=3, profile=(4,)),
            ProgramCall("g", (1, 0), (Fresh(3, 2),), (0,), 5, (2,)),
            ProgramCall("h", (1,), (), (0,), 7),
            ProgramCall("read", (3,), cost=1),
            ProgramRelease(3),
        )
    )
    assert prototype_log(program).entries == (
        Annotation(START),
        Constant("x0", 8),
        Call("f", ("x0",), (Result("x1", 4), Result("x2", 0)), 3),
        Call("g", ("x1", "x0"), (Result("x3", 2),), 5),
        Mutate("g", ("x1", "x0"), (0,), 0),
        Mutate("h", ("x1",), (0,), 7),
        Release("x3"),
    )


def test_a_workloads_log_is_read_back_and_simulated() -> None:
    log = prototype_log(WORKLOADS["ResNet-32"].log())
    assert Log.parse(log.lines()) == log
    alone = simulator(ours("ResNet-32")).baseline
    assert alone.status == "finished"
    assert alone.clock == 1 + sum(entry.time for entry in log.entries if isinstance(entry, Call | Mutate))
    within = simulator(ours("ResNet-32")).run(alone.peak // 2, "h_dtr_eq")
    assert within.status == "finished"
    assert within.rematerialization_cost > 0
    assert within.peak <= alone.peak // 2


def point(ratio: float, slowdown: float | None) -> Point:
    """One run of some curve."""
    status = "out_of_memory" if slowdown is None else "finished"
    return Point("model", "h", "eager", ratio, status, slowdown, 0, 0)


def test_the_least_ratio_is_above_the_first_failure() -> None:
    points = (point(1.0, 1.0), point(0.8, 1.2), point(0.6, None), point(0.4, 1.5), point(0.2, 2.5))
    assert least_ratio(points) == 0.8
    assert least_ratio(points[3:]) == 0.4
    assert overhead(points, [1.0, 0.6, 0.4]) == 1.5


def test_a_curve_ends_at_its_first_failure() -> None:
    model = ours("ResNet-32")
    points = curve(model, "h_lru", (1.0, 0.01, 0.9))
    assert [one.status for one in points] == ["finished", "out_of_memory"]
    assert curve(model, "LRU", (1.0, 0.01, 0.9)) is points, "simrd's name and ours are one heuristic"
    least = floor(model)
    assert 0 < least.constants < least.constants + least.operator < 1
