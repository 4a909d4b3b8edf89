# SPDX-License-Identifier: Apache-2.0
"""Faults in the Python between PyTorch or a program and the engine."""

from ..planting import Edit, Mutant
from .killers import BOUNDS, DECISIONS, SIMRD, TORCH

MUTANTS = (
    Mutant(
        "glue: KiB are read as kB",
        Edit("dtr_runtime.budget:parse", '(match[2] or "").lower()', '(match[2] or "").lower()[:1]'),
        "runtime/test_accounting.py::test_budgets_are_read",
        ("1.5KiB", 1536),
    ),
    Mutant(
        "glue: a budget of nothing is taken",
        Edit("dtr_runtime.budget:parse", "0 < size", "0 <= size"),
        "runtime/test_accounting.py::test_wrong_budgets_are_refused",
        (0,),
    ),
    Mutant(
        "glue: the slowdown leaves out the client's own work",
        Edit("dtr_runtime.stats:Stats.slowdown", "return 1 + self", "return self"),
        "runtime/test_scope.py::test_the_numbers_agree_with_the_trace",
    ),
    Mutant(
        "glue: accessors that hand out pointers pin nothing",
        Edit("dtr_runtime.accessors:act_on", "        on_tensor(thing)", "        pass"),
        "runtime/test_accessors.py::test_a_pinned_tensor_stays_where_numpy_sees_it",
    ),
    Mutant(
        "glue: constants are recorded without their bytes",
        Edit("dtr_runtime.budget:_command", "Constant(handle, size)", "Constant(handle, 0)"),
        TORCH,
    ),
    Mutant(
        "glue: what a call overwrites is not told to the engine",
        Edit("dtr_runtime.simulator:_commands", "for storage in program.writes[position]", "for storage in ()"),
        DECISIONS,
    ),
    Mutant(
        "glue: the largest number is refused",
        Edit("dtr_runtime.simulator:_require_countable", "> MOST", ">= MOST"),
        f"{BOUNDS}::test_just_within_the_bounds",
    ),
    Mutant(
        "glue: simrd's steps lose what is kept",
        Edit("dtr_runtime.simrd:Simrd.__init__", "Keep: 3", "Keep: 2"),
        SIMRD,
        "eager",
    ),
)
