# SPDX-License-Identifier: Apache-2.0
"""Evicted neighborhoods, by the definition: search through evicted storages (section 3.2 of the paper).

Edges join a storage to the storages whose current version its recipe reads. These relations are
acyclic, since a recipe reads only what was written before.
"""

from collections.abc import Callable, Iterable
from typing import Protocol


class Graph(Protocol):
    """The edges between storages and the evicted storages next to them."""

    def evicted_reads(self, index: int) -> Iterable[int]:
        """The evicted storages that the recipe of a storage reads."""
        ...

    def evicted_readers(self, index: int) -> Iterable[int]:
        """The evicted storages whose recipe reads a storage."""
        ...


def evicted_ancestors(graph: Graph, index: int) -> set[int]:
    """What would have to be rematerialized before ``index`` could be."""
    return _reachable(graph.evicted_reads, index)


def evicted_descendants(graph: Graph, index: int) -> set[int]:
    """What could not be rematerialized without ``index``."""
    return _reachable(graph.evicted_readers, index)


def evicted_neighborhood(graph: Graph, index: int) -> set[int]:
    """e*: the evicted ancestors and descendants, each direction searched on its own."""
    return evicted_ancestors(graph, index) | evicted_descendants(graph, index)


def evicted_component(graph: Graph, index: int) -> set[int]:
    """All that is reachable through evicted storages when edges have no direction; contains e*.

    The equivalence classes of ``eqclass.py`` approximate e* by this set, which merges well.
    """
    return _reachable(lambda node: (*graph.evicted_reads(node), *graph.evicted_readers(node)), index)


def _reachable(edges: Callable[[int], Iterable[int]], start: int) -> set[int]:
    """The nodes other than ``start`` on paths from it."""
    found = {start}
    pending = [start]
    while pending:
        for node in edges(pending.pop()):
            if node not in found:
                found.add(node)
                pending.append(node)
    return found - {start}
