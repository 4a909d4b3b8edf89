# SPDX-License-Identifier: Apache-2.0
"""The budget's scope: within it, torch's memory on the device never exceeds the budget."""

import gc
import os
import re
from fractions import Fraction
from functools import cached_property
from itertools import starmap
from numbers import Integral, Real
from types import ModuleType, TracebackType
from typing import Any, Literal

import torch

from dtr_spec.policy import Heuristic
from dtr_spec.program import Call, Command, Constant, Fresh, Pin, Program, Release
from dtr_spec.trace import Event, Trace

from ._build import load
from .accessors import PinningAccessors
from .compiled import CompiledFunctions
from .errors import BudgetError
from .higher_order import pass_over_the_core
from .stats import Stats

TORCH = "2.13"
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}
_LARGEST = 2**63 - 1
"""Bytes, in the core's integers."""


def install() -> ModuleType:
    """Compile and load the core; from here on the CPU allocator counts.

    Raises ``ImportError`` if torch is another version than the core was written for.
    """
    if torch.__version__.split("+")[0].rsplit(".", 1)[0] != TORCH:
        raise ImportError(f"dtr_runtime works inside torch {TORCH}, and this is torch {torch.__version__}")
    core = load()
    core.install()
    pass_over_the_core()
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor) and thing.device.type == "cpu" and thing.layout == torch.strided:
            core.adopt(thing)
    return core


_core: Any = install()


def parse(budget: int | float | str, device: str = "cpu") -> int:
    """Bytes: an int, a string with a unit ("512MiB", "2 GB"), or a float fraction of the device's physical memory.

    Raises ``BudgetError`` for anything else, for what is not positive, and for more bytes than the core can count.
    """
    if isinstance(budget, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?)?b?\s*", budget, re.IGNORECASE)
        if match is None:
            raise BudgetError(f"cannot read the budget {budget!r}; write for example '512MiB' or '2GB'")
        size = int(Fraction(match[1]) * _UNITS[(match[2] or "").lower()])
    elif isinstance(budget, bool) or not isinstance(budget, Real):
        raise BudgetError(f"a budget is an int of bytes, a string or a float fraction of memory, not {budget!r}")
    elif isinstance(budget, Integral):
        size = int(budget)
    else:
        if not 0 < budget <= 1:
            raise BudgetError(f"a budget of {budget} is no fraction of physical memory; use an int for bytes")
        size = int(budget * physical_memory(device))
    if not 0 < size <= _LARGEST:
        raise BudgetError(f"a budget must be positive and at most {_LARGEST} bytes, not {budget!r}")
    return size


def physical_memory(device: str) -> int:
    """Bytes."""
    if torch.device(device).type == "cpu":
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return torch.accelerator.get_memory_info(device)[1]


class Run:
    """One scope: what it did, readable during and after it."""

    def __init__(self, scope: Any, budget: int, configuration: dict[str, str]) -> None:
        self._scope = scope
        self._budget = budget
        self._configuration = configuration

    @property
    def stats(self) -> Stats:
        """The numbers so far."""
        counters = self._scope.stats()
        return Stats(self._budget, **{name: counters[name] for name in Stats.__dataclass_fields__ if name != "budget"})

    @cached_property
    def trace(self) -> Trace:
        """The program and the events until now, or until a call failed for want of memory; for ``dtr_spec.monitor``.

        To be asked for first after the scope.
        """
        return Trace(
            Program(tuple(starmap(_command, self._scope.commands()))),
            self._budget,
            tuple(starmap(Event, self._scope.events())),
            declared=False,
            configuration=self._configuration,
        )

    @property
    def program(self) -> Program:
        """The commands that the client issued."""
        return self.trace.program


