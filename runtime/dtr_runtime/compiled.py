# SPDX-License-Identifier: Apache-2.0
"""Functions that ``torch.compile`` has made by Inductor: their kernels read and write through raw pointers.

Within a scope such a function exposes its arguments before it runs: they are brought back and stay, as does what is
computed from them. What it allocates is no operator's result, and stays as well.
"""

import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any

import torch

from .replacements import Replacements

_MODULE = "torch._inductor.output_code"


class CompiledFunctions:
    """Replaces how compiled functions are called while a scope lasts. ``expose`` is given each tensor argument."""

    def __init__(self, expose: Callable[[torch.Tensor], None]) -> None:
        self._expose = expose
        self._compiler = Replacements()
        self._functions = Replacements()

    def install(self) -> None:
        """Those compiled before, and those that will be: Inductor is loaded when it is first needed."""
        if _MODULE in sys.modules:
            self._catch()
        else:
            self._compiler.replace(torch._TorchCompileInductorWrapper, "__call__", self._catching)

    def remove(self) -> None:
        """Puts back what was there."""
        self._compiler.put_back()
        self._functions.put_back()

    def _catching(self, compile_it: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(compile_it)
        def compiling(*args: Any, **kwargs: Any) -> Any:
            if self._compiler:
                self._compiler.put_back()
                self._catch()
            return compile_it(*args, **kwargs)

        return compiling

    def _catch(self) -> None:
        from torch._inductor.output_code import OutputCode

        for kind in OutputCode.__subclasses__():
            self._functions.replace(kind, "__call__", self._exposing)

    def _exposing(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(run)
        def running(code: Any, inputs: Any) -> Any:
            self._expose_all(inputs)
            return run(code, inputs)

        return running

    def _expose_all(self, inputs: Iterable[Any]) -> None:
        for each in inputs:
            if isinstance(each, torch.Tensor):
                self._expose(each)
