# SPDX-License-Identifier: Apache-2.0
"""Faults as data, and how they are planted in this process for a while."""

import ast
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

WATCHING: dict[str, set[str]] = {}
"""Where the watched functions note that they run: a function's new code sees only the globals of its module."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A fault in Python: in the function ``module:name``, the text ``old`` becomes ``new``."""

    function: str
    old: str
    new: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Exchange the function's code, which reaches whoever imported it.

        Raises ValueError unless ``old`` occurs in the function exactly once.
        """
        function = self._found()
        source = _source(function)
        if (times := source.count(self.old)) != 1:
            raise ValueError(f"{self.function} contains {times} times {self.old!r}, not once:\n{source}")
        with _exchanged(function, ast.parse(source.replace(self.old, self.new))):
            yield

    @contextmanager
    def watched(self, reached: set[str]) -> Iterator[None]:
        """Note in ``reached`` that the function runs; the fault is not planted."""
        function = self._found()
        tree = ast.parse(_source(function))
        definition = tree.body[0]
        assert isinstance(definition, ast.FunctionDef)
        WATCHING[self.function] = reached
        note = f"__import__('sys').modules[{__name__!r}].WATCHING[{self.function!r}].add({self.function!r})"
        definition.body[:0] = ast.parse(note).body
        with _exchanged(function, tree):
            yield

    @property
    def place(self) -> str:
        """What is changed."""
        return self.function

    def _found(self) -> FunctionType:
        path, _, name = self.function.partition(":")
        found: Any = importlib.import_module(path)
        for attribute in name.split("."):
            found = getattr(found, attribute)
        if isinstance(found, property):
            found = found.fget
        return found.definition if isinstance(found, Rule) else found


def _source(function: FunctionType) -> str:
    """The function's text, without decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    return source[source.index(f"def {function.__name__}") :]


@contextmanager
def _exchanged(function: FunctionType, tree: ast.Module) -> Iterator[None]:
    """``function`` runs the definition in ``tree`` instead of its own."""
    scope: dict[str, Any] = dict(function.__globals__)
    exec(compile(ast.fix_missing_locations(tree), f"<mutant of {function.__qualname__}>", "exec"), scope)
    before = function.__code__
    function.__code__ = scope[function.__name__].__code__
    try:
        yield
    finally:
        function.__code__ = before


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
            patch.setattr("dtr_runtime.simrd.load", lambda: core)
            core._set_fault(core.FAULTS.index(self.name))
            try:
                yield
            finally:
                core._set_fault(0)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault and the test that must fail because of it, as ``file::function`` with its parameters, if any."""

    name: str
    fault: Edit | Fault
    killer: str
    parameters: Any = ()
    """One, or a tuple."""

    @property
    def layer(self) -> str:
        """spec, reference, runtime or proofs_tests."""
        if isinstance(self.fault, Fault):
            return "runtime"
        return self.fault.function.partition(".")[0].removeprefix("dtr_")
