# SPDX-License-Identifier: Apache-2.0
"""No accessor of an evicted tensor may kill the process, nor show other bytes than PyTorch alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dtr_runtime

from ..claims import claim

SCRIPT = Path(__file__).with_name("every_accessor.py")


@claim(
    "T1",
    "Every accessor of an evicted tensor gives eager's value or a clear error.",
    method="exhaustive to torch's own",
)
def test_every_accessor_of_an_evicted_tensor(claim_scope: Callable[[str], None]) -> None:
    """In a process of its own: an accessor that aborts must not take the other tests along."""
    assert dtr_runtime.live_bytes() >= 0  # compiled, so that the process need not
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    last = done.stdout.splitlines()[-1:]
    assert done.returncode == 0, f"in {last}: {done.stderr[-2000:]}"
    claim_scope(f"{last[0]} accessors")
