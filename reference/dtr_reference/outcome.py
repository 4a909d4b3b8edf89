# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind."""

from dataclasses import dataclass
from typing import Literal

from dtr_spec.trace import Trace

from .values import Value


@dataclass(frozen=True)
class OutOfMemory:
    """Why a run ended: ``need`` more bytes did not fit, and nothing was evictable. All in bytes.

    The bytes in use are ``locked + held + kept + allocated``.
    """

    position: int
    """The client's command that could not be carried out."""
    need: int
    used: int
    budget: int
    locked: int
    """Recoverable storages that the frames have locked."""
    held: int
    """Storages without a recipe: constants, held and pinned ones."""
    kept: int
    """Kept versions."""
    allocated: int
    """What the frames have allocated and not yet bound."""

    def __str__(self) -> str:
        return (
            f"command {self.position}: {self.need} bytes more do not fit into {self.budget} with {self.used} in use "
            f"({self.locked} locked, {self.held} without a recipe, {self.kept} in kept versions, {self.allocated} "
            f"allocated by calls under way); {self.used + self.need - self.budget} bytes more would get past this point"
        )


@dataclass(frozen=True)
class Run:
    """One run of a program. ``clock`` and ``rematerialization_cost`` are in clock units, ``peak`` in bytes."""

    trace: Trace
    status: Literal["finished", "out_of_memory"]
    clock: int
    peak: int
    evictions: int
    rematerializations: int
    """How many calls were replayed."""
    rematerialization_cost: int
    observations: tuple[Value, ...]
    """What the calls without outputs and mutations read, in order."""
    out_of_memory: OutOfMemory | None
