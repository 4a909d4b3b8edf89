# SPDX-License-Identifier: Apache-2.0
"""What the machine knows of each storage, and the view of it that a heuristic may have.

The heap holds real contents: those of resident storages and of kept versions, and no others. What
was evicted is gone, so that wrong bookkeeping gives wrong values.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dtr_spec.program import Version

from . import neighborhood
from .eqclass import ClassCosts, Classes
from .values import Value


@dataclass(slots=True)
class Storage:
    """One storage that has come into being. ``size`` is in bytes, ``cost`` and ``last_access`` in clock units."""

    index: int
    size: int
    content: Value
    last_access: int
    recoverable: bool
    """Whether the storage has a recipe."""
    cost: int = 0
    """The cost of the recipe's chain."""
    reads: dict[Version, None] = field(default_factory=dict)
    """What the recipe reads of other storages; an ordered set."""
    version: int = 0
    handles: int = 1
    locks: int = 0
    alive: bool = True
    resident: bool = True

    @property
    def current(self) -> Version:
        """The version that the storage holds, or held before it was evicted."""
        return Version(self.index, self.version)

    @property
    def evicted(self) -> bool:
        """Whether the storage is to be rematerialized before it is read."""
        return self.alive and not self.resident


class Heap:
    """All storages, the kept versions, who reads what, and the pool of evictable storages."""

    def __init__(self) -> None:
        self.storages: list[Storage] = []
        self.kept: dict[Version, Value] = {}
        self.pool: dict[int, int] = {}
        """The evictable storages and the sequence numbers that they got when they became so."""
        self.classes: ClassCosts = Classes()
        self._readers: dict[Version, set[int]] = {}
        self._sequence = 0

    def __getitem__(self, index: int) -> Storage:
        return self.storages[index]

    def create(self, storage: Storage, cost: int = 0, reads: Iterable[Version] = ()) -> None:
        """A storage comes into being; a recoverable one has a recipe with a cost and reads."""
        assert storage.index == len(self.storages)
        self.storages.append(storage)
        if storage.recoverable:
            self.extend(storage.index, cost, reads)
        self._pool(storage)

    def extend(self, index: int, cost: int, reads: Iterable[Version]) -> None:
        """The recipe grows by one call, which costs ``cost`` and reads ``reads`` of other storages."""
        storage = self[index]
        storage.cost += cost
        for read in reads:
            storage.reads[read] = None
            self._readers.setdefault(read, set()).add(index)

    def forget(self, index: int) -> tuple[Version, ...]:
        """The recipe is promised no more; returns what it read."""
        storage = self[index]
        reads = tuple(storage.reads)
        for read in reads:
            readers = self._readers[read]
            readers.remove(index)
            if not readers:
                del self._readers[read]
        storage.recoverable, storage.cost, storage.reads = False, 0, {}
        self.pool.pop(index, None)
        return reads

    def lock(self, index: int) -> None:
        """A frame needs the storage to stay."""
        self[index].locks += 1
        self.pool.pop(index, None)

    def unlock(self, index: int) -> None:
        """A frame needs it no more."""
        self[index].locks -= 1
        self._pool(self[index])

    def evict(self, index: int) -> None:
        """The content is lost."""
        storage = self[index]
        storage.content, storage.resident = None, False
        del self.pool[index]
        self.classes.join(index, storage.cost, self.evicted_neighbors(index))

    def fill(self, index: int, content: Value, clock: int) -> None:
        """An evicted storage has its content again."""
        storage = self[index]
        storage.content, storage.resident, storage.last_access = content, True, clock
        self.classes.leave(index)
        self._pool(storage)

    def collect(self, index: int) -> tuple[Version, ...]:
        """The storage ceases to exist; returns what its recipe read."""
        storage = self[index]
        if storage.evicted:
            self.classes.leave(index)
        reads = self.forget(index)
        storage.content, storage.alive, storage.resident = None, False, False
        return reads

    def content(self, version: Version) -> Value:
        """The content of a version that is in memory: current and resident, or kept."""
        storage = self[version.storage]
        if version != storage.current:
            return self.kept[version]
        assert storage.resident
        return storage.content

    def promised(self, version: Version) -> bool:
        """Whether the recipe of some alive storage reads the version."""
        return version in self._readers

    def readers(self, index: int) -> list[int]:
        """The alive recoverable storages whose recipe reads the storage's current version, in index order."""
        return sorted(self._readers.get(self[index].current, ()))

    def collectable(self, index: int) -> bool:
        """Whether the storage can neither be named by the client nor be needed for a rematerialization."""
        storage = self[index]
        return storage.alive and not storage.handles and not self.promised(storage.current)

    def evicted_reads(self, index: int) -> Iterator[int]:
        """The evicted storages whose current version the storage's recipe reads."""
        for read in self[index].reads:
            source = self[read.storage]
            if source.evicted and source.current == read:
                yield source.index

    def evicted_readers(self, index: int) -> Iterator[int]:
        """The evicted storages whose recipe reads the storage's current version."""
        return (reader for reader in self.readers(index) if self[reader].evicted)

    def evicted_neighbors(self, index: int) -> Iterator[int]:
        """The evicted storages next to the storage, in either direction."""
        yield from self.evicted_reads(index)
        yield from self.evicted_readers(index)

    def cost(self, storages: Iterable[int]) -> int:
        """The cost of the recipes of some storages, in clock units."""
        return sum(self[index].cost for index in storages)

    def _pool(self, storage: Storage) -> None:
        """Enter the pool if nothing speaks against evicting the storage."""
        if storage.resident and storage.recoverable and not storage.locks and storage.index not in self.pool:
            self.pool[storage.index] = self._sequence
            self._sequence += 1


@dataclass(frozen=True, slots=True)
class View:
    """A storage as heuristics see it: a ``dtr_spec.policy.StorageView`` that computes what is asked for."""

    heap: Heap
    index: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.heap[self.index].size

    @property
    def cost(self) -> int:
        """The cost of the storage's own chain, in clock units."""
        return self.heap[self.index].cost

    @property
    def last_access(self) -> int:
        """The clock when the storage was last requested or produced."""
        return self.heap[self.index].last_access

    @property
    def neighborhood_cost(self) -> int:
        """The cost of e*, by graph search."""
        return self.heap.cost(neighborhood.evicted_neighborhood(self.heap, self.index))

    @property
    def class_cost(self) -> int:
        """The cost of the equivalence classes next to the storage."""
        return self.heap.classes.cost(self.heap.evicted_neighbors(self.index))

    @property
    def ancestors_cost(self) -> int:
        """The cost of the evicted ancestors, by graph search."""
        return self.heap.cost(neighborhood.evicted_ancestors(self.heap, self.index))

    @property
    def aliases(self) -> int:
        """How many handles refer to the storage."""
        return self.heap[self.index].handles

    @property
    def dependents(self) -> int:
        """How many recipes read the storage's current version."""
        return len(self.heap.readers(self.index))
