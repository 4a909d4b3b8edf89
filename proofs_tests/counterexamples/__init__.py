# SPDX-License-Identifier: Apache-2.0
"""What does not hold, each by a smallest run, kept as a trace that names what it shows."""

from pathlib import Path

from dtr_spec.trace import Trace

FOLDER = Path(__file__).parent


def kept(name: str) -> Trace:
    """The trace kept under a name; its configuration says what it shows."""
    return Trace.load(FOLDER / f"{name}.jsonl")
