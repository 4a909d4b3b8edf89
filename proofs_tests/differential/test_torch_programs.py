# SPDX-License-Identifier: Apache-2.0
"""The same programs on real tensors: the runtime yields the bits of PyTorch alone, within its budget."""

from collections.abc import Callable

import torch

import dtr_runtime as dtr
from dtr_spec.monitor import check
from dtr_spec.program import Alias, Call, Constant, Pin, Program, Release

from ..claims import claim
from .checks import check_followed
from .corpus import every_rule, training_program

WORDS = 512
"""Elements for each byte of a declared size, so that kernels' small change does not matter; always 64 bits wide."""

ODD = -7046029254386353131
OTHER = -4658895280553007687
"""Odd multipliers: no single bit of a factor is lost modulo 2**64."""


def evaluated(program: Program) -> list[torch.Tensor]:
    """The observations of a program whose calls are made of torch operators, under a budget or not."""
    handles: dict[int, torch.Tensor] = {}
    observations: list[torch.Tensor] = []
    for command in program.commands:
        match command:
            case Constant(handle, size):
                handles[handle] = torch.arange(length(size)) * ODD + handle
            case Alias(handle, of, view):
                handles[handle] = looked(handles[of], view)
            case Release(handle):
                del handles[handle]
            case Pin(handle):
                handles[handle].data_ptr()
            case Call():
                called(command, handles, observations)
    return observations


def called(call: Call, handles: dict[int, torch.Tensor], observations: list[torch.Tensor]) -> None:
    """One call: digests of all inputs, from which every result is mixed."""
    inputs = [handles[handle] for handle in call.inputs]
    state = torch.full((), len(call.op))
    for tensor in inputs:
        state = (state ^ digest(tensor)) * OTHER
    if not call.outputs and not call.mutates:
        observations.append(state)
    for place in sorted(set(call.mutates)):
        inputs[place].mul_(OTHER).add_(state + place)
    for place, output in enumerate(call.outputs):
        handles[output.handle] = (torch.arange(length(output.size)) * ODD).bitwise_xor_(state + place)


def digest(tensor: torch.Tensor) -> torch.Tensor:
    """A word that differs if one bit of the tensor does: a sum with odd weights, modulo 2**64."""
    flat = tensor.flatten()
    return (flat * (2 * torch.arange(len(flat)) + ODD)).sum()


def looked(tensor: torch.Tensor, view: str) -> torch.Tensor:
    """The tensor seen through a view: it shares memory."""
    match view:
        case "transpose":
            return tensor[1:] if len(tensor) > 1 else tensor[:]
        case "row":
            return tensor[len(tensor) // 2 :]
        case "even":
            return tensor[::2]
        case _:
            return tensor[:]


def length(size: int) -> int:
    """Elements of a storage of so many declared bytes."""
    return max(1, WORDS * size)


@claim("T1", "On real tensors, every read has the bits of PyTorch alone.", method="property-tested")
@claim("T6", "On real tensors too, what was rebuilt is at once locked, held or pinned.", method="property-tested")
@claim("T8", "Traces of the runtime on real tensors are runs of the machine.", method="property-tested")
def test_programs_on_real_tensors(claim_scope: Callable[[str], None]) -> None:
    """Training programs with views and in-place updates, within nine to five tenths of what they need."""
    finished = evictions = 0
    for program in (every_rule(), *(training_program(seed, 3 + seed % 6) for seed in range(12))):
        expected = evaluated(program)
        peak = needed(program)
        for tenths in (9, 7, 5):
            try:
                with dtr.budget(peak * tenths // 10, heuristic="h_dtr_eq") as run:
                    seen = evaluated(program)
            except dtr.BudgetExceeded:
                continue
            assert all(map(torch.equal, seen, expected))
            assert len(seen) == len(expected)
            verdict = check(run.trace)
            assert verdict, verdict.reason
            check_followed(run.trace)
            finished += 1
            evictions += sum(event.rule == "evict" for event in run.trace.events)
    assert finished >= 10
    assert evictions >= 100
    claim_scope(f"{finished:,} runs on tensors")
    claim_scope(f"{evictions:,} evictions of tensors")


def needed(program: Program) -> int:
    """The peak in bytes without pressure."""
    with dtr.budget("1GiB") as run:
        evaluated(program)
    return max(event.used for event in run.trace.events)
