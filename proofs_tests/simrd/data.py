# SPDX-License-Identifier: Apache-2.0
"""What simrd computes for its published logs, where it is at hand.

The folder is named by ``DTR_SIMRD_DATA``, else it is ``../shared/simrd`` beside the checkout. It holds ``logs.zip``, as
published with the paper's artifact, and ``expected.jsonl``, a row per (log, heuristic, runtime, ratio).
"""

import io
import json
import os
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dtr_spec.copies import Schedule, schedule
from dtr_spec.log import Log

from ..claims import ROOT

FOLDER = Path(os.environ.get("DTR_SIMRD_DATA") or ROOT.parent / "shared" / "simrd")
AVAILABLE = (FOLDER / "expected.jsonl").exists() and (FOLDER / "logs.zip").exists()
MISSING = f"no logs.zip and expected.jsonl in {FOLDER}; name their folder with DTR_SIMRD_DATA"


@dataclass(frozen=True)
class Row:
    """What the unmodified simrd computed. Bytes and clock units; ``baseline``: without limits, banishing."""

    log: str
    heuristic: str
    runtime: str
    ratio: float
    budget: int
    status: str
    clock: int
    rematerialization_cost: int
    peak: int
    evaluations: int
    accesses: int
    baseline_cost: int
    baseline_peak: int
    seconds: float


_NAMES = {
    "rematerialization_cost": "remat_cost",
    "evaluations": "heuristic_evaluations",
    "accesses": "metadata_accesses",
    "seconds": "simrd_seconds",
}


@cache
def rows() -> tuple[Row, ...]:
    """All rows; none where the data are not at hand."""
    if not AVAILABLE:
        return ()
    lines = (FOLDER / "expected.jsonl").read_text().splitlines()
    return tuple(
        Row(**{name: row[_NAMES.get(name, name)] for name in Row.__dataclass_fields__})
        for row in map(json.loads, lines)
    )


def logs() -> tuple[str, ...]:
    """The names of the logs that there are rows for."""
    return tuple(dict.fromkeys(row.log for row in rows()))


def text(log: str) -> str:
    """The text of a published log."""
    with zipfile.ZipFile(FOLDER / "logs.zip") as archive:
        (name,) = (name for name in archive.namelist() if name.rpartition("/")[2] == log)
        return archive.read(name).decode()


@cache
def published(log: str) -> Schedule:
    """A published log under copy-on-write."""
    return schedule(Log.parse(io.StringIO(text(log)), log))
