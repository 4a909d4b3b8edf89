# SPDX-License-Identifier: Apache-2.0
"""An observer of allocated bytes that shares nothing with the runtime.

On the CPU it listens to the profiler, to which torch's allocator reports every allocation and
every free of tensors, outputs and kernels' scratch alike. What a kernel takes from ``malloc``
behind the allocator's back nobody sees. On CUDA (and on the test device) the caching allocator keeps count itself.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch._C._profiler import _EventType
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile

REGION = "observed region"


@dataclass
class Observation:
    """The live bytes over a region; filled in when the observation ends."""

    start: int = 0
    """Live bytes at the region's start."""
    deltas: list[int] = field(default_factory=list)
    """The allocations (positive) and frees (negative) in the region, in order, in bytes."""
    highest: int | None = None
    """The peak, where the device's allocator counts it itself."""

    @property
    def peak(self) -> int:
        """The most bytes that were live at once."""
        return self.highest if self.highest is not None else max(accumulate(self.deltas, initial=self.start))

    @property
    def end(self) -> int:
        """Live bytes at the region's end."""
        return self.start + sum(self.deltas)


class Observer:
    """Between ``__enter__`` and ``__exit__`` every allocation of torch on the CPU is recorded.

    Blocks born before are unknown to the profiler, and so are their frees: enter before making
    anything that the region may free, or the observed peak errs upwards.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.regions: list[Observation] = []
        self._profile = profile(activities=[ProfilerActivity.CPU], profile_memory=True)

    def __enter__(self) -> "Observer":
        if self.device.type == "cpu":
            with without_the_profilers_marks():
                self._profile.__enter__()
        return self

    @contextmanager
    def region(self) -> Iterator[Observation]:
        """Observe what runs inside; regions follow one another and do not nest."""
        observation = Observation()
        self.regions.append(observation)
        with record_function(REGION) if self.device.type == "cpu" else counted_by_allocator(observation, self.device):
            yield observation

    def __exit__(self, *exception: object) -> None:
        if self.device.type != "cpu":
            return
        with without_the_profilers_marks():
            self._profile.__exit__(None, None, None)
        profiler = self._profile.profiler
        assert profiler is not None
        assert profiler.kineto_results is not None
        events = sorted(flattened(profiler.kineto_results.experimental_event_tree()), key=lambda e: e.start_time_ns)
        memory = list(changes(events))
        spans = [(event.start_time_ns, event.end_time_ns) for event in events if event.name == REGION]
        for observation, (start, end) in zip(self.regions, spans, strict=True):
            observation.start = sum(size for time, size in memory if time < start)
            observation.deltas = [size for time, size in memory if start <= time <= end]


@contextmanager
def without_the_profilers_marks() -> Iterator[None]:
    """Passes on what is written to the standard error meanwhile, but for the lines that tell that a profile starts or
    stops: to the profiler's logger they are graver than errors, so no level keeps them alone out.
    """
    sys.stderr.flush()
    everywhere = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(everywhere, 2)
            os.close(everywhere)
            written.seek(0)
            for line in written:
                if not line.startswith(b"USDT:"):
                    os.write(2, line)


@contextmanager
def counted_by_allocator(observation: Observation, device: torch.device) -> Iterator[None]:
    """The caching allocator's own peak of allocated (not reserved) bytes."""
    torch.accelerator.reset_peak_memory_stats(device)
    observation.start = torch.accelerator.memory_allocated(device)
    try:
        yield
    finally:
        observation.highest = torch.accelerator.max_memory_allocated(device)


def flattened(events: Iterable[Any]) -> Iterator[Any]:
    """The profiler's events with their children, without recursion."""
    waiting = list(events)
    while waiting:
        event = waiting.pop()
        waiting.extend(event.children)
        yield event


def changes(events: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """(time in nanoseconds, bytes) of each allocation and free on the CPU.

    Frees of blocks born before the observation are left out, as their allocations are.
    """
    live: set[int] = set()
    for event in events:
        kind, fields = event.typed
        if kind != _EventType.Allocation or fields.device.type != "cpu":
            continue
        if fields.alloc_size > 0:
            live.add(fields.ptr)
        elif fields.ptr in live:
            live.remove(fields.ptr)
        else:
            continue
        yield event.start_time_ns, fields.alloc_size


def live_bytes(tensors: Iterable[Tensor]) -> int:
    """The bytes of the distinct storages behind some tensors."""
    return sum({t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors}.values())
