# SPDX-License-Identifier: Apache-2.0
"""Gaps between checkpoints in a run of the linear network: what lemmas A.1, A.3 and A.4 bound.

A gap is a number of evicted forward tensors in a row. t_0, the network's input, counts as resident and
takes no memory (appendix A.1), so what is evicted before the first resident tensor is a gap as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dtr_spec.trace import Event, Trace

from ..graphs.linear import forward

EARLY_GRADIENTS = 2
"""The first phase of lemma A.1's proof: ^t_N and ^t_{N-1}."""


@dataclass(frozen=True)
class Gradient:
    """How ^t_i was computed, for one i; lemma A.3 speaks of its rematerialization, lemma A.4 of what it leaves.

    ``start`` is j, the last resident forward tensor up to i - 1 when ^t_i is requested, 0 if there is none.
    """

    layer: int
    start: int
    start_stays: bool
    """t_j is not evicted before t_{i-1} is there: a premise of lemma A.3."""
    start_survives: bool
    """t_j is not evicted before it is released: a premise of lemma A.4."""
    free: int
    """Units of memory not in use when ^t_i is requested."""
    gap: int
    """The longest gap between t_j and t_{i-1} when t_{i-1} is there."""
    surviving_gap: int
    """The longest gap there after ^t_i is computed, of what will not be evicted again before its release."""


@dataclass(frozen=True)
class Gaps:
    """One run of the linear network of N = ``layers`` layers within B = ``budget`` units."""

    layers: int
    budget: int
    forward: int
    """The longest gap once t_N is computed."""
    surviving: int
    """The longest gap between those of the tensors resident then that are never evicted before their release."""
    gradients: tuple[Gradient, ...]
    """From i = N down to 2."""
    early_losses: tuple[int, ...]
    """Which of the tensors resident then are evicted while ^t_N and ^t_{N-1} are computed."""


def gaps(trace: Trace, layers: int) -> Gaps:
    """Measure a finished run of ``linear(layers)``."""
    return _Measure(trace, layers).measured()


def forward_gaps(trace: Trace) -> list[int]:
    """For a run of ``linear_forward(N)``: the longest gap once t_k is computed, for k = 1 .. N.

    No forward tensor is read again, so nothing is rematerialized and gaps only grow: it suffices to
    look at the gap that each eviction makes.
    """
    run_at_end: dict[int, int] = {}
    longest, found = 0, []
    for event in trace.events:
        layer = event.subject + 1
        if event.rule == "evict":
            before, after = run_at_end.pop(layer - 1, 0), run_at_end.pop(layer + 1, 0)
            run = before + 1 + after
            run_at_end[layer - before] = run_at_end[layer + after] = run
            longest = max(longest, run)
        elif event.rule == "bind":
            found.append(longest)
    return found


def longest_gap(resident: np.ndarray, first: int, last: int) -> int:
    """The most evicted tensors in a row between ``first`` and ``last``, both resident."""
    between = np.flatnonzero(resident[first + 1 : last])
    return int(np.diff(between, prepend=-1, append=last - first - 1).max(initial=1)) - 1


class _Measure:
    """One pass over the events, which keeps what is resident of t_0 .. t_N."""

    def __init__(self, trace: Trace, layers: int) -> None:
        self.trace = trace
        self.layers = layers
        self.resident = np.zeros(layers + 1, dtype=bool)
        self.resident[0] = True
        self.last_eviction = self._last_evictions()

    def measured(self) -> Gaps:
        events = iter(enumerate(self.trace.events))
        done = self._forward_pass(events)
        kept = self.resident.copy()
        top = self.layers - 1
        return Gaps(
            self.layers,
            self.trace.budget,
            longest_gap(self.resident, 0, top),
            longest_gap(self._survivors(done), 0, top),
            tuple(self._gradients(events)),
            tuple(layer for layer in self._early_evictions(done) if kept[layer]),
        )

    def _forward_pass(self, events: Iterator[tuple[int, Event]]) -> int:
        """Follow the events until t_N is computed; returns the number of the last one."""
        for number, event in events:
            self._follow(event)
            if event.rule == "bind" and event.subject == forward(self.layers):
                return number
        raise ValueError("the run ends before the forward pass does")

    def _gradients(self, events: Iterator[tuple[int, Event]]) -> Iterator[Gradient]:
        layer, start, free, gap, stays = self.layers, 0, 0, 0, True
        for number, event in events:
            self._follow(event)
            if event.rule == "call":
                start = int(np.flatnonzero(self.resident[:layer])[-1])
                free, gap, stays = self.trace.budget - event.used, 0, True
            elif event.rule == "bind" and event.subject == forward(layer - 1):
                gap, stays = longest_gap(self.resident, start, layer - 1), bool(self.resident[start])
            elif event.rule == "execute":
                left = self._survivors(number)
                yield Gradient(layer, start, stays, bool(left[start]), free, gap, longest_gap(left, start, layer - 1))
                layer -= 1
                if layer == 1:
                    return

    def _early_evictions(self, done: int) -> Iterator[int]:
        """The forward tensors that are evicted between event ``done`` and the end of the second gradient."""
        gradients = 0
        for event in self.trace.events[done + 1 :]:
            if event.rule == "evict" and event.subject < self.layers:
                yield event.subject + 1
            gradients += event.rule == "execute"
            if gradients == EARLY_GRADIENTS:
                return

    def _follow(self, event: Event) -> None:
        if event.subject < self.layers and event.rule in ("bind", "evict", "collect"):
            self.resident[event.subject + 1] = event.rule == "bind"

    def _survivors(self, number: int) -> np.ndarray:
        """What is resident now, at event ``number``, and is not evicted between now and its release."""
        return self.resident & (self.last_eviction < number)

    def _last_evictions(self) -> np.ndarray:
        """For t_0 .. t_N: the last event that evicts it before its release, or -1."""
        last = np.full(self.layers + 1, -1)
        released: set[int] = set()
        for number, event in enumerate(self.trace.events):
            if event.rule == "release":
                released.add(event.subject)
            elif event.rule == "evict" and event.subject < self.layers and event.subject not in released:
                last[event.subject + 1] = number
        return last
