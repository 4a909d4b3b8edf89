# SPDX-License-Identifier: Apache-2.0
"""Chains: layer i reads layer i - 1 and nothing else."""

from .differentiation import ForwardGraph, Saved
from .training_graph import TrainingGraph


def chain(layers: int, saves: Saved = "inputs", size: int = 1, cost: int = 1) -> TrainingGraph:
    """Equal layers; each backward node's gradient is as large as a layer's result.

    With unit sizes and costs this is the linear network of Kirisame et al., appendix A, as a training graph.
    """
    graph = ForwardGraph()
    for index in range(layers):
        reads = (index - 1,) if index else ()
        graph.layer(f"f{index + 1}", size, cost, *reads, saves=saves, gradient_size=size)
    return graph.training_graph()
