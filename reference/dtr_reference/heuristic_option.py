# SPDX-License-Identifier: Apache-2.0
"""A heuristic given on the command line: ``FILE.py:CLASS``, or a built-in by its name."""

import importlib.util
from pathlib import Path
from types import ModuleType

from dtr_spec.policy import Heuristic

from .heuristics import HEURISTICS


class HeuristicOptionError(Exception):
    """The option names no usable heuristic; the message says what is missing and what was found instead."""


def load_heuristic(given: str) -> Heuristic:
    """An instance of what ``given`` names; raises ``HeuristicOptionError``."""
    if given in HEURISTICS:
        return HEURISTICS[given]()
    path, separator, name = given.rpartition(":")
    if not separator:
        raise HeuristicOptionError(f"heuristic {given}: must be FILE.py:CLASS or one of {', '.join(HEURISTICS)}")
    module = load_file(Path(path))
    if not hasattr(module, name):
        classes = sorted(key for key, value in vars(module).items() if isinstance(value, type))
        raise HeuristicOptionError(f"{path} has no class {name}; it has {', '.join(classes) or 'no classes'}")
    heuristic = getattr(module, name)()
    if not callable(getattr(heuristic, "score", None)):
        raise HeuristicOptionError(f"{path}:{name} needs a method score(self, storage, clock); see dtr_spec.policy")
    return heuristic


def load_file(path: Path) -> ModuleType:
    """The module in ``path``, which need not be importable by name."""
    spec = importlib.util.spec_from_file_location(f"user_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise HeuristicOptionError(f"no Python file at {path.absolute()}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
