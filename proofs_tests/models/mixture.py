# SPDX-License-Identifier: Apache-2.0
"""A mixture of experts with top-k routing: index operators, and shapes that depend on data."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

WIDTH, EXPERTS, CHOSEN, LAYERS, TOKENS = 16, 4, 2, 3, 96


class Mixture(nn.Module):
    """Each token goes to its ``CHOSEN`` best experts; their answers are added by index."""

    def __init__(self) -> None:
        super().__init__()
        self.route = nn.Linear(WIDTH, EXPERTS)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(inplace=True), nn.Linear(2 * WIDTH, WIDTH))
            for _ in range(EXPERTS)
        )

    def forward(self, x: Tensor) -> Tensor:
        weights, chosen = self.route(x).topk(CHOSEN, dim=1)
        weights = weights.softmax(1)
        mixed = torch.zeros_like(x)
        for index, expert in enumerate(self.experts):
            tokens, rank = (chosen == index).nonzero(as_tuple=True)
            mixed.index_add_(0, tokens, expert(x[tokens]) * weights[tokens, rank, None])
        return x + mixed


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Squared error of a random target."""
    inputs, targets = batch
    return F.mse_loss(model(inputs), targets)


def build(seed: int) -> Task:
    """Random tokens and targets."""
    torch.manual_seed(seed)
    model = nn.Sequential(*(Mixture() for _ in range(LAYERS)))
    return Task(model, [(torch.randn(TOKENS, WIDTH), torch.randn(TOKENS, WIDTH)) for _ in range(4)], loss)
