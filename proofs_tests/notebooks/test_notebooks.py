# SPDX-License-Identifier: Apache-2.0
"""Every notebook runs from its first cell to its last, and what it shows is what its cells print."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..claims import claim
from .execution import NOTEBOOKS, ROOT, read


@claim("documents", "Every cell of the notebooks runs, and prints what the notebook shows.", method="computed")
def test_notebooks_run_and_show_what_they_print(tmp_path: Path) -> None:
    """A cell that raises fails the test. Pictures must be there; they are not compared.

    In a process of its own, since the libraries that drive a kernel leave sockets to the garbage collector.
    """
    command = [sys.executable, "-m", "proofs_tests.notebooks.execution", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        now = list(shown(read(tmp_path / path.name)))
        assert now == list(shown(read(path))), f"{path.name} is stale; `make notebooks` stores what its cells print"


def shown(notebook: Any) -> Iterator[tuple[int, str, str]]:
    """What each cell has put out: text as it is, a picture as the fact that there is one."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                yield number, output.name, output.text
                continue
            for kind, content in sorted(output.data.items()):
                yield number, kind, content if kind == "text/latex" else ""


def test_a_cell_that_changes_its_output_is_noticed() -> None:
    """The comparison is not of nothing: without one cell's output it fails."""
    notebook = read(NOTEBOOKS[0])
    before = list(shown(notebook))
    kinds = {kind for _, kind, _ in before}
    assert {"stdout", "text/latex", "image/png"} <= kinds
    printing = next(cell for cell in notebook.cells if cell.get("outputs"))
    printing.outputs.clear()
    assert list(shown(notebook)) != before
