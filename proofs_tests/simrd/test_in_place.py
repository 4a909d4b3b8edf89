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
from dtr_spec.copies import schedule
from dtr_spec.in_place import log_of, program_of
from dtr_spec.log import Log
from dtr_spec.monitor import check
from dtr_spec.program import Pin, Program

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
