# SPDX-License-Identifier: Apache-2.0
"""Equivalence classes of evicted storages: a cheap approximation of e* (appendix C.2 of the paper).

A storage that is evicted joins the classes of its evicted neighbors. One that leaves (rematerialized
or collected) takes its own cost along but cannot undo the union, so the others stay together although
nothing may connect them any more: phantom connections. ``Classes`` does this with a union-find
forest; ``ReplayedClasses`` says the same by definition, replaying all that ever happened.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class ClassCosts(Protocol):
    """The two changes of the classes, and the question that heuristics ask. Costs are in clock units."""

    def join(self, storage: int, cost: int, neighbors: Iterable[int]) -> None:
        """``storage`` was evicted, next to the evicted ``neighbors``."""
        ...

    def leave(self, storage: int) -> None:
        """``storage`` is no longer evicted."""
        ...

    def cost(self, neighbors: Iterable[int]) -> int:
        """The sum of the costs of the distinct classes of the evicted ``neighbors``."""
        ...


class Classes:
    """Union-find with splitting: a storage that leaves abandons its node to the class it was in."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._cost: list[int] = []
        """Of each root: the cost of its class."""
        self._node: dict[int, int] = {}
        """The node of each evicted storage."""
        self._own: dict[int, int] = {}
        """What each evicted storage added to its class."""

    def join(self, storage: int, cost: int, neighbors: Iterable[int]) -> None:
        """``storage`` was evicted, next to the evicted ``neighbors``."""
        node = len(self._parent)
        self._parent.append(node)
        self._cost.append(cost)
        self._node[storage], self._own[storage] = node, cost
        for neighbor in neighbors:
            self._union(node, self._node[neighbor])

    def leave(self, storage: int) -> None:
        """``storage`` is no longer evicted."""
        self._cost[self._root(self._node.pop(storage))] -= self._own.pop(storage)

    def cost(self, neighbors: Iterable[int]) -> int:
        """The sum of the costs of the distinct classes of the evicted ``neighbors``."""
        return sum(self._cost[root] for root in {self._root(self._node[neighbor]) for neighbor in neighbors})

    def _union(self, one: int, other: int) -> None:
        one, other = self._root(one), self._root(other)
        if one != other:
            self._parent[one] = other
            self._cost[other] += self._cost[one]

    def _root(self, node: int) -> int:
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node


class _Join(NamedTuple):
    storage: int
    cost: int
    neighbors: tuple[int, ...]


class _Leave(NamedTuple):
    storage: int


class ReplayedClasses:
    """The classes by definition: a history, from which the partition is computed anew for every question."""

    def __init__(self) -> None:
        self._history: list[_Join | _Leave] = []

    def join(self, storage: int, cost: int, neighbors: Iterable[int]) -> None:
        """``storage`` was evicted, next to the evicted ``neighbors``."""
        self._history.append(_Join(storage, cost, tuple(neighbors)))

    def leave(self, storage: int) -> None:
        """``storage`` is no longer evicted."""
        self._history.append(_Leave(storage))

    def cost(self, neighbors: Iterable[int]) -> int:
        """The sum of the costs of the distinct classes of the evicted ``neighbors``."""
        adjacent = set(neighbors)
        return sum(sum(members.values()) for members in self.partition() if adjacent & members.keys())

    def partition(self) -> list[dict[int, int]]:
        """The classes, each as its members and their costs."""
        classes: list[dict[int, int]] = []
        for change in self._history:
            match change:
                case _Join(storage, cost, neighbors):
                    merged = {storage: cost}
                    for members in [members for members in classes if members.keys() & set(neighbors)]:
                        merged |= members
                        classes.remove(members)
                    classes.append(merged)
                case _Leave(storage):
                    for members in classes:
                        members.pop(storage, None)
        return [members for members in classes if members]
