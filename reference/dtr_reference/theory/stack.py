# SPDX-License-Identifier: Apache-2.0
"""The linear network under h_e* and banishing, as a stack of checkpoints: O(log B) a decision.

Whenever the machine must choose what to evict, the last resident forward tensor is locked and those above
it are evicted or banished. So the resident ones are a stack: computing t_m pushes m, banishing pops, and an
eviction takes, from below the top, an m whose gaps to both sides have the least sum, which is |e*(t_m)|.
Among equals the one that became evictable last goes, as in the machine: the tests compare the evictions,
one by one, with those of both implementations.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

INPUT = 0
"""t_0 lies below everything and takes no memory."""


class StackExhaustedError(Exception):
    """The budget does not hold a tensor, what it is computed from, and the gradient that waits."""


@dataclass(frozen=True)
class StackRun:
    """One run of ``linear(layers)``: how many calls are replayed, and which forward tensors are evicted, in order."""

    replays: int
    evicted: tuple[int, ...]


def run(layers: int, budget: int) -> StackRun:
    """Run the network within a budget of units. Raises ``StackExhaustedError`` if it is too small."""
    stack = _Stack(layers)
    for layer in range(1, layers + 1):
        stack.push(layer, within=budget)
    stack.pop()
    replays = _gradient(stack, layers, budget)
    replays += sum(_gradient(stack, layer, budget - 1) for layer in range(layers - 1, 1, -1))
    return StackRun(replays, tuple(stack.evicted))


def path_replays(length: int, free: int) -> int:
    """Lemma A.2: the replays for the gradients of a path of ``length`` evicted tensors with ``free`` units of memory.

    The path begins at t_0, and the gradient that waits for each takes none of those units.
    """
    stack = _Stack(length)
    return sum(_gradient(stack, layer, free) for layer in range(length + 1, 1, -1))


def _gradient(stack: "_Stack", layer: int, within: int) -> int:
    """Compute ^t_i within so many units, besides the gradient that waits; returns how many calls are replayed."""
    missing = range(stack.top + 1, layer)
    for rematerialized in missing:
        stack.push(rematerialized, within)
    stack.make_room(within)
    stack.pop()
    return len(missing)


class _Stack:
    """What is resident of t_1 .. t_N, doubly linked; and a heap of (gaps, -turn, m, entry), stale ones among them."""

    def __init__(self, layers: int) -> None:
        self.below = [INPUT] * (layers + 1)
        self.above = [INPUT] * (layers + 1)
        self.entry = [0] * (layers + 1)
        """The number of the only entry of each m that counts; 0 is none."""
        self.turn = [0] * (layers + 1)
        """When each m became evictable."""
        self.heap: list[tuple[int, int, int, int]] = []
        self.entries = 0
        self.turns = 0
        self.size = 0
        self.top = INPUT
        self.evicted: list[int] = []

    def push(self, m: int, within: int) -> None:
        """Compute t_m from the top, within so many units; the old top becomes evictable."""
        self.make_room(within)
        old, self.top = self.top, m
        self.below[m], self.above[old] = old, m
        self.size += 1
        if old != INPUT:
            self.turns += 1
            self.turn[old] = self.turns
            self._enter(old)

    def pop(self) -> None:
        """Banish the top. The new one is not evicted while it is the top."""
        self.top = self.below[self.top]
        self.entry[self.top] = 0
        self.size -= 1

    def make_room(self, within: int) -> None:
        """Evict until one more unit fits."""
        while self.size + 1 > within:
            self._evict()

    def _evict(self) -> None:
        while self.heap:
            _, _, m, entry = heappop(self.heap)
            if self.entry[m] == entry:
                break
        else:
            raise StackExhaustedError("nothing is evictable")
        below, above = self.below[m], self.above[m]
        self.entry[m] = 0
        self.above[below], self.below[above] = above, below
        self.size -= 1
        self.evicted.append(m)
        for neighbor in (below, above):
            if neighbor not in (INPUT, self.top):
                self._enter(neighbor)

    def _enter(self, m: int) -> None:
        self.entries += 1
        self.entry[m] = self.entries
        heappush(self.heap, (self.above[m] - self.below[m] - 2, -self.turn[m], m, self.entries))
