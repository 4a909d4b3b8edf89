# SPDX-License-Identifier: Apache-2.0
"""Random programs of PyTorch operators in a budget: eager's bits, the reference's decisions, the machine's rules."""

import gc
from collections.abc import Callable
from typing import Literal, get_args

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dtr_reference
import dtr_runtime as dtr
from dtr_spec.monitor import check

from ..agreement import first_difference
from ..claims import claim
from ..models.training import bits
from ..profiles import examples
from ..strategies.tensors import TensorProgram, tensor_programs

Deallocation = Literal["eager", "ignore", "banish"]
HEURISTICS = ("h_dtr", "h_dtr_eq", "h_dtr_local", "h_lru", "h_size", "h_msps", "h_estar", "h_rand")
PLENTY = 1 << 30


def within(
    program: TensorProgram, extra: int, heuristic: str, deallocation: Deallocation
) -> tuple[list[torch.Tensor] | None, dtr.Run]:
    """What the program leaves, or None if so many bytes besides what is alive do not suffice."""
    running = program.prepared()
    gc.collect()
    found = run = None
    try:
        with dtr.budget(dtr.live_bytes() + extra, heuristic=heuristic, deallocation=deallocation) as run:
            found = program.run(running)
    except dtr.BudgetExceeded:
        found = None
    assert run is not None
    return found, run


@claim("T1", "Random programs on real tensors read and leave eager's bits.", method="property-tested")
@claim("T2", "Random programs on real tensors stay within the budget.", method="property-tested")
@claim("T8", "Traces of random programs on real tensors are runs of the machine.", method="property-tested")
@claim("T9", "The reference decides alike on the traces of random programs on real tensors.", method="property-tested")
@settings(max_examples=examples(30))
@given(
    program=tensor_programs(),
    tenths=st.integers(6, 9),
    heuristic=st.sampled_from(HEURISTICS),
    deallocation=st.sampled_from(get_args(Deallocation)),
)
def test_random_programs_on_real_tensors(
    program: TensorProgram, tenths: int, heuristic: str, deallocation: Deallocation, claim_scope: Callable[[str], None]
) -> None:
    """Within some tenths of what the program would take if nothing had to go."""
    expected = [bits(tensor) for tensor in program.run(program.prepared())]
    left, roomy = within(program, PLENTY, heuristic, "eager")
    assert left is not None
    assert [bits(tensor) for tensor in left] == expected
    del left
    need = roomy.stats.peak - (roomy.stats.budget - PLENTY)
    left, run = within(program, need * tenths // 10, heuristic, deallocation)
    trace = run.trace
    verdict = check(trace)
    assert verdict, verdict.reason
    if left is None:
        return
    assert [bits(tensor) for tensor in left] == expected
    assert run.stats.peak <= run.stats.budget
    reference = dtr_reference.run(trace.program, trace.budget, heuristic, deallocation).trace
    assert (difference := first_difference(reference.events, trace.events)) is None, difference
    claim_scope(f"{run.stats.rematerializations:,} operators called again")
