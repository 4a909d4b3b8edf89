# SPDX-License-Identifier: Apache-2.0
"""MobileNet (Howard et al., 2017): depthwise and pointwise convolutions in turn, cheap ones after dear ones."""

from .images import Layers
from .training_graph import TrainingGraph

BLOCKS = ((2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), *((16, 1),) * 5, (32, 2), (32, 1))
"""For each block, its channels as a multiple of the first convolution's, and its stride."""


def mobilenet(batch: int = 1, side: int = 224, width: int = 32, blocks: int = len(BLOCKS)) -> TrainingGraph:
    """The first ``blocks`` blocks, on square images of ``side`` pixels, after a convolution of ``width`` channels."""
    net = Layers(batch, (3, side, side))
    x = net.convolution(net.input, width, stride=2)
    for multiple, stride in BLOCKS[:blocks]:
        x = net.convolution(x, x.channels, stride=stride, groups=x.channels)
        x = net.convolution(x, multiple * width, kernel=1)
    net.loss(net.dense(net.average(x), 1000))
    return net.training_graph()
