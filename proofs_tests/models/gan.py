# SPDX-License-Identifier: Apache-2.0
"""A Wasserstein GAN with gradient penalty: a backward pass through a backward pass."""

from typing import Any

import torch
from torch import Tensor, nn

from .task import Task

NOISE, DATA, WIDTH, BATCH, PENALTY = 8, 16, 32, 64, 10.0


class Reverse(torch.autograd.Function):
    """The identity forwards, minus it backwards: the generator climbs what the critic descends."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return -grads[0]


class GAN(nn.Module):
    """Generator and critic, with a random generator of their own for the noise."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = torch.Generator(torch.get_default_device()).manual_seed(seed)
        self.generate = nn.Sequential(
            nn.Linear(NOISE, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(inplace=True), nn.Linear(WIDTH, DATA)
        )
        self.criticize = nn.Sequential(
            nn.Linear(DATA, WIDTH), nn.Softplus(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1)
        )


def loss(model: GAN, real: Tensor) -> Tensor:
    """The critic's loss, with the penalty on its gradient between real and generated data."""
    noise = torch.randn(len(real), NOISE, device=real.device, generator=model.random)
    mix = torch.rand(len(real), 1, device=real.device, generator=model.random)
    reversed_fake: Any = Reverse.apply(model.generate(noise))
    between = torch.lerp(real, reversed_fake.detach(), mix).requires_grad_()
    (slope,) = torch.autograd.grad(model.criticize(between).sum(), between, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).square().mean()
    return model.criticize(reversed_fake).mean() - model.criticize(real).mean() + PENALTY * penalty


def build(seed: int) -> Task:
    """Random data."""
    torch.manual_seed(seed)
    model = GAN(seed)
    return Task(model, [torch.randn(BATCH, DATA) for _ in range(4)], loss, (model.random,))
