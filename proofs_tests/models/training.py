# SPDX-License-Identifier: Apache-2.0
"""Training for a few steps, and everything that it leaves behind, byte for byte."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .task import Task

OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
    "adamw_foreach": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, foreach=True),
    "adamw_fused": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, fused=True),
}


class Bits(NamedTuple):
    """A tensor's exact content, outside of torch's memory: a NaN equals itself, and -0.0 differs from 0.0."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    content: bytes
    """The elements in row-major order."""


def bits(tensor: Tensor) -> Bits:
    """Copy a tensor's content out."""
    elements = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    return Bits(tensor.dtype, tuple(tensor.shape), tensor.stride(), elements.numpy().tobytes())


@dataclass(frozen=True)
class Snapshot:
    """Named tensors, as they are after training: what must not depend on the budget."""

    tensors: dict[str, Bits]

    def differences(self, other: "Snapshot") -> list[str]:
        """The names whose tensors differ in any bit, dtype, shape or stride, or exist on one side only."""
        names = sorted(self.tensors.keys() | other.tensors.keys())
        return [name for name in names if self.tensors.get(name) != other.tensors.get(name)]


def train(
    task: Task,
    optimizer: str,
    steps: int,
    context: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Snapshot:
    """Train the task's model inside ``context``, then look at what is left, outside of it."""
    descent = OPTIMIZERS[optimizer](task.model.parameters())
    losses: list[Tensor] = []
    with context():
        for step in range(steps):
            losses.append(one_step(task, descent, step))
    return Snapshot({name: bits(tensor) for name, tensor in left_behind(task, descent, losses)})


def one_step(task: Task, descent: torch.optim.Optimizer, step: int) -> Tensor:
    """One descent on one batch; the loss, detached."""
    descent.zero_grad()
    loss = task.loss(task.model, task.batches[step % len(task.batches)])
    loss.backward()
    descent.step()
    return loss.detach()


def left_behind(task: Task, descent: torch.optim.Optimizer, losses: list[Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Losses, parameters, gradients, buffers, optimizer state and random generators."""
    yield from ((f"loss {step}", loss) for step, loss in enumerate(losses))
    for name, parameter in task.model.named_parameters():
        yield f"parameter {name}", parameter
        if parameter.grad is not None:
            yield f"gradient {name}", parameter.grad
        for key, value in descent.state[parameter].items():
            if isinstance(value, Tensor):
                yield f"optimizer {name} {key}", value
    yield from ((f"buffer {name}", buffer) for name, buffer in task.model.named_buffers())
    yield "generator", torch.get_rng_state()
    if (accelerator := torch.accelerator.current_accelerator()) is not None:
        yield "generator of the accelerator", torch.get_device_module(accelerator).get_rng_state()
    yield from ((f"generator {index}", own.get_state()) for index, own in enumerate(task.generators))
