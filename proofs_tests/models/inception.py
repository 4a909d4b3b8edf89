# SPDX-License-Identifier: Apache-2.0
"""Inception-v4 (Szegedy et al., 2017): branches of unequal depth, concatenated, over and over."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .classification import classification
from .task import Task

LEAST_SIDE = 75
"""On smaller images nothing is left before the last block."""


@dataclass(frozen=True)
class Shape:
    """How often each of the three kinds of block is repeated, what the published widths are divided by, the batches."""

    blocks: tuple[int, int, int] = (1, 1, 1)
    divisor: int = 16
    batch: int = 2
    side: int = LEAST_SIDE
    classes: int = 10


SMALL = Shape()
INCEPTION_V4 = Shape((4, 7, 3), 1, 64, 299, 1000)


class Branches(nn.Module):
    """All on the same input, their results concatenated along the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Builder:
    """Makes the network's parts; published widths become narrower here."""

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor

    def path(self, inputs: int, *steps: tuple[int, int, int], stride: int = 1, padded: bool = True) -> nn.Sequential:
        """Convolutions (outputs, height, width) in a row, each normalized; the stride is the last one's."""
        parts: list[nn.Module] = []
        for number, (outputs, height, width) in enumerate(steps):
            last = number == len(steps) - 1
            pad = (height // 2, width // 2) if padded or not last else 0
            parts.append(self.convolution(inputs, outputs, (height, width), stride if last else 1, pad))
            inputs = outputs
        return nn.Sequential(*parts)

    def convolution(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int, padding: int | tuple[int, int]
    ) -> nn.Sequential:
        """Three input channels are colours, whatever the divisor."""
        narrow = inputs if inputs == 3 else inputs // self.divisor
        return nn.Sequential(
            nn.Conv2d(narrow, outputs // self.divisor, kernel, stride=stride, padding=padding, bias=False),
            nn.BatchNorm2d(outputs // self.divisor),
            nn.ReLU(inplace=True),
        )

    def stem(self) -> nn.Sequential:
        """From an image to 384 channels."""
        one, two, three = (1, 1), (1, 7), (3, 3)
        return nn.Sequential(
            self.path(3, (32, *three), stride=2, padded=False),
            self.path(32, (32, *three), padded=False),
            self.path(32, (64, *three)),
            Branches(nn.MaxPool2d(3, 2), self.path(64, (96, *three), stride=2, padded=False)),
            Branches(
                self.path(160, (64, *one), (96, *three), padded=False),
                self.path(160, (64, *one), (64, *two), (64, 7, 1), (96, *three), padded=False),
            ),
            Branches(self.path(192, (192, *three), stride=2, padded=False), nn.MaxPool2d(3, 2)),
        )

    def block_a(self) -> Branches:
        """384 channels to 384."""
        return Branches(
            nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), self.path(384, (96, 1, 1))),
            self.path(384, (96, 1, 1)),
            self.path(384, (64, 1, 1), (96, 3, 3)),
            self.path(384, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        )

    def reduction_a(self) -> Branches:
        """384 channels to 1024, half the side."""
        return Branches(
            nn.MaxPool2d(3, 2),
            self.path(384, (384, 3, 3), stride=2, padded=False),
            self.path(384, (192, 1, 1), (224, 3, 3), (256, 3, 3), stride=2, padded=False),
        )

    def block_b(self) -> Branches:
        """1024 channels to 1024."""
        return Branches(
            nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), self.path(1024, (128, 1, 1))),
            self.path(1024, (384, 1, 1)),
            self.path(1024, (192, 1, 1), (224, 1, 7), (256, 7, 1)),
            self.path(1024, (192, 1, 1), (192, 1, 7), (224, 7, 1), (224, 1, 7), (256, 7, 1)),
        )

    def reduction_b(self) -> Branches:
        """1024 channels to 1536, half the side."""
        return Branches(
            nn.MaxPool2d(3, 2),
            self.path(1024, (192, 1, 1), (192, 3, 3), stride=2, padded=False),
            self.path(1024, (256, 1, 1), (256, 1, 7), (320, 7, 1), (320, 3, 3), stride=2, padded=False),
        )

    def block_c(self) -> Branches:
        """1536 channels to 1536; two of the branches fork."""
        return Branches(
            nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), self.path(1536, (256, 1, 1))),
            self.path(1536, (256, 1, 1)),
            nn.Sequential(self.path(1536, (384, 1, 1)), self._fork(384)),
            nn.Sequential(self.path(1536, (384, 1, 1), (448, 1, 3), (512, 3, 1)), self._fork(512)),
        )

    def _fork(self, inputs: int) -> Branches:
        return Branches(self.path(inputs, (256, 1, 3)), self.path(inputs, (256, 3, 1)))


class InceptionV4(nn.Module):
    """The stem, three groups of blocks with two reductions between them, dropout and a linear classifier."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        build = Builder(shape.divisor)
        a, b, c = shape.blocks
        self.features = nn.Sequential(
            build.stem(),
            *(build.block_a() for _ in range(a)),
            build.reduction_a(),
            *(build.block_b() for _ in range(b)),
            build.reduction_b(),
            *(build.block_c() for _ in range(c)),
        )
        self.dropout = nn.Dropout(0.2)
        self.classify = nn.Linear(1536 // shape.divisor, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.dropout(self.features(x).mean((2, 3))))


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random images."""
    torch.manual_seed(seed)
    return classification(InceptionV4(shape), shape.batch, shape.side, shape.classes)
