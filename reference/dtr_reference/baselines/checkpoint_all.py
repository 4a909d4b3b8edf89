# SPDX-License-Identifier: Apache-2.0
"""Checkpoint everything: what training does without rematerialization."""

from ..graphs import TrainingGraph
from .plan import Plan


def checkpoint_all(graph: TrainingGraph) -> Plan:
    """Every result stays until it has been read for the last time; nothing is recomputed."""
    return Plan(graph, tuple(map(graph.live_after, range(len(graph.nodes)))))
