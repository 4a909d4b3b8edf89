# SPDX-License-Identifier: Apache-2.0
"""A network that already checkpoints itself: recomputation inside recomputation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .task import Task

WIDTH, LAYERS, BATCH = 32, 6, 96


class Checkpointed(nn.Module):
    """A stack whose every layer drops its activations and runs again in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * WIDTH, WIDTH))
            for _ in range(LAYERS)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + checkpoint(layer, x, use_reentrant=False)
        return x


def loss(model: Checkpointed, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Squared error of a random target."""
    inputs, targets = batch
    return F.mse_loss(model(inputs), targets)


def build(seed: int) -> Task:
    """Random inputs and targets."""
    torch.manual_seed(seed)
    model = Checkpointed()
    return Task(model, [(torch.randn(BATCH, WIDTH), torch.randn(BATCH, WIDTH)) for _ in range(4)], loss)
