# SPDX-License-Identifier: Apache-2.0
"""T6: the ranking function. Every step lowers it, so every run ends.

The rank of a configuration is lexicographic, most significant first:

    may a step be taken at all; commands that have not executed; commands that are not done;
    what exists; what is recoverable;
    the frames from the oldest to the top, an absent frame counting more than any present one;
    the kept copies; what is resident.

A frame's rank is lexicographic too: stages left of the chain; has it still to execute; inputs that it lacks; versions
that its call overwrites and has not copied aside; pieces left of the profile; results to bind; bytes to give back.
Numbers are ordered by <, finite sets by proper inclusion, so the order is well-founded as long as the numbers are
natural and the stack is bounded (``is_natural``).

One proviso, ``followed``: a rematerialization's COMMIT counts as one step with what it was done for, the LOCK of
what was rebuilt by the frame under it, its HOLD, or the client's PIN. A policy that evicts what was
rebuilt before it is locked can rematerialize for ever. EVICT is not restricted otherwise.
"""

from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from .configuration import Configuration
from .facts import CLIENT
from .invariants import now
from .readings import implies, ite, no
from .rules import provided


@dataclass(frozen=True)
class Order:
    """How one component changes: it does not rise, and it falls."""

    level: Any
    falls: Any

    def then(self, less_significant: "Order") -> "Order":
        """The lexicographic order of two components."""
        return Order(self.level & less_significant.level, self.falls | (self.level & less_significant.falls))


def numbers(before: Any, after: Any) -> Order:
    """Natural numbers."""
    return Order(after <= before, after < before)


def members(before: Any, after: Any) -> Order:
    """Finite sets, by inclusion."""
    level = after.every(before.has)
    return Order(level, level & no(before.every(after.has)))


def falls(before: Configuration, after: Configuration) -> Any:
    """The rank of ``after`` is less than that of ``before``."""
    return reduce(Order.then, (_client(before, after), _stack(before, after), _memory(before, after))).falls


def is_natural(c: Configuration) -> Any:
    """The numbers of the rank are natural, and there are finitely many frames."""

    def of_frame(d: Any) -> Any:
        bytes_left = implies(c.executed[d], c.held[d] >= c.owed[d])
        return (_stages_left(c, d) >= 0) & (_pieces_left(c, d) >= 0) & bytes_left

    end = c.facts.end()
    return (now(c) <= end) & (c.position <= end) & (c.depth <= c.position + 1) & c.frames.every(of_frame)


def _client(before: Configuration, after: Configuration) -> Order:
    def recoverable(c: Configuration) -> Any:
        return c.facts.all_storages().where(lambda s: c.recoverable[s])

    stopped = numbers(ite(before.stopped, 0, 1), ite(after.stopped, 0, 1))
    executed = numbers(-now(before), -now(after))
    done = numbers(-before.position, -after.position)
    alive = members(before.facts.storages(before), after.facts.storages(after))
    return reduce(Order.then, (stopped, executed, done, alive, members(recoverable(before), recoverable(after))))


def _stack(before: Configuration, after: Configuration) -> Order:
    """The frames; a step changes the rank of the top frame, of one pushed on it, or of the one under it."""

    @cache
    def slot(d: Any) -> Order:
        both = _frame(before, after, d)
        there = d <= after.depth
        new = (d > before.depth) & there
        return Order((d > before.depth) | (there & both.level), new | ((d <= before.depth) & there & both.falls))

    def first_to_fall(d: Any) -> Any:
        return (d >= 1) & slot(d).falls & before.frames.every(lambda e: implies(e < d, slot(e).level))

    top = before.depth
    level = before.frames.every(lambda d: slot(d).level)
    return Order(level, first_to_fall(top - 1) | first_to_fall(top) | first_to_fall(top + 1))


def _frame(before: Configuration, after: Configuration, d: Any) -> Order:
    def lacking(c: Configuration) -> Any:
        return c.facts.read(c.call[d]).where(lambda s: no(provided(c, d, s)))

    def unkept(c: Configuration) -> Any:
        return c.facts.written(c.call[d]).where(lambda s: no(c.kept[s].has(c.version[s])))

    def to_execute(c: Configuration) -> Any:
        return ite(c.executed[d], 0, 1)

    components = (
        numbers(_stages_left(before, d), _stages_left(after, d)),
        numbers(to_execute(before), to_execute(after)),
        members(lacking(before), lacking(after)),
        members(unkept(before), unkept(after)),
        numbers(_pieces_left(before, d), _pieces_left(after, d)),
        members(before.unbound[d], after.unbound[d]),
        numbers(before.held[d] - before.owed[d], after.held[d] - after.owed[d]),
    )
    return reduce(Order.then, components)


def _stages_left(c: Configuration, d: Any) -> Any:
    return ite(c.target[d] == CLIENT, 0, c.version[c.target[d]] - c.stage[d])


def _pieces_left(c: Configuration, d: Any) -> Any:
    return ite(c.executed[d], 0, c.facts.length(c.call[d], c.target[d]) - c.cursor[d])


def _memory(before: Configuration, after: Configuration) -> Order:
    storages = before.facts.all_storages()

    def resident(c: Configuration) -> Any:
        return c.facts.all_storages().where(lambda s: c.resident[s])

    level = storages.every(lambda s: after.kept[s].every(before.kept[s].has))
    copies = Order(level, level & no(storages.every(lambda s: before.kept[s].every(after.kept[s].has))))
    return copies.then(members(resident(before), resident(after)))
