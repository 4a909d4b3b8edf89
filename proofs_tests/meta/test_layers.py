# SPDX-License-Identifier: Apache-2.0
"""The layers: what a checker checks shares no code with the checker.

`make lint` follows indirect imports too (import-linter's contracts); here every direct import must be on a list.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .sources import ROOT, sources, text

VOCABULARY = ("dtr_spec.program", "dtr_spec.trace", "dtr_spec.policy")
SIMULATION = (
    "dtr_spec.log",
    "dtr_spec.in_place",
    "dtr_spec.copies",
    "dtr_spec.simrd",
    "dtr_spec.sweep",
    "dtr_spec.simulate",
)
ALLOWED = {
    "spec/dtr_spec": ("dtr_spec",),
    "reference/dtr_reference": ("dtr_reference", "dtr_spec", "numpy", "rich", "scipy"),
    "runtime/dtr_runtime": ("dtr_runtime", "torch", *VOCABULARY, *SIMULATION),
}
ALSO = {
    **{Path("spec/dtr_spec") / name: ("z3",) for name in ("symbolic.py", "prover.py", "lemmas.py", "proofs.py")},
    Path("spec/dtr_spec/report.py"): ("rich", "matplotlib"),
    Path("spec/dtr_spec/simulate.py"): ("rich",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)


def imported(path: Path) -> Iterator[str]:
    """The dotted names a file imports; ``from dtr_spec import trace`` counts as ``dtr_spec.trace``."""
    package = path.parts[1:-1]
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, allowed: tuple[str, ...]) -> bool:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_layer_imports_only_what_is_below_it(package: str) -> None:
    files = [path for path in sources() if path.is_relative_to(package) and path.suffix == ".py"]
    strays = [
        f"{path}: {name}"
        for path in files
        for name in imported(path)
        if not within(name, ALLOWED[package] + ALSO.get(path, ()))
    ]
    assert not strays


def test_the_core_in_cpp_includes_neither_python_nor_torch() -> None:
    core = Path("runtime/dtr_runtime/csrc/core")
    includes = {(path, name) for path in sources() if path.is_relative_to(core) for name in INCLUDE.findall(text(path))}
    foreign = {(path, name) for path, name in includes if "/" in name or name == "Python.h"}
    assert not {(path, name) for path, name in foreign if not (ROOT / core / name).is_file()}
