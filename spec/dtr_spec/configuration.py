# SPDX-License-Identifier: Apache-2.0
"""Configurations of the machine.

Every field is a map from storages or frames, or a number. Frames are numbered from 1 (the
oldest) to ``depth`` (the top); a frame whose ``target`` is ``CLIENT`` is the client's call.
"""

from dataclasses import dataclass
from typing import Any

from .facts import CLIENT, Facts
from .program import Program
from .readings import EMPTY, Map


@dataclass(frozen=True)
class Configuration:
    """One state of the machine. Values are Python's, Z3's or text, after the reading."""

    facts: Any
    """The program: ``Facts``, or its symbolic or textual counterpart."""
    position: Any
    """The client's next command."""
    budget: Any
    """B, bytes."""
    used: Any
    """M, bytes in use."""
    clock: Any
    """1 + the costs of all calls executed so far."""
    stopped: Any
    """Out of memory: nothing happens any more."""

    alive: Any
    """Storage -> created and not collected."""
    resident: Any
    """Storage -> its bytes are in memory."""
    recoverable: Any
    """Storage -> its recipe is promised to work."""
    version: Any
    """Storage -> the number of its current version."""
    handles: Any
    """Storage -> how many handles the client has on it."""
    content: Any
    """Storage -> the term it holds, if resident."""
    kept: Any
    """Storage -> the set of its earlier versions that are copied aside."""
    kept_content: Any
    """Storage -> version number -> the term of the copy."""

    depth: Any
    """How many frames are under way."""
    target: Any
    """Frame -> the storage being rematerialized, or CLIENT."""
    stage: Any
    """Frame -> which call of the target's chain."""
    call: Any
    """Frame -> the call (its position)."""
    locked: Any
    """Frame -> the set of storages that it locks."""
    cursor: Any
    """Frame -> how many pieces of the declared profile it has been through."""
    held: Any
    """Frame -> bytes allocated and not yet bound to a storage."""
    executed: Any
    """Frame -> the call has computed its results."""
    unbound: Any
    """Frame -> the set of storages that may take a result of the call."""
    owed: Any
    """Frame -> bytes of results that must still be bound."""
    outcome: Any
    """Frame -> storage -> the term computed for it."""

    def but(self, **changes: Any) -> "Configuration":
        """The configuration with some fields changed."""
        # What dataclasses.replace does, several times as fast: nothing is done as often as this.
        other = object.__new__(Configuration)
        vars(other).update(vars(self), **changes)
        if len(vars(other)) != len(vars(self)):
            raise TypeError(f"a configuration has no {', '.join(changes.keys() - vars(self).keys())}")
        return other

    def frozen(self) -> tuple[Any, ...]:
        """A hashable copy of all that the machine's future depends on: not the clock, no popped frames."""
        frames = range(1, self.depth + 1)
        heap = (getattr(self, name) for name in _HEAP)
        stack = (_row(getattr(self, name)[d]) for name in _STACK for d in frames)
        return (self.position, self.used, self.stopped, *(m.frozen() for m in heap), self.depth, *stack)

    @property
    def frames(self) -> Any:
        """The set of frames under way."""
        return self.facts.frames(self)


_HEAP = ("alive", "resident", "recoverable", "version", "handles", "content", "kept", "kept_content")
_STACK = ("target", "stage", "call", "locked", "cursor", "held", "executed", "unbound", "owed", "outcome")


def _row(value: Any) -> Any:
    return value.frozen() if isinstance(value, Map) else value


def initial(program: Program, budget: int, declared: bool = True) -> Configuration:
    """The initial configuration: nothing in memory, the whole program ahead.

    Raises ``ValueError`` if the budget is negative.
    """
    if budget < 0:
        raise ValueError(f"a budget of {budget} bytes; it cannot be negative")
    no_terms = Map(None)
    return Configuration(
        facts=Facts(program, declared),
        position=0,
        budget=budget,
        used=0,
        clock=1,
        stopped=False,
        alive=Map(False),
        resident=Map(False),
        recoverable=Map(False),
        version=Map(0),
        handles=Map(0),
        content=Map(None),
        kept=Map(EMPTY),
        kept_content=Map(no_terms),
        depth=0,
        target=Map(CLIENT),
        stage=Map(0),
        call=Map(CLIENT),
        locked=Map(EMPTY),
        cursor=Map(0),
        held=Map(0),
        executed=Map(False),
        unbound=Map(EMPTY),
        owed=Map(0),
        outcome=Map(no_terms),
    )
