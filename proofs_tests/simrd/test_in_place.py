# SPDX-License-Identifier: Apache-2.0
"""Logs and programs are read from each other, and recorded from PyTorch."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dtr_runtime as dtr
from dtr_reference import run
from dtr_runtime.simrd import Simrd
from dtr_spec import log as entries
from dtr_spec.copies import schedule
from dtr_spec.in_place import log_of, program_of
from dtr_spec.log import Log
from dtr_spec.monitor import check
from dtr_spec.program import Alias, Call, Constant, Fresh, Pin, Program, Release

from ..claims import claim
from .data import logs, published, text
from .generated import random_log


def meaning(program: Program) -> tuple[object, ...]:
    """All but the order of pins, and through which of its views a storage is overwritten."""
    pins = sorted(command.handle for command in program.commands if isinstance(command, Pin))
    tables = (program.tensors, program.sizes, program.creators, program.reads, program.fresh, program.writes)
    return (*tables, [program.call(position).cost for position in program.reads], pins)


@claim("logs", "A log's program, written as a log, is read as the same program.", method="property-tested")
@given(st.randoms(use_true_random=False))
def test_programs_of_logs_round_trip(draw: random.Random) -> None:
    program = program_of(random_log(draw))
    written = log_of(program)
    assert Log.parse(written.lines()) == written
    assert meaning(program_of(written)) == meaning(program)


def test_a_log_and_its_program_by_hand() -> None:
    """Each entry's command; what is named at the end is pinned."""
    log = Log(
        (
            entries.Annotation(entries.START),
            entries.Constant("p", 4),
            entries.Call("f", ("p",), (entries.Result("x", 2), entries.Result("v", 0, 0)), 5),
            entries.Mutate("g_", ("x", "p"), (0,), 7),
            entries.Copy("y", "x"),
            entries.CopyFrom("y", "p"),
            entries.Release("x"),
        )
    )
    calls = (Call("f", (0,), (Fresh(1, 2),), cost=5, profile=(2,)), Call("g_", (1, 0), mutates=(0,), cost=7))
    copies = (Alias(3, 1), Alias(4, 0), Release(3), Release(1))
    pins = (Pin(0), Pin(2), Pin(4))
    assert program_of(log).commands == (Constant(0, 4), calls[0], Alias(2, 0, "f"), calls[1], *copies, *pins)


def test_a_program_and_its_log_by_hand() -> None:
    """A call that returns and overwrites is two entries; its time counts once."""
    program = Program((Constant(0, 4), Call("h_", (0,), (Fresh(1, 2),), (0,), 3, (2,)), Alias(2, 1, "row")))
    assert log_of(program).entries[1:] == (
        entries.Constant("x0", 4),
        entries.Call("h_", ("x0",), (entries.Result("x1", 2),), 3),
        entries.Mutate("h_", ("x0",), (0,), 0),
        entries.Call("row", ("x1",), (entries.Result("x2", 0, 0),), 0),
    )


@claim(
    "logs", "The published logs are programs of the machine too, with the same costs but for views.", method="computed"
)
@pytest.mark.needs_simrd_data
@pytest.mark.parametrize("log", logs() or ("no log",), ids=lambda log: log.partition("-")[0])
def test_published_logs_are_programs(log: str) -> None:
    read = Log.parse(text(log).splitlines())
    program = program_of(read)
    views = sum(operator.cost for operator in published(log).operators if not operator.size)
    cost = sum(program.call(position).cost for position in program.reads)
    assert cost + views >= published(log).cost
    assert meaning(program_of(log_of(program))) == meaning(program)


@claim("logs", "What PyTorch does is recorded as a program and as a log, which the machines replay.", method="measured")
def test_a_training_step_is_recorded() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = torch.randn(5, 8)
    with dtr.record(clock="logical") as recording:
        model(batch).square().sum().backward()
        optimizer.step()
    program = recording.program
    assert {"aten::addmm", "aten::mm"} <= {program.call(position).op.partition(".")[0] for position in program.reads}
    outcome = run(program, 10**9, "h_lru")
    assert outcome.status == "finished"
    assert check(outcome.trace)
    assert Log.parse(recording.log.lines()) == recording.log
    engine = Simrd(schedule(recording.log))
    assert engine.run(2 * engine.baseline.peak, "h_dtr_eq").status == "finished"


def test_recording_computes_once_and_keeps_nothing_that_is_dead() -> None:
    """A dead tensor's bytes go, though what was computed from it could be computed again; and costs are counted."""
    x = torch.ones(1 << 12)
    before, most = dtr.live_bytes(), 0
    with dtr.record(clock="logical") as recording:
        kept = x * 2
        for _ in range(30):
            kept = (kept * 2).sin()
            most = max(most, dtr.live_bytes() - before)
    assert most <= 4 * x.nbytes
    program = recording.program
    calls = [program.call(position) for position in program.reads]
    assert [call.op for call in calls] == ["aten::mul.Tensor", *["aten::mul.Tensor", "aten::sin"] * 30]
    assert {call.cost for call in calls} == {2 * x.nbytes // 64}
