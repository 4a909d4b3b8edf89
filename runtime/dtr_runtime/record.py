# SPDX-License-Identifier: Apache-2.0
"""What a PyTorch program does, as a program of ``dtr_spec`` and as a log of the DTR prototype."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from dtr_spec.in_place import log_of
from dtr_spec.log import Log
from dtr_spec.program import Program

from .budget import Run, budget

UNLIMITED = 2**60


class Recording:
    """What happened in the scope; to be read after it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def program(self) -> Program:
        """The calls with their allocations. Sizes in bytes, costs in units of the clock."""
        return self._run.program

    @property
    def log(self) -> Log:
        """The same as the prototype writes it, for simulators."""
        return log_of(self.program)


@contextmanager
def record(*, clock: Literal["logical", "measured"] = "measured") -> Iterator[Recording]:
    """Record what PyTorch does, within no limit: nothing that is alive is evicted, nothing computed twice.

    ``clock``: costs are measured nanoseconds, or deterministic counts of work ("logical").
    """
    with budget(UNLIMITED, clock=clock, deallocation="eager") as run:
        yield Recording(run)
