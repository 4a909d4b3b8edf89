# SPDX-License-Identifier: Apache-2.0
"""The logs that the benchmarks simulate: the same for everybody, and programs that every implementation can run."""

import pytest
from benchmarks.workloads import WORKLOADS, constant_bytes

import dtr_reference
from dtr_runtime.simulator import simulate
from dtr_spec.program import Call, Pin

from ..agreement import first_difference

PLENTY = 10**12
QUICK = ("ResNet-32", "U-Net")


@pytest.mark.parametrize("name", QUICK)
def test_a_log_is_the_same_every_time_and_ends_with_all_gradients_in_memory(name: str) -> None:
    workload = WORKLOADS[name]
    program = workload.log()
    assert program == workload.log()
    parameters = sum(1 for _ in workload.build(0, workload.narrow).model.parameters())
    assert sum(isinstance(command, Pin) for command in program.commands) >= parameters
    run = simulate(program, PLENTY, record=False)
    assert run.clock == 1 + sum(command.cost for command in program.commands if isinstance(command, Call))
    assert run.peak > 1.5 * constant_bytes(program)


def test_engine_and_reference_decide_alike_on_a_log() -> None:
    program = WORKLOADS["U-Net"].log()
    budget = simulate(program, PLENTY, record=False).peak * 4 // 5
    engine = simulate(program, budget, "h_dtr_eq")
    reference = dtr_reference.run(program, budget, "h_dtr_eq")
    assert engine.status == "finished"
    assert first_difference(reference.trace.events, engine.trace.events) is None
