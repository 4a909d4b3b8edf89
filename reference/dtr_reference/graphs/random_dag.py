# SPDX-License-Identifier: Apache-2.0
"""Random training graphs, reproducible from a seed: skips, branches, uneven sizes and costs."""

import random
from typing import get_args

from .differentiation import ForwardGraph, Saved
from .training_graph import TrainingGraph


def random_dag(seed: int, layers: int, most: int = 4) -> TrainingGraph:
    """``layers`` layers of 1 to ``most`` bytes and clock units, each reading the one before and up to two others."""
    draw = random.Random(seed)
    graph = ForwardGraph()
    for index in range(layers):
        reads = {index - 1, *draw.choices(range(index), k=draw.randrange(3))} if index else set()
        graph.layer(
            f"f{index}",
            draw.randint(1, most),
            draw.randint(1, most),
            *sorted(reads),
            saves=draw.choice(get_args(Saved)),
            backward_cost=draw.randint(1, most),
        )
    return graph.training_graph(fixed=draw.randrange(most))
