# SPDX-License-Identifier: Apache-2.0
"""Training graphs for the tests: every family, small."""

from collections.abc import Callable

from dtr_reference.graphs import TrainingGraph, chain, mobilenet, random_dag, resnet, transformer, unet, vgg

FAMILIES: dict[str, Callable[[], TrainingGraph]] = {
    "chain": lambda: chain(12),
    "vgg": lambda: vgg(side=32, width=4),
    "mobilenet": lambda: mobilenet(side=32, width=4, blocks=6),
    "unet": lambda: unet(side=16, width=4, depth=2),
    "resnet": lambda: resnet(blocks=2, side=8, width=4),
    "transformer": lambda: transformer(layers=2, length=8, width=16, heads=2),
    "random": lambda: random_dag(seed=0, layers=12),
}
