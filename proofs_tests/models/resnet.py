# SPDX-License-Identifier: Apache-2.0
"""A residual network on small images: convolution, batch norm, in-place ReLU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task


def convolution(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    """A 3x3 convolution without bias: the batch norm after it has one."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class Block(nn.Module):
    """Two convolutions around which the input is added back, in place."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = convolution(outputs, outputs, 1)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        y += self.shortcut(x)
        return self.relu(y)


class ResNet(nn.Module):
    """Three stages of two blocks, then global average pooling and a linear classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        widths = [(8, 8, 1), (8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1)]
        self.blocks = nn.Sequential(*(Block(*width) for width in widths))
        self.classify = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.blocks(self.stem(x)).mean((2, 3)))


def loss(model: ResNet, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy of the image's class."""
    images, labels = batch
    return F.cross_entropy(model(images), labels)


def build(seed: int) -> Task:
    """Random images of 16x16 pixels, 8 a batch."""
    torch.manual_seed(seed)
    model = ResNet()
    return Task(model, [(torch.randn(8, 3, 16, 16), torch.randint(10, (8,))) for _ in range(4)], loss)
