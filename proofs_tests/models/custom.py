# SPDX-License-Identifier: Apache-2.0
"""A user's own autograd functions, one of which overwrites what it saved."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

WIDTH, LAYERS, BATCH = 32, 6, 64


class Snake(torch.autograd.Function):
    """x + sin(ax)^2 / a with a backward of its own; keeps the sine, not the square."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor) -> Tensor:
        sine, cosine = torch.sin(a * x), torch.cos(a * x)
        ctx.save_for_backward(x, a, sine, cosine)
        return x + sine.square() / a

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, a, sine, cosine = ctx.saved_tensors
        double = 2 * sine * cosine
        grad_a = grads[0] * (double * x / a - (sine / a).square())
        return grads[0] * (1 + double), grad_a.sum(0)


class Scale(torch.autograd.Function):
    """Multiplies in place and says so."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        ctx.mark_dirty(x)
        return x.mul_(factor)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0] * ctx.factor, None


class Layer(nn.Module):
    """A linear map, scaled in place, then snakes with a learned frequency."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.frequency = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        scaled: Any = Scale.apply(self.linear(x), 0.5)
        result: Any = Snake.apply(scaled, self.frequency)
        return result


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Smooth L1 distance from a random target."""
    inputs, targets = batch
    return F.smooth_l1_loss(model(inputs), targets)


def build(seed: int) -> Task:
    """Random inputs and targets."""
    torch.manual_seed(seed)
    model = nn.Sequential(*(Layer() for _ in range(LAYERS)))
    return Task(model, [(torch.randn(BATCH, WIDTH), torch.randn(BATCH, WIDTH)) for _ in range(4)], loss)
