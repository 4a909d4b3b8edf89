# SPDX-License-Identifier: Apache-2.0
"""An unrolled GAN (Metz et al., 2017): the generator descends through steps of the critic's own descent."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from .task import Task

RATE = 0.1
"""The critic's learning rate within the unrolled steps."""


@dataclass(frozen=True)
class Shape:
    """The sizes of both networks and of the batches, and how many steps of the critic are unrolled."""

    noise: int = 8
    width: int = 16
    batch: int = 32
    unrolled: int = 3


SMALL = Shape()
PAPER = Shape(256, 128, 512, 10)


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    hidden = (nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


class UnrolledGAN(nn.Module):
    """Points in the plane."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.noise, self.unrolled = shape.noise, shape.unrolled
        self.generate = perceptron(shape.noise, shape.width, 2)
        self.criticize = perceptron(2, shape.width, 1)

    def forward(self, real: Tensor) -> Tensor:
        """The generator's loss under the critic that some descent from the present one would give."""
        fake = self.generate(torch.randn(len(real), self.noise))
        critic = {name: value.detach().requires_grad_() for name, value in self.criticize.named_parameters()}
        for _ in range(self.unrolled):
            loss = self._tell_apart(critic, real, fake)
            slopes = torch.autograd.grad(loss, list(critic.values()), create_graph=True)
            critic = {name: value - RATE * slope for (name, value), slope in zip(critic.items(), slopes, strict=True)}
        present: dict[str, Tensor] = dict(self.criticize.named_parameters())
        return self._tell_apart(present, real, fake.detach()) - self._tell_apart(critic, real, fake)

    def _tell_apart(self, critic: dict[str, Tensor], real: Tensor, fake: Tensor) -> Tensor:
        scores = [functional_call(self.criticize, critic, (points,)) for points in (real, fake)]
        return F.softplus(-scores[0]).mean() + F.softplus(scores[1]).mean()


def loss(model: UnrolledGAN, real: Tensor) -> Tensor:
    """What generator and critic descend."""
    return model(real)


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random points."""
    torch.manual_seed(seed)
    model = UnrolledGAN(shape)
    return Task(model, [torch.randn(shape.batch, 2) for _ in range(4)], loss)
