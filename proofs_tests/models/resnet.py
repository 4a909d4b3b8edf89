# SPDX-License-Identifier: Apache-2.0
"""A residual network on small images: convolution, batch norm, in-place ReLU."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .classification import classification
from .task import Task


@dataclass(frozen=True)
class Shape:
    """The sizes of a network and of its batches: three stages of ``blocks`` blocks."""

    blocks: int = 2
    widths: tuple[int, int, int] = (8, 16, 24)
    batch: int = 8
    side: int = 16


SMALL = Shape()
RESNET_32 = Shape(5, (16, 32, 64), 56, 224)
RESNET_1202 = Shape(200, (16, 32, 64), 64, 32)


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
    """Three stages of blocks, then global average pooling and a linear classifier."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.widths[0]
        self.stem = nn.Sequential(convolution(3, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        blocks = []
        for stage, outputs in enumerate(shape.widths):
            for block in range(shape.blocks):
                blocks.append(Block(width, outputs, 2 if stage and not block else 1))
                width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classify = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.blocks(self.stem(x)).mean((2, 3)))


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random images."""
    torch.manual_seed(seed)
    return classification(ResNet(shape), shape.batch, shape.side)
