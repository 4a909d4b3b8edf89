# SPDX-License-Identifier: Apache-2.0
"""Training graphs with known pairs of forward and backward nodes: what static schemes plan on."""

from .chain import chain
from .differentiation import ForwardGraph
from .mobilenet import mobilenet
from .random_dag import random_dag
from .resnet import resnet
from .training_graph import GraphError, Node, TrainingGraph
from .transformer import transformer
from .unet import unet
from .vgg import vgg

__all__ = [
    "ForwardGraph",
    "GraphError",
    "Node",
    "TrainingGraph",
    "chain",
    "mobilenet",
    "random_dag",
    "resnet",
    "transformer",
    "unet",
    "vgg",
]
