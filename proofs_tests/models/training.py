# SPDX-License-Identifier: Apache-2.0
"""Training for a few steps, and everything that it leaves behind, byte for byte."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .task import Task

OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
    "adamw_foreach": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, foreach=True),
    "adamw_fused": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, fused=True),
}


@dataclass(frozen=True)
class Snapshot:
    """Named tensors, as they are after training: what must not depend on the budget."""

    tensors: dict[str, Tensor]

    def differences(self, other: "Snapshot") -> list[str]:
        """The names whose tensors differ in any bit, dtype, shape or stride, or exist on one side only."""
        names = sorted(self.tensors.keys() | other.tensors.keys())
        return [name for name in names if not same_bits(self.tensors.get(name), other.tensors.get(name))]


def same_bits(left: Tensor | None, right: Tensor | None) -> bool:
    """Equal bytes: a NaN equals itself, and -0.0 differs from 0.0."""
    if left is None or right is None:
        return left is right
    if (left.dtype, left.shape, left.stride()) != (right.dtype, right.shape, right.stride()):
        return False
    return torch.equal(as_bytes(left), as_bytes(right))


def as_bytes(tensor: Tensor) -> Tensor:
    """The tensor's elements as unsigned bytes, in row-major order."""
    return tensor.detach().contiguous().flatten().view(torch.uint8)


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
    return Snapshot(dict(left_behind(task, descent, losses)))


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
    if torch.cuda.is_initialized():
        yield "generator cuda", torch.cuda.get_rng_state()
    yield from ((f"generator {index}", own.get_state()) for index, own in enumerate(task.generators))
