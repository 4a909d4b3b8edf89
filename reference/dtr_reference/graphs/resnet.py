# SPDX-License-Identifier: Apache-2.0
"""ResNet for small images (He et al., 2016): blocks of two convolutions around which their input is added back."""

from .images import Feature, Layers
from .training_graph import TrainingGraph


def resnet(blocks: int = 5, batch: int = 1, side: int = 32, width: int = 16) -> TrainingGraph:
    """Three stages of ``blocks`` blocks: 5 make ResNet-32, 200 ResNet-1202."""
    net = Layers(batch, (3, side, side))
    x = net.convolution(net.input, width)
    for stage in range(3):
        for block in range(blocks):
            x = _block(net, x, width << stage, stride=2 if stage and not block else 1)
    net.loss(net.dense(net.average(x), 10))
    return net.training_graph()


def _block(net: Layers, x: Feature, channels: int, stride: int) -> Feature:
    y = net.convolution(net.convolution(x, channels, stride=stride), channels)
    same = channels == x.channels and stride == 1
    return net.sum(y, x if same else net.convolution(x, channels, kernel=1, stride=stride))
