# SPDX-License-Identifier: Apache-2.0
"""What simrd's heuristics know of a storage's surroundings: regions by search or cached, and union-find classes.

Every look at a neighbor is counted, as simrd counts its metadata accesses.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from dtr_spec.simrd import Cost, SimrdStopsError


def require(holds: bool, what: str) -> None:
    """Raise ``SimrdStopsError`` where simrd asserts what does not hold."""
    if not holds:
        raise SimrdStopsError(what)


@dataclass(eq=False)
class Tensor:
    """A tensor: what it was computed from, and what was computed from it, each as often as it was named."""

    number: int
    storage: "Storage"
    parents: list["Tensor"]
    children: list["Tensor"] = field(default_factory=list)
    defined: bool = False


@dataclass(eq=False)
class Storage:
    """A storage. Size in bytes, last access in clock units; never accessed: minus infinity."""

    number: int
    size: int
    tensors: list[Tensor] = field(default_factory=list)
    operators: dict[int, int] = field(default_factory=dict)
    """The distinct operators of its tensors, and their costs."""
    last_access: float = float("-inf")
    locks: int = 0
    references: int = 0
    resident: bool = False
    pinned: bool = False
    banished: bool = False
    evicted_dependents: set[Tensor] = field(default_factory=set)

    @property
    def cost(self) -> int:
        """Of the distinct operators of all its tensors, aliases included."""
        return sum(self.operators.values())

    def parents(self) -> Iterator["Storage"]:
        """The storages that its tensors were computed from."""
        return (parent.storage for tensor in self.tensors for parent in tensor.parents)

    def children(self) -> Iterator["Storage"]:
        """The storages that were computed from its tensors."""
        return (child.storage for tensor in self.tensors for child in tensor.children)


Direction = Callable[[Storage], Iterable[Storage]]


class Surroundings:
    """What is evicted around storages: found by search. Subclasses keep something up to date instead."""

    def __init__(self) -> None:
        self.accesses = 0

    def created(self, storage: Storage) -> None:
        """A storage that has never been resident."""

    def evicted(self, storage: Storage) -> None:
        """It was evicted just now."""

    def computed(self, storages: Collection[Storage]) -> None:
        """They became resident just now, together."""

    def cost(self, storage: Storage) -> int:
        """The cost of what is known to be evicted around a resident storage."""
        return 0

    def search(self, base: Storage, direction: Direction) -> tuple[set[Storage], set[Storage]]:
        """What is evicted in that direction, through evicted storages only; the resident storages next to it."""
        interior: set[Storage] = set()
        frontier: set[Storage] = set()
        stack = [base]
        while stack:
            for storage in direction(stack.pop()):
                self.accesses += 1
                if storage.resident:
                    if storage is not base:
                        frontier.add(storage)
                elif storage not in interior:
                    interior.add(storage)
                    stack.append(storage)
        return interior, frontier

    def evicted_ancestors(self, storage: Storage) -> set[Storage]:
        """By search."""
        return self.search(storage, Storage.parents)[0]

    def neighborhood(self, storage: Storage) -> set[Storage]:
        """e* by search."""
        return self.search(storage, Storage.children)[0] | self.evicted_ancestors(storage)


@dataclass
class Region:
    """A cached region around a storage, in one direction. ``cost`` is a running sum and can be out of date."""

    interior: set[Storage] = field(default_factory=set)
    frontier: set[Storage] = field(default_factory=set)
    cost: int = 0


class Regions(Surroundings):
    """Cached regions: rebuilt where a storage becomes resident, merged where one is evicted."""

    def __init__(self, ancestors_only: bool) -> None:
        super().__init__()
        self.below: dict[Storage, Region] = {}
        self.above: dict[Storage, Region] = {}
        self.ancestors_only = ancestors_only

    def created(self, storage: Storage) -> None:
        self.below[storage], self.above[storage] = Region(), Region()

    def cost(self, storage: Storage) -> int:
        return self.above[storage].cost + (0 if self.ancestors_only else self.below[storage].cost)

    def evicted(self, storage: Storage) -> None:
        for resident in set(self.above[storage].frontier):
            self._absorb(self.below[resident], storage, self.below[storage])
        for resident in set(self.below[storage].frontier):
            self._absorb(self.above[resident], storage, self.above[storage])
        self.created(storage)

    def _absorb(self, region: Region, storage: Storage, around: Region) -> None:
        """What was evicted moves from the frontier to the interior; it counts even if it was there already."""
        require(storage in region.frontier, "an evicted storage is not on the frontier of a region next to it")
        region.frontier.remove(storage)
        region.frontier |= around.frontier
        fresh = (around.interior - region.interior) | {storage}
        self.accesses += len(fresh)
        region.cost += sum(evicted.cost for evicted in fresh)
        region.interior |= fresh

    def computed(self, storages: Collection[Storage]) -> None:
        for storage in storages:
            self._rebuild(self.below, Storage.children, storage)
            self._rebuild(self.above, Storage.parents, storage)
        from_above = {resident for storage in storages for resident in self.above[storage].frontier}
        from_below = {resident for storage in storages for resident in self.below[storage].frontier}
        for resident in from_above:
            self._rebuild(self.below, Storage.children, resident)
        for resident in from_below:
            self._rebuild(self.above, Storage.parents, resident)

    def _rebuild(self, regions: dict[Storage, Region], direction: Direction, storage: Storage) -> None:
        require(storage.resident, "a region is rebuilt around an evicted storage")
        interior, frontier = self.search(storage, direction)
        regions[storage] = Region(interior, frontier, sum(evicted.cost for evicted in interior))


@dataclass(eq=False)
class Node:
    """A node of union-find; the root's cost is its class's."""

    cost: int
    parent: "Node | None" = None


class Classes(Surroundings):
    """Union-find classes of evicted storages. What has joined stays joined; a class keeps a running sum of costs."""

    def __init__(self) -> None:
        super().__init__()
        self.node: dict[Storage, Node] = {}

    def created(self, storage: Storage) -> None:
        self.node[storage] = Node(0)

    def cost(self, storage: Storage) -> int:
        return sum(root.cost for root in {self._root(self.node[near]) for near in self._evicted_neighbors(storage)})

    def evicted(self, storage: Storage) -> None:
        require(storage not in self.node, "a resident storage is in an equivalence class")
        self.node[storage] = Node(storage.cost)
        for near in self._evicted_neighbors(storage):
            require(near in self.node, "an evicted storage is in no equivalence class")
            root, into = self._root(self.node[near]), self._root(self.node[storage])
            if root is not into:
                root.parent = into
                into.cost += root.cost

    def computed(self, storages: Collection[Storage]) -> None:
        for storage in storages:
            require(storage in self.node, "an evicted storage is in no equivalence class")
            node = self.node.pop(storage)
            rest = self._root(node).cost - storage.cost
            self._root(node).cost = rest

    def _evicted_neighbors(self, storage: Storage) -> list[Storage]:
        near = [*storage.parents(), *storage.children()]
        self.accesses += len(near)
        return list(dict.fromkeys(other for other in near if not other.resident and other is not storage))

    def _root(self, node: Node) -> Node:
        """The root of a node, with full compression of the path."""
        path = [node]
        while (parent := path[-1].parent) is not None:
            path.append(parent)
        self.accesses += len(path)
        for below in path[:-1]:
            below.parent = path[-1]
        return path[-1]


def surroundings(cost: Cost) -> Surroundings:
    """What a heuristic with that cost needs."""
    match cost:
        case "ancestors" | "regions":
            return Regions(ancestors_only=cost == "ancestors")
        case "classes":
            return Classes()
    return Surroundings()
