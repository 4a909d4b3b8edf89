# SPDX-License-Identifier: Apache-2.0
"""Faults as data, and how they are planted in this process for a while."""

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import pytest

from dtr_runtime import _build
from dtr_spec.rules import Rule


@dataclass(frozen=True, slots=True)
class Edit:
    """A fault in Python: in the function ``module:name``, the text ``old`` becomes ``new``."""

    function: str
    old: str
    new: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Exchange the function's code, which reaches whoever imported it. Raises ValueError as ``edited`` does."""
        function = self._found()
        before = function.__code__
        function.__code__ = self._edited(function).__code__
        try:
            yield
        finally:
            function.__code__ = before

    def _found(self) -> FunctionType:
        path, _, name = self.function.partition(":")
        found: Any = importlib.import_module(path)
        for attribute in name.split("."):
            found = getattr(found, attribute)
        return found.definition if isinstance(found, Rule) else found

    def _edited(self, function: FunctionType) -> FunctionType:
        """The function with the fault; raises ValueError unless ``old`` occurs in it exactly once."""
        source = textwrap.dedent(inspect.getsource(function))
        source = source[source.index(f"def {function.__name__}") :]
        if (times := source.count(self.old)) != 1:
            raise ValueError(f"{self.function} contains {times} times {self.old!r}, not once:\n{source}")
        scope: dict[str, Any] = dict(function.__globals__)
        exec(compile(source.replace(self.old, self.new), f"<mutant of {self.function}>", "exec"), scope)
        return scope[function.__name__]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault compiled into the C++ core under ``DTR_FAULTS``, by its name in ``csrc/core/fault.h``."""

    name: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the simulator use the core with this fault switched on."""
        core: Any = _build.load(faults=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dtr_runtime.simulator.load", lambda: core)
            core._set_fault(core.FAULTS.index(self.name))
            try:
                yield
            finally:
                core._set_fault(0)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault and the test that must fail because of it, as ``file::function`` with its parameter, if any."""

    name: str
    fault: Edit | Fault
    killer: str
    parameter: str = ""

    @property
    def layer(self) -> str:
        """spec, reference or runtime."""
        if isinstance(self.fault, Fault):
            return "runtime"
        return self.fault.function.partition(".")[0].removeprefix("dtr_")
