# SPDX-License-Identifier: Apache-2.0
"""The classes as a partition, in small steps: what union-find computes, whatever its forest looks like.

Written in the vocabulary of the semantics' rules (``dtr_spec.readings``), so that one definition has two readings:
over values it runs beside ``dtr_reference.eqclass`` and must agree with it, over Z3's terms it is proved about.

A storage that is evicted gets a class of its own (``join``), then that is united with those of its evicted
neighbors, one after the other (``unite``). One that is rematerialized or collected takes its cost along and
leaves the rest as it is (``leave``).
"""

from dataclasses import dataclass, replace
from typing import Any

from dtr_spec.readings import EMPTY, Map, ite, no


@dataclass(frozen=True)
class Partition:
    """Evicted storages in classes. Values are Python's or Z3's, after the reading."""

    evicted: Any
    """The set of storages that are in a class."""
    label: Any
    """Evicted storage -> its class."""
    own: Any
    """Evicted storage -> the cost that it brought."""
    cost: Any
    """Class -> the cost that is kept of it; 0 of what is no class."""
    fresh: Any
    """Labels from here on have never been used."""
    pending: Any
    """The storages still to be united with ``latest``."""
    latest: Any
    """The storage evicted last."""


@dataclass(frozen=True)
class Change:
    """What must hold for a step to be taken, and the partition after it."""

    premises: tuple[Any, ...]
    after: Partition


def join(p: Partition, s: Any, cost: Any, neighbors: Any) -> Change:
    """Storage s is evicted, beside the evicted ``neighbors``."""
    return Change(
        (settled(p), no(p.evicted.has(s)), cost >= 0, neighbors.every(p.evicted.has)),
        replace(
            p,
            evicted=p.evicted.add(s),
            label=p.label.set(s, p.fresh),
            own=p.own.set(s, cost),
            cost=p.cost.set(p.fresh, cost),
            fresh=p.fresh + 1,
            pending=neighbors,
            latest=s,
        ),
    )


def unite(p: Partition, n: Any) -> Change:
    """The class of the storage evicted last is merged into that of its neighbor n."""
    one, other = p.label[p.latest], p.label[n]
    moved = p.evicted.where(lambda s: p.label[s] == one)
    merged = ite(one == other, p.cost[other], p.cost[one] + p.cost[other])
    return Change(
        (p.pending.has(n),),
        replace(
            p,
            label=p.label.set_each(moved, lambda s: other),
            cost=p.cost.set(one, 0).set(other, merged),
            pending=p.pending.remove(n),
        ),
    )


def leave(p: Partition, s: Any, cost: Any) -> Change:
    """Storage s, whose cost is now ``cost``, is evicted no more."""
    label = p.label[s]
    return Change(
        (settled(p), p.evicted.has(s)),
        replace(p, evicted=p.evicted.remove(s), cost=p.cost.set(label, p.cost[label] - cost)),
    )


def settled(p: Partition) -> Any:
    """The storage evicted last has been united with all its neighbors."""
    return p.pending.every(lambda n: False)


def empty() -> Partition:
    """Nothing is evicted."""
    return Partition(EMPTY, Map(-1), Map(0), Map(0), 0, EMPTY, -1)
