# SPDX-License-Identifier: Apache-2.0
"""U-Net (Ronneberger et al., 2015): what the way down produces waits for the way up."""

from .images import Layers
from .training_graph import TrainingGraph


def unet(batch: int = 1, side: int = 256, width: int = 64, depth: int = 4) -> TrainingGraph:
    """``depth`` halvings of square images of ``side`` pixels, with ``width`` channels before the first."""
    net = Layers(batch, (1, side, side))
    x = net.input
    skipped = []
    for level in range(depth):
        x = net.convolution(net.convolution(x, width << level), width << level)
        skipped.append(x)
        x = net.pooling(x)
    x = net.convolution(net.convolution(x, width << depth), width << depth)
    for skip in reversed(skipped):
        x = net.concatenation(skip, net.enlargement(x, skip.channels))
        x = net.convolution(net.convolution(x, skip.channels), skip.channels)
    net.loss(net.convolution(x, 1, kernel=1))
    return net.training_graph()
