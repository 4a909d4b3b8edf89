# SPDX-License-Identifier: Apache-2.0
"""Executes the notebooks; ``python -m proofs_tests.notebooks.execution`` stores in each what it prints and draws.

``--to FOLDER`` leaves them as they are and writes what they give there.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PACKAGES = (".", "spec", "reference", "runtime")
SECONDS = 120
"""The longest that one cell may take."""


def read(path: Path) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> Any:
    """The notebook with what its cells print and draw, run from its own folder.

    Raises ``nbclient.exceptions.CellExecutionError``, which shows the cell, if one raises.
    """
    notebook = read(path)
    resources = {"metadata": {"path": str(path.parent)}}
    with TemporaryDirectory() as sockets:
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        client = NotebookClient(
            notebook, km=manager, timeout=SECONDS, resources=resources, record_timing=False, coalesce_streams=True
        )
        client.execute()
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m proofs_tests.notebooks.execution", description="Run the notebooks."
    )
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where to write them, if not in place")
    folder: Path | None = parser.parse_args().to
    # The kernel, a process of its own, finds the packages even if they are not installed.
    known = filter(None, [os.environ.get("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join([*known, *(str(ROOT / package) for package in PACKAGES)])
    for path in NOTEBOOKS:
        nbformat.write(executed(path), path if folder is None else folder / path.name)


if __name__ == "__main__":
    main()
