# SPDX-License-Identifier: Apache-2.0
"""VGG-16 (Simonyan and Zisserman, 2015): a chain of convolutions that narrows."""

from .images import Layers
from .training_graph import TrainingGraph

BLOCKS = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""For each block, its channels as a multiple of the first one's, and its convolutions."""


def vgg(batch: int = 1, side: int = 224, width: int = 64) -> TrainingGraph:
    """On square images of ``side`` pixels (a multiple of 32), with ``width`` channels in the first block."""
    net = Layers(batch, (3, side, side))
    x = net.input
    for multiple, convolutions in BLOCKS:
        for _ in range(convolutions):
            x = net.convolution(x, multiple * width)
        x = net.pooling(x)
    for neurons in (64 * width, 64 * width):
        x = net.dense(x, neurons, saves="both")
    net.loss(net.dense(x, 1000))
    return net.training_graph()
