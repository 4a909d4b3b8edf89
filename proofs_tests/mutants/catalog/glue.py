# SPDX-License-Identifier: Apache-2.0
"""Faults in the Python between PyTorch or a program and the engine."""

import torch

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
        "glue: all of memory is no fraction of it",
        Edit("dtr_runtime.budget:parse", "0 < budget <= 1", "0 < budget < 1"),
        "runtime/test_accounting.py::test_fractions_are_of_physical_memory_and_the_largest_budget_is_what_the_core_counts",
    ),
    Mutant(
        "glue: another torch is taken",
        Edit("dtr_runtime.budget:install", "!= TORCH", "== ''"),
        "runtime/test_accounting.py::test_another_torch_is_refused_by_name",
    ),
    Mutant(
        "glue: a measured clock counts work",
        Edit("dtr_runtime.budget:Budget.__init__", 'clock == "measured"', "False"),
        "runtime/test_scope.py::test_a_measured_clock_counts_nanoseconds_and_a_logical_one_work",
    ),
    Mutant(
        "glue: a failure to leave is lost behind another",
        Edit("dtr_runtime.budget:Budget.__exit__", "error.add_note(", "str("),
        "runtime/test_scope.py::test_a_failure_to_leave_is_noted_on_the_exception_that_left",
    ),
    Mutant(
        "glue: functions compiled within a scope are not caught",
        Edit("dtr_runtime.compiled:CompiledFunctions._catching", "if self._compiler:", "if False:"),
        "regressions/test_rare_paths.py::test_functions_compiled_within_a_scope_write_their_arguments",
    ),
    Mutant(
        "glue: what is given by keyword is not pinned",
        Edit("dtr_runtime.accessors:_acting", "act(*args, *kwargs.values())", "act(*args)"),
        "runtime/test_accessors.py::test_integers_that_are_read_before_any_operator",
    ),
    Mutant(
        "glue: a module is built again only for other sources",
        Edit("dtr_runtime._build:_digest", "torch.__version__, ", ""),
        "core/test_build.py::test_a_changed_source_or_flag_is_another_build",
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
    Mutant(
        "glue: a backward pass that raised leaves its gradients in the queue",
        Edit("dtr_runtime.budget:Budget._leave", "if failed:", "if False:"),
        "regressions/test_failing_calls.py::test_a_backward_pass_that_raised_holds_no_memory_after_the_scope",
    ),
    Mutant(
        "glue: what may write through a pointer is pinned, not exposed",
        Edit("dtr_runtime.accessors:PinningAccessors.__init__", "(_EXPOSING, expose)", "(_EXPOSING, pin)"),
        "runtime/test_accessors.py::test_bytes_stay_where_raw_pointers_are_taken",
        (torch.Tensor, ("numpy",), (True, True)),
    ),
    Mutant(
        "glue: a simulation's trace does not say by which heuristic",
        Edit("dtr_runtime.simulator:simulate", '{"heuristic": name, ', "{"),
        "core/test_simulator.py::test_a_trace_says_what_made_it",
        ("h_lru", "h_lru"),
    ),
    Mutant(
        "glue: a slice of a storage is memory of its own",
        Edit("dtr_runtime.accessors:PinningAccessors.__init__", "isinstance(index, slice)", "False"),
        "regressions/test_rare_paths.py::test_a_slice_of_a_storage_has_its_bytes",
    ),
)
