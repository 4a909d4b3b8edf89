# SPDX-License-Identifier: Apache-2.0
"""Memory: the bytes in use and the steps that change them without computing anything.

Making room evicts what the heuristic likes least; letting go forgets recipes, collects storages and
drops kept versions that no recipe reads any more.
"""

from collections import deque
from collections.abc import Iterable

from dtr_spec.policy import Heuristic, HeuristicError, Score, checked, least
from dtr_spec.program import Version
from dtr_spec.trace import Event

from .heap import Heap, View
from .heuristics import HEURISTICS


class ExhaustedError(Exception):
    """Room for so many bytes cannot be made."""

    def __init__(self, need: int) -> None:
        super().__init__(need)
        self.need = need


class Memory:
    """A heap within a budget. Bytes in use change in ``step`` only, together with what is recorded."""

    def __init__(self, budget: int, heuristic: Heuristic | str, thrifty: bool) -> None:
        if budget < 0:
            raise ValueError(f"the budget is {budget} bytes; it cannot be negative")
        self.budget = budget
        self.heuristic = _heuristic(heuristic)
        self.heap = Heap()
        self.thrifty = thrifty
        """Banish only what has no recipe, and only if that holds no more bytes than it frees."""
        self.waiting: set[int] = set()
        """Storages to be banished when they may be."""
        self.events: list[Event] = []
        self.position = 0
        """The command that is being carried out."""
        self.clock = 1
        self.used = 0

    def step(self, rule: str, subject: int = 0, detail: int = 0, *, taken: int = 0) -> None:
        """Record one small step, which takes so many bytes (gives them back, if negative)."""
        self.used += taken
        self.events.append(Event(rule, subject, detail, self.used))

    def room(self, size: int) -> None:
        """Evict until ``size`` bytes more fit; raises ``ExhaustedError`` when nothing is evictable."""
        while self.used + size > self.budget:
            if not self.heap.pool:
                raise ExhaustedError(size)
            self.evict(self._victim(size))

    def _victim(self, size: int) -> int:
        return least((self._score(index, size), sequence, index) for index, sequence in self.heap.pool.items())

    def _score(self, index: int, size: int) -> Score:
        view = View(self.heap, index)
        try:
            return checked(self.heuristic.score(view, self.clock), self.heuristic, view)
        except Exception as error:
            raise HeuristicError(
                f"no score for storage {index} at event {len(self.events)} (command {self.position}, making room for "
                f"{size} bytes): {error}"
            ) from error

    def evict(self, index: int) -> None:
        """An evictable storage loses its bytes."""
        self.heap.evict(index)
        self.step("evict", index, taken=-self.heap[index].size)

    def hold(self, index: int) -> None:
        """A resident storage keeps its bytes and forgets its recipe."""
        self.step("hold", index)
        self.let_go(self.heap.forget(index))
        if self.thrifty and self.heap[index].alive and not self.heap[index].handles:
            self.waiting.add(index)

    def banish(self, index: int) -> None:
        """Free a storage without handles for good, holding its readers; or wait until that may be done."""
        readers = self.heap.readers(index)
        resident = all(self.heap[reader].resident for reader in readers)
        dear = self.thrifty and sum(self.heap[reader].size for reader in readers) > self.heap[index].size
        if not resident or dear:
            self.waiting.add(index)
            return
        self.waiting.discard(index)
        for reader in readers:
            if self.heap[reader].recoverable:
                self.hold(reader)
        self.collect([index])

    def retry_banishing(self) -> None:
        """Try the waiting storages again, once each, in index order, those included that join further on."""
        index = -1
        while (index := min((waiting for waiting in self.waiting if waiting > index), default=-1)) >= 0:
            self.banish(index)

    def collect(self, candidates: Iterable[int]) -> None:
        """Collect those that may go, and what only they needed, first in, first out."""
        queue = deque(candidates)
        while queue:
            index = queue.popleft()
            if self.heap.collectable(index):
                storage = self.heap[index]
                taken = -storage.size if storage.resident else 0
                reads = self.heap.collect(index)
                self.step("collect", index, taken=taken)
                queue.extend(self._drop_unread(reads))

    def let_go(self, reads: Iterable[Version]) -> None:
        """A recipe is forgotten: let go what only it needed."""
        self.collect(self._drop_unread(reads))

    def _drop_unread(self, reads: Iterable[Version]) -> list[int]:
        """Drop the kept versions that no recipe reads any more; returns the storages of all ``reads``."""
        storages: list[int] = []
        for version in reads:
            if version in self.heap.kept and not self.heap.promised(version):
                del self.heap.kept[version]
                self.step("drop", version.storage, version.number, taken=-self.heap[version.storage].size)
            storages.append(version.storage)
        return storages


def _heuristic(heuristic: Heuristic | str) -> Heuristic:
    if not isinstance(heuristic, str):
        return heuristic
    if heuristic not in HEURISTICS:
        raise ValueError(f"unknown heuristic {heuristic!r}; known are {', '.join(HEURISTICS)}")
    return HEURISTICS[heuristic]()
