# SPDX-License-Identifier: Apache-2.0
"""The task of classifying images, which several models share."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task


def classification(model: nn.Module, batch: int, side: int, classes: int = 10) -> Task:
    """Four batches of random square images of ``side`` pixels with random classes."""
    images, labels = (batch, 3, side, side), (batch,)
    return Task(model, [(torch.randn(images), torch.randint(classes, labels)) for _ in range(4)], loss)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy of the image's class."""
    images, labels = batch
    return F.cross_entropy(model(images), labels)