class Budget:
    """A scope within which the memory of torch's allocator stays within ``size``.

    Tensors are evicted and computed again as the heuristic says; results are the same bits. Leaving the
    scope makes every living tensor resident, an ordinary tensor from then on.

    ``device``: whose tensors, for example "cuda"; those of other devices are as without a scope. On the CPU the
    budget holds at every moment. On another device it bounds the bytes that torch's allocator counts as allocated
    (``torch.cuda.memory_allocated``); the scratch of a kernel that was never called before on such shapes is not known
    beforehand, and ``run.stats.overshoots`` says by how much one exceeded the budget. All work is on the stream
    that is current when the scope is entered. Entering resets the allocator's peak statistics.

    ``size``: see ``parse``. ``heuristic``: a built-in's name or any ``dtr_spec.policy.Heuristic``.
    ``deallocation``: what happens when the last tensor of a storage dies. ``clock``: costs are deterministic
    counts of work ("logical") or measured nanoseconds. ``verify`` compares the bits of everything computed
    again. ``record=False`` keeps no trace. Raises ``BudgetExceeded`` where the budget does not suffice.
    """

    def __init__(
        self,
        size: int | float | str,
        *,
        heuristic: str | Heuristic = "h_dtr_eq",
        device: str | torch.device = "cpu",
        deallocation: Literal["eager", "ignore", "banish"] = "eager",
        clock: Literal["logical", "measured"] = "logical",
        verify: bool = False,
        record: bool = True,
    ) -> None:
        if clock not in ("logical", "measured"):
            raise BudgetError(f"unknown clock {clock!r}; known are logical, measured")
        if deallocation not in ("eager", "ignore", "banish"):
            raise BudgetError(f"unknown deallocation policy {deallocation!r}; known are eager, ignore, banish")
        device = str(device)
        try:
            size = parse(size, device)
            scope = _core.Scope(size, heuristic, deallocation, clock == "measured", bool(verify), bool(record), device)
        except RuntimeError as error:
            raise BudgetError(f"no budget can be kept on {device!r}: {str(error).splitlines()[0]}") from error
        name = heuristic if isinstance(heuristic, str) else type(heuristic).__name__
        self._run = Run(
            scope, size, {"heuristic": name, "deallocation": deallocation, "clock": clock, "device": device}
        )
        self._scope = scope
        self._accessors = PinningAccessors(_core, on_device=torch.device(device).type != "cpu")
        self._compiled = CompiledFunctions(_core.expose)

    def __enter__(self) -> Run:
        self._scope.enter()
        self._accessors.install()
        self._compiled.install()
        return self._run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._leave(failed=error is not None)
        except BaseException as failure:
            if error is None:
                raise
            error.add_note(f"then, leaving the budget's scope: {failure}")

    def _leave(self, *, failed: bool) -> None:
        """Every step is taken, whatever those before raise.

        Not by an ``ExitStack``: it keeps what it raises in a cycle, and with it the tensors of all frames passed.
        """
        try:
            if failed:
                _empty_autograds_queue()
        finally:
            try:
                self._compiled.remove()
            finally:
                try:
                    self._accessors.remove()
                finally:
                    self._scope.leave()


budget = Budget
"""Reads as what it does: ``with budget("2GiB"):``."""


def _empty_autograds_queue() -> None:
    """Free what a backward pass that raised has left: its gradients stay in a queue of the thread until the next pass.

    A backward pass through nothing is one, and takes no memory.
    """
    with torch.inference_mode(False), torch.enable_grad():
        nothing = torch.empty(0, device="cpu", requires_grad=True)
        torch.autograd.backward(nothing, torch.empty(0, device="cpu"))


def pin(tensor: torch.Tensor) -> None:
    """Make a tensor's bytes resident for the rest of the scope.

    Operators bring back evicted tensors by themselves, and what hands out a raw pointer (``numpy()``, ``data_ptr()``)
    pins. Other accesses to evicted bytes raise ``RuntimeError`` that says to pin first. Raises ``BudgetExceeded``.
    """
    _core.pin(tensor)


def evicted(tensor: torch.Tensor) -> bool:
    """Whether the tensor's bytes are evicted at the moment."""
    return _core.evicted(tensor)


def live_bytes() -> int:
    """Bytes that torch's CPU allocator has handed out and not got back, in the whole process."""
    return _core.live_bytes()


def _command(
    kind: str,
    handle: int,
    size: int,
    op: str,
    inputs: list[int],
    outputs: list[tuple[int, int]],
    mutates: list[int],
    cost: int,
    profile: list[int],
) -> Command:
    match kind:
        case "constant":
            return Constant(handle, size)
        case "release":
            return Release(handle)
        case "pin":
            return Pin(handle)
        case _:
            fresh = tuple(starmap(Fresh, outputs))
            return Call(op, tuple(inputs), fresh, tuple(mutates), cost, tuple(profile))
