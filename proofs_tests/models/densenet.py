# SPDX-License-Identifier: Apache-2.0
"""DenseNet-BC (Huang et al., 2017): every layer reads all layers before it in its block."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .classification import classification
from .task import Task


@dataclass(frozen=True)
class Shape:
    """The sizes of a network, layers a block, and of its batches."""

    growth: int = 4
    blocks: tuple[int, ...] = (3, 4, 3)
    batch: int = 4
    side: int = 32
    classes: int = 10


SMALL = Shape()
DENSENET_121 = Shape(32, (6, 12, 24, 16), 84, 224, 1000)


def norm_relu_convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """A convolution that keeps the size, normalized before."""
    return nn.Sequential(
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
    )


class Block(nn.Module):
    """Each layer's result is appended to the channels, through a bottleneck of four times the growth."""

    def __init__(self, inputs: int, layers: int, growth: int) -> None:
        super().__init__()
        self.outputs = inputs + layers * growth
        self.layers = nn.ModuleList(
            nn.Sequential(
                norm_relu_convolution(inputs + layer * growth, 4 * growth, 1),
                norm_relu_convolution(4 * growth, growth, 3),
            )
            for layer in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


class DenseNet(nn.Module):
    """Blocks, between which channels and sides are halved."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = 2 * shape.growth
        parts: list[nn.Module] = [
            nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        for number, layers in enumerate(shape.blocks):
            if number:
                parts += [norm_relu_convolution(width, width // 2, 1), nn.AvgPool2d(2)]
                width //= 2
            block = Block(width, layers, shape.growth)
            parts.append(block)
            width = block.outputs
        self.features = nn.Sequential(*parts, nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.classify = nn.Linear(width, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x).mean((2, 3)))


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random images."""
    torch.manual_seed(seed)
    return classification(DenseNet(shape), shape.batch, shape.side, shape.classes)
