# SPDX-License-Identifier: Apache-2.0
"""A failing case is saved, and the failure names the command that replays it."""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dtr_spec.trace import Trace

from ..strategies import Case
from .checks import Repeatable


@contextmanager
def replayable(case: Case, test: str) -> Iterator[None]:
    """Whatever is raised inside gets a note with the program and the command that replays the case.

    Hypothesis runs the smallest failing case last, so one file per test ends up holding that one.
    """
    try:
        yield
    except Exception as error:
        path = Path(tempfile.gettempdir(), f"dtr-failing-{test}.jsonl")
        commands = "".join(f"\n  {position:3} {command}" for position, command in enumerate(case.program.commands))
        error.add_note(f"program, within {case.budget} bytes, deallocation {case.deallocation}:{commands}")
        error.add_note(f"replay: {saved(case, path)}")
        raise


def saved(case: Case, path: Path) -> str:
    """Save a case as a trace without events; returns the command that replays it."""
    command = f"python -m proofs_tests.differential.replay {shlex.quote(str(path))}"
    heuristic = case.heuristic.heuristic if isinstance(case.heuristic, Repeatable) else case.heuristic
    if isinstance(heuristic, str):
        name = heuristic
    else:
        file = type(heuristic).score.__code__.co_filename
        name = f"{file}:{type(heuristic).__name__}"
    configuration = {"heuristic": name, "deallocation": case.deallocation}
    Trace(case.program, case.budget, (), configuration=configuration).save(path)
    return command
