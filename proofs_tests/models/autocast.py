# SPDX-License-Identifier: Apache-2.0
"""A perceptron under autocast: operators in bfloat16, parameters in float32, casts cached between."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

WIDTH, LAYERS, BATCH = 32, 4, 128


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy, in float32, of what the model says in bfloat16."""
    inputs, labels = batch
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16):
        logits = model(inputs) + model(inputs.flip(0)).flip(0)
    return F.cross_entropy(logits.float(), labels)


def build(seed: int) -> Task:
    """Random inputs and labels; the model is applied twice, so each cast weight is used twice."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(LAYERS):
        layers += [nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.SiLU(), nn.Dropout(0.2)]
    model = nn.Sequential(*layers)
    return Task(model, [(torch.randn(BATCH, WIDTH), torch.randint(WIDTH, (BATCH,))) for _ in range(4)], loss)
