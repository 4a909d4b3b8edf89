# SPDX-License-Identifier: Apache-2.0
"""A U-Net: what the way down produces waits for the way up."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task


@dataclass(frozen=True)
class Shape:
    """The sizes of a network, a width a level, and of its batches."""

    widths: tuple[int, ...] = (4, 8, 12)
    batch: int = 6
    side: int = 16


SMALL = Shape()
PAPER = Shape((64, 128, 256, 512, 1024), 6, 512)


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions with group norm and an in-place activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.GroupNorm(2, outputs),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.1, inplace=True),
    )


class UNet(nn.Module):
    """From an image to a mask of the same size."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(zip((1, *widths), widths, strict=False))
        self.down = nn.ModuleList(stage(a, b) for a, b in pairs)
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in reversed(pairs[1:]))
        self.up = nn.ModuleList(stage(2 * a, a) for a, _ in reversed(pairs[1:]))
        self.mask = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skipped = []
        for down in self.down:
            x = down(F.max_pool2d(x, 2) if skipped else x)
            skipped.append(x)
        for enlarge, up, skip in zip(self.enlarge, self.up, reversed(skipped[:-1]), strict=True):
            x = up(torch.cat([enlarge(x), skip], 1))
        return self.mask(x)


def loss(model: UNet, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Binary cross entropy of every pixel."""
    images, masks = batch
    return F.binary_cross_entropy_with_logits(model(images), masks)


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random square images of ``side`` pixels and masks."""
    torch.manual_seed(seed)
    size = (shape.batch, 1, shape.side, shape.side)
    return Task(UNet(shape.widths), [(torch.randn(size), torch.rand(size).round()) for _ in range(4)], loss)
