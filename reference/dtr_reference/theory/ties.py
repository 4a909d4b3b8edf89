# SPDX-License-Identifier: Apache-2.0
"""The linear network under h_e* and banishing, with every way to resolve ties: what lemmas may rely on.

The paper leaves open which of several tensors with the least |e*| goes, so its lemmas are claims about all of
them. A state is what is resident of t_1 .. t_N, in order (``stack`` says why that suffices); all states that some
resolution reaches are visited, each with every set of checkpoints that is being watched.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

Resident = tuple[int, ...]
"""What is resident of t_1 .. t_N, ascending. The last one is locked whenever memory is asked for."""


class Watch(NamedTuple):
    """Checkpoints of t_first .. t_last that have not been evicted before their release, since the watch began."""

    first: int
    last: int
    extra: int
    """Lemma A.4's k when the watch began; lemma A.1 has none, and -1 stands for that."""
    checkpoints: frozenset[int]


@dataclass
class EveryTie:
    """The longest gaps over all resolutions of ties: for one number of layers and one budget."""

    forward: int = 0
    """After the forward pass."""
    surviving: int = 0
    """Between those of the tensors then resident that are not evicted before their release (lemma A.1)."""
    rematerialized: dict[tuple[int, int], int] = field(default_factory=dict)
    """By (k - j, M): after rematerializing t_k from t_j with M units free (lemma A.3)."""
    intermediate: dict[tuple[int, int], int] = field(default_factory=dict)
    """By (i - j, k): between what survives the computation of ^t_i with 2 + k units free (lemma A.4)."""


def every_tie(layers: int, budget: int) -> EveryTie:
    """All runs of ``linear(layers)`` within a budget of units."""
    found = EveryTie()
    states: set[tuple[Resident, Watch]] = set()
    for resident in forward_pass(layers, budget):
        found.forward = max(found.forward, longest_gap(resident, 0, layers - 1))
        states.add((resident[:-1], Watch(0, layers - 1, -1, frozenset(resident[:-1]))))
    for layer in range(layers, 1, -1):
        within = budget - (layer < layers)
        states = {after for resident, watch in states for after in _gradient(resident, watch, layer, within, found)}
    return found


def forward_pass(layers: int, budget: int) -> set[Resident]:
    """What may be resident once t_N is computed."""
    states: set[Resident] = {()}
    for layer in range(1, layers + 1):
        states = {(*left, layer) for resident in states for left in rooms(resident, budget)}
    return states


def rooms(resident: Resident, within: int) -> Iterator[Resident]:
    """What may be left when one more unit fits. Nothing, if only the last one is evictable: memory is out."""
    if len(resident) + 1 <= within:
        yield resident
        return
    for place in _victims(resident):
        yield from rooms(resident[:place] + resident[place + 1 :], within)


def longest_gap(resident: Iterable[int], first: int, last: int) -> int:
    """The most evicted tensors in a row between t_first and t_last, which count as resident."""
    marks = [first, *sorted(m for m in resident if first < m < last), last]
    return max(after - before - 1 for before, after in pairwise(marks))


def _victims(resident: Resident) -> list[int]:
    """The places of those with the least |e*|, the last one excepted."""
    marks = (0, *resident)
    sizes = [marks[place + 2] - marks[place] - 2 for place in range(len(resident) - 1)]
    return [place for place, size in enumerate(sizes) if size == min(sizes)]


def _gradient(
    resident: Resident, watch: Watch, layer: int, within: int, found: EveryTie
) -> Iterator[tuple[Resident, Watch]]:
    """What may be resident, and survive of the watched, after ^t_layer, with a new watch for what it leaves."""
    start = (0, *resident)[-1]
    for ready, left, evicted in _computations(resident, start, layer, within):
        kept = watch._replace(checkpoints=watch.checkpoints - evicted)
        if not kept.first or kept.first not in evicted:
            _note(found, kept)
            yield left[:-1], kept
        free = within - len(resident)
        if start == layer - 1 or free <= 1:
            continue
        if start in (0, *ready):
            _most(found.rematerialized, (layer - 1 - start, free), longest_gap(ready, start, layer - 1))
        if start in (0, *left):
            begun = Watch(start, layer - 1, free - 2, frozenset(left))
            _note(found, begun)
            yield left[:-1], begun


def _computations(
    resident: Resident, start: int, layer: int, within: int
) -> Iterator[tuple[Resident, Resident, frozenset[int]]]:
    """For ^t_layer: what may be resident once t_{layer-1} is there, and once there is room; and what was evicted."""
    states: set[tuple[Resident, frozenset[int]]] = {(resident, frozenset())}
    for rematerialized in range(start + 1, layer):
        states = {((*left, rematerialized), lost) for left, lost in _rooms(states, within)}
    for ready, evicted in states:
        for left, lost in _rooms([(ready, evicted)], within):
            yield ready, left, lost


def _rooms(states: Iterable[tuple[Resident, frozenset[int]]], within: int) -> Iterator[tuple[Resident, frozenset[int]]]:
    for resident, evicted in states:
        for left in rooms(resident, within):
            yield left, evicted | (frozenset(resident) - frozenset(left))


def _note(found: EveryTie, watch: Watch) -> None:
    gap = longest_gap(watch.checkpoints, watch.first, watch.last)
    if watch.extra < 0:
        found.surviving = max(found.surviving, gap)
    else:
        _most(found.intermediate, (watch.last + 1 - watch.first, watch.extra), gap)


def _most(table: dict[tuple[int, int], int], key: tuple[int, int], gap: int) -> None:
    table[key] = max(table.get(key, 0), gap)
