# SPDX-License-Identifier: Apache-2.0
"""Faults in the C++ layer between PyTorch and the engine, planted in a copy of its sources.

One compilation serves all: in the copy, each fault is there behind a number that the process is started with.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dtr_runtime
import dtr_spec

PACKAGE = Path(dtr_runtime.__file__).parent
ROOT = Path(__file__).parents[2]
HOST = Path("csrc", "torch")
NUMBER = "DTR_FAULT"
FIRST = 128
"""The number of the first of these faults; lower ones are the core's."""

_SWITCH = f"""
#include "../core/fault.h"
namespace dtr {{
inline bool planted(int fault) {{ return faults.planted({FIRST} + fault); }}
}}  // namespace dtr
"""

_COMPILE = """
import sys, dtr_runtime
assert dtr_runtime.__file__.startswith(sys.argv[1]), dtr_runtime.__file__
"""


@dataclass(frozen=True, slots=True)
class HostMutant:
    """In ``csrc/torch/file`` the text ``old`` becomes ``new``, where PLANTED says whether the fault is on.

    Then the tests named ``killer`` fail.
    """

    name: str
    file: str
    old: str
    new: str
    killer: str

    @property
    def layer(self) -> str:
        """Of all of these."""
        return "host"

    @property
    def number(self) -> int:
        """By which it is switched on."""
        return FIRST + MUTANTS.index(self)

    @property
    def source(self) -> str:
        """The file as it is without faults."""
        return (PACKAGE / HOST / self.file).read_text()


VALUES = "runtime/test_values.py"
KNOWN = "regressions/test_known_failures.py"
INSIDE = "regressions/test_failures_inside.py"
SCOPE = "runtime/test_scope.py"
FAILING = "regressions/test_failing_calls.py"
RARE = "regressions/test_rare_paths.py"
UNSEEN = "runtime/test_unseen_writes.py"

MUTANTS = (
    HostMutant(
        "the generator is not set back for a replay",
        "replay.cpp",
        "    restore(generator_, *record.random);",
        "    if (!PLANTED) restore(generator_, *record.random);",
        f"{KNOWN}::test_dropout_is_drawn_once",
    ),
    HostMutant(
        "a replay moves the generator on",
        "replay.cpp",
        "    if (before_) restore(generator_, *before_);",
        "    if (before_ && !PLANTED) restore(generator_, *before_);",
        f"{KNOWN}::test_a_users_generator_is_restored",
    ),
    HostMutant(
        "a replay uses the settings of the moment",
        "numerics.cpp",
        "  if (!changed_) return;",
        "  if (!changed_ || PLANTED) return;",
        f"{VALUES}::test_replay_uses_the_settings_of_the_first_run",
    ),
    HostMutant(
        "a recorded tensor begins at its storage's first byte",
        "arguments.cpp",
        "    : offset(tensor.storage_offset()),",
        "    : offset(PLANTED ? 0 : tensor.storage_offset()),",
        f"{VALUES}::test_evicted_results_come_back_bit_for_bit",
    ),
    HostMutant(
        "a write that the schema does not declare is not known",
        "operators.cpp",
        '{"aten::native_batch_norm", {',
        '{PLANTED ? "" : "aten::native_batch_norm", {',
        f"{KNOWN}::test_batch_norm_counts_one_batch_a_step",
    ),
    HostMutant(
        "the deleter forgets to say that a storage died",
        "storages.cpp",
        "  deaths_.push_back(node.id);",
        "  if (!PLANTED) deaths_.push_back(node.id);",
        f"{RARE}::test_memory_of_numpy_is_let_go",
    ),
    HostMutant(
        "under verify nothing is compared",
        "storages.cpp",
        "  if (memory_.print(data, node.size) == node.prints[stage]) return;",
        "  if (PLANTED || memory_.print(data, node.size) == node.prints[stage]) return;",
        f"{KNOWN}::test_a_value_recomputed_differently_is_noticed",
    ),
    HostMutant(
        "an evicted tensor does not say that it is",
        "storages.cpp",
        "  victim.client->release_data_and_set_meta_custom_data_ptr_error_msg_(kEvicted);",
        "  if (!PLANTED) victim.client->release_data_and_set_meta_custom_data_ptr_error_msg_(kEvicted);",
        f"{SCOPE}::test_another_thread_reads_an_evicted_tensor_or_is_told",
    ),
    HostMutant(
        "a version is kept without its bytes",
        "storages.cpp",
        "  memory_.copy(copy, source.data, source.size);",
        "  if (!PLANTED) memory_.copy(copy, source.data, source.size);",
        f"{RARE}::test_a_kept_version_outlives_its_storage",
    ),
    HostMutant(
        "a pin is not recorded",
        "scope.cpp",
        "void Scope::pin(StorageId id) {\n  recorder_.pin(id);",
        "void Scope::pin(StorageId id) {\n  if (!PLANTED) recorder_.pin(id);",
        "runtime/test_scope.py::test_a_saved_trace_is_accepted",
    ),
    HostMutant(
        "the allocator grants without asking",
        "ledger.cpp",
        "keeper_ ? keeper_->request(size) : kNobody, 0}",
        "keeper_ && !PLANTED ? keeper_->request(size) : kNobody, 0}",
        f"{KNOWN}::test_a_unets_peak_is_within_every_budget",
    ),
    HostMutant(
        "a replay overwrites copies without bytes",
        "replay.cpp",
        "        memory_.copy(copies_.back(), data(version), bytes);",
        "        if (!PLANTED) memory_.copy(copies_.back(), data(version), bytes);",
        f"{RARE}::test_a_kept_version_outlives_its_storage",
    ),
    HostMutant(
        "a replay overwrites the versions that it reads",
        "replay.cpp",
        "      } else if (written && bytes > 0) {",
        "      } else if (written && bytes > 0 && !PLANTED) {",
        f"{RARE}::test_a_kept_version_outlives_its_storage",
    ),
    HostMutant(
        "a dropped version's memory is not freed",
        "storages.cpp",
        "  memory_.free(kept->second);",
        "  if (!PLANTED) memory_.free(kept->second);",
        f"{RARE}::test_a_kept_version_outlives_its_storage",
    ),
    HostMutant(
        "what takes an exposed storage's place is exposed",
        "storages.cpp",
        "  node.serial = 0;\n  node.exposed = false;",
        "  node.serial = 0;\n  if (!PLANTED) node.exposed = false;",
        f"{UNSEEN}::test_what_takes_the_place_of_exposed_bytes_is_not_exposed",
    ),
    HostMutant(
        "a storage that takes another's place begins with its version",
        "storages.cpp",
        "  node.version = 0;\n",
        "  if (!PLANTED) node.version = 0;\n",
        f"{RARE}::test_a_kept_version_outlives_its_storage",
    ),
    HostMutant(
        "what the machine has no memory for stays counted",
        "storages.cpp",
        "    piece(-block.size);\n    refuse();",
        "    if (!PLANTED) piece(-block.size);\n    refuse();",
        f"{FAILING}::test_a_call_for_which_the_machine_has_no_memory_has_done_nothing",
    ),
    HostMutant(
        "new memory of which a part is filled is computed again without the rest",
        "pending.cpp",
        "(op.writes[argument] && all && tensor",
        "(op.writes[argument] && (PLANTED || all) && tensor",
        f"{RARE}::test_what_was_filled_through_a_pointer_is_not_lost",
    ),
    HostMutant(
        "whatever writes new memory passes for what fills it",
        "pending.cpp",
        "  if (!op.overwrites) return Use::other;",
        "  if (!op.overwrites && !PLANTED) return Use::other;",
        f"{RARE}::test_what_was_filled_through_a_pointer_is_not_lost",
    ),
    HostMutant(
        "a workspace is not overwritten",
        "operators.cpp",
        '{"aten::mkldnn_rnn_layer_backward", {"workspace"}},',
        '{PLANTED ? "" : "aten::mkldnn_rnn_layer_backward", {"workspace"}},',
        f"{RARE}::test_a_workspace_is_overwritten",
    ),
    HostMutant(
        "an operator that is gone passes for the one in its place",
        "operators.cpp",
        "  if (departed.load(std::memory_order_relaxed) && departed.exchange(false)) {",
        "  if (!PLANTED && departed.load(std::memory_order_relaxed) && departed.exchange(false)) {",
        f"{RARE}::test_operators_of_libraries_that_are_gone_are_forgotten",
    ),
    HostMutant(
        "a plain number decides on the type of a recomputed result like a tensor",
        "arguments.cpp",
        "  if (wrapped) tensor.unsafe",
        "  if (wrapped && !PLANTED) tensor.unsafe",
        f"{VALUES}::test_evicted_results_come_back_bit_for_bit",
    ),
    HostMutant(
        "whether there are gradients is that of the moment",
        "numerics.cpp",
        "{ at::GradMode::set_enabled(enabled != 0); }",
        "{ if (!PLANTED) at::GradMode::set_enabled(enabled != 0); }",
        f"{VALUES}::test_replay_uses_the_settings_of_the_first_run",
    ),
    HostMutant(
        "a call is recorded as dearer than it is",
        "recorder.cpp",
        "  field(cost) = units;",
        "  field(cost) = units + PLANTED;",
        f"{SCOPE}::test_logical_costs_are_bytes_and_products",
    ),
    HostMutant(
        "on a device nobody looks for the dead",
        "device_scope.cpp",
        "    if (holder.use_count() == 1) {",
        "    if (holder.use_count() == 1 && !PLANTED) {",
        "device/test_device.py::test_small_scenarios_on_a_device",
    ),
    HostMutant(
        "on a device scratch is not remembered",
        "device_scope.cpp",
        "  need.learn(demand);",
        "  if (!PLANTED) need.learn(demand);",
        "device/test_device.py::test_scratch_and_capacity",
    ),
    HostMutant(
        "a heuristic's own memory is asked of the engine",
        "kernel.cpp",
        "    PhaseGuard deciding(*this, Phase::deciding);\n    guard_writes();",
        "    PhaseGuard deciding(*this, PLANTED ? phase_ : Phase::deciding);\n    guard_writes();",
        f"{INSIDE}::test_a_heuristic_that_needs_memory_itself_is_told_so",
    ),
    HostMutant(
        "what is computed from bytes in other hands may be evicted",
        "call.cpp",
        "    call.exposed |= node->exposed;",
        "    call.exposed |= node->exposed && !PLANTED;",
        f"{UNSEEN}::test_what_is_computed_from_bytes_in_other_hands_stays",
    ),
    HostMutant(
        "bytes are handed out although something could be computed from them again",
        "scope.cpp",
        "[&] { pin_computed_from(node->id); });",
        "[&] { if (!PLANTED) pin_computed_from(node->id); });",
        f"{UNSEEN}::test_a_write_behind_the_operators_changes_nothing_else",
    ),
    HostMutant(
        "what a call without memory had overwritten stays so",
        "kernel.cpp",
        "    for (const Copy& backup : call.backups) memory_.copy(",
        "    for (const Copy& backup : call.backups) if (!PLANTED) memory_.copy(",
        f"{FAILING}::test_a_call_without_memory_has_done_nothing",
    ),
    HostMutant(
        "a call without memory leaves its generator advanced",
        "kernel.cpp",
        "    if (call.random) restore(call.random->generator, *call.random->last);",
        "    if (call.random && !PLANTED) restore(call.random->generator, *call.random->last);",
        f"{FAILING}::test_a_call_without_memory_has_done_nothing",
    ),
    HostMutant(
        "a call that raises for reasons of its own is undone",
        "kernel.cpp",
        "  if (starved) {",
        "  if (starved || PLANTED) {",
        f"{FAILING}::test_a_call_that_raises_leaves_what_eager_leaves",
    ),
    HostMutant(
        "a call that was ever refused memory is undone, whatever it raises",
        "kernel.cpp",
        "  const bool starved = refusal > refused_before;",
        "  const bool starved = PLANTED ? refusals_ > refused_before : refusal > refused_before;",
        f"{FAILING}::test_a_call_that_raises_leaves_what_eager_leaves",
    ),
    HostMutant(
        "a request that is refused ends the trace, though the call does without",
        "kernel.cpp",
        "    failures.number(refusals_);",
        "    if (PLANTED) engine_.end_where_refused();\n    failures.number(refusals_);",
        f"{FAILING}::test_a_call_that_does_without_memory_is_a_step_like_any_other",
    ),
    HostMutant(
        "what a refused attempt had made is kept with its exception",
        "bind_scope.cpp",
        "  throw error;",
        "  if (PLANTED) error.value().inc_ref();\n  throw error;",
        f"{FAILING}::test_an_attempt_that_was_refused_takes_no_memory_any_more",
    ),
    HostMutant(
        "a call for which the machine has no memory fails for its own reasons",
        "kernel.cpp",
        "    failures.number(refusals_);",
        "    failures.number(PLANTED && over_budget_ != refusals_ ? 0 : refusals_);",
        f"{FAILING}::test_a_call_for_which_the_machine_has_no_memory_has_done_nothing",
    ),
    HostMutant(
        "a call whose copies do not fit passes for one that has them",
        "kernel.cpp",
        "  if (!current_ || current_->guarded) return;",
        "  if (!current_ || current_->guarded) return;\n  if (PLANTED) current_->guarded = true;",
        f"{FAILING}::test_a_call_whose_copies_do_not_fit_gets_no_memory",
    ),
    HostMutant(
        "the operands of an element may differ in type",
        "call.cpp",
        "(one.dtype() == other.dtype() &&",
        "((PLANTED || one.dtype() == other.dtype()) &&",
        f"{FAILING}::test_a_call_without_memory_has_done_nothing",
    ),
    HostMutant(
        "an element that a number is added to is copied",
        "call.cpp",
        "  return other.dim() == 0 ||",
        "  return (other.dim() == 0 && !PLANTED) ||",
        f"{FAILING}::test_elements_that_fit_their_operands_are_not_copied",
    ),
    HostMutant(
        "what a call that raised has overwritten may be computed again",
        "kernel.cpp",
        "  for (StorageId id : call.written) ++node(id).version;\n  pin_all(call.written);",
        "  for (StorageId id : call.written) ++node(id).version;\n  if (!PLANTED) pin_all(call.written);",
        f"{FAILING}::test_a_call_that_raises_leaves_what_eager_leaves",
    ),
    HostMutant(
        "what a call overwrites is copied when it first asks for memory, even if it may have begun to write",
        "kernel.cpp",
        "    if (call.hasty) ask_for_a_byte();",
        "    if (call.hasty && !PLANTED) ask_for_a_byte();",
        f"{FAILING}::test_a_call_without_memory_has_done_nothing",
    ),
    HostMutant(
        "a list operator in place is called element by element, whether they fit or not",
        "call.cpp",
        "  return all > room && *std::max_element(",
        "  return PLANTED || all > room && *std::max_element(",
        f"{FAILING}::test_a_call_without_memory_has_done_nothing",
    ),
    HostMutant(
        "an operator of another library draws nothing",
        "operators.cpp",
        "generator >= 0 || foreign;",
        "generator >= 0 || (foreign && !PLANTED);",
        f"{FAILING}::test_what_an_operator_of_another_library_draws_is_drawn_again",
    ),
    HostMutant(
        "a namespace that begins as one of PyTorch's passes for it",
        "operators.cpp",
        'getNamespace() != "prim";',
        'getNamespace() != "prim" && !(PLANTED && op.operator_name().getNamespace()->starts_with("prim"));',
        f"{FAILING}::test_what_an_operator_of_another_library_draws_is_drawn_again",
    ),
    HostMutant(
        "an inherited precision is its own after a replay",
        "numerics.cpp",
        "    [](at::Context&) { return static_cast<int64_t>(precision<backend, op>()); },",
        "    [](at::Context& context) {\n"
        "      const auto own = precision<backend, op>();\n"
        "      return static_cast<int64_t>(PLANTED ? context.float32Precision(backend, op) : own);\n"
        "    },",
        f"{INSIDE}::test_after_a_replay_precisions_are_inherited_as_before",
    ),
    HostMutant(
        "the first result of a packing is pinned, not the one that is pointed at",
        "call.cpp",
        "find(results.back().toTensor()",
        "find(results[PLANTED ? 0 : results.size() - 1].toTensor()",
        "device/test_device.py::test_small_scenarios_on_a_device",
    ),
    HostMutant(
        "every other block is aligned to half as many bytes",
        "ledger.cpp",
        "  void* data = source_->raw_allocate(size);\n  enter(data, size, owner);\n  return data;\n}\n\n"
        "void Ledger::free(void* data) {\n  strike(data);\n  source_->raw_deallocate(data);",
        "  static size_t blocks = 0;\n"
        "  const size_t shift = PLANTED && ++blocks % 2 ? 32 : 0;\n"
        "  void* data = static_cast<std::byte*>(source_->raw_allocate(size + shift)) + shift;\n"
        "  enter(data, size, owner);\n  return data;\n}\n\n"
        "void Ledger::free(void* data) {\n  strike(data);\n"
        "  source_->raw_deallocate(static_cast<std::byte*>(data) - reinterpret_cast<uintptr_t>(data) % 64);",
        f"{VALUES}::test_a_storage_comes_back_as_aligned_as_it_was",
    ),
    HostMutant(
        "autocast is that of the moment when an operator is called again",
        "numerics.cpp",
        "      at::autocast::set_autocast_enabled(device, value % 2 != 0);",
        "      if (!PLANTED) at::autocast::set_autocast_enabled(device, value % 2 != 0);",
        f"{RARE}::test_an_operator_in_python_is_called_again_under_the_same_autocast",
    ),
    HostMutant(
        "the last call of a chain is named, whichever differs",
        "storages.cpp",
        "  failures.nondeterministic(node.chain[stage]->known",
        "  failures.nondeterministic((PLANTED ? node.chain.back() : node.chain[stage])->known",
        f"{VALUES}::test_verification_names_the_operator_whose_replay_differs",
    ),
    HostMutant(
        "results that come back unasked are not compared",
        "replay.cpp",
        "  if (verify_) verify(node(id), 0,",
        "  if (verify_ && !PLANTED) verify(node(id), 0,",
        f"{VALUES}::test_verification_compares_all_results_of_an_operator_that_is_called_again",
    ),
    HostMutant(
        "the last bytes are not compared",
        "fingerprint.h",
        "  for (; at < size; ++at) result",
        "  for (; at < size && !PLANTED; ++at) result",
        f"{VALUES}::test_verification_notices_any_difference",
    ),
    HostMutant(
        "an operator that returns other storages when it is called again is believed",
        "replay.cpp",
        "same = fresh[i].size == record.sizes[i];",
        "same = PLANTED || fresh[i].size == record.sizes[i];",
        "runtime/test_failing.py::test_an_operator_that_returns_more_when_replayed_is_reported",
    ),
    HostMutant(
        "every element of a list gets the first one's number",
        "call.cpp",
        "slice.push_back(argument.toListRef()[i]);",
        "slice.push_back(argument.toListRef()[PLANTED ? 0 : i]);",
        f"{RARE}::test_elements_of_a_list_have_numbers_of_their_own",
    ),
    HostMutant(
        "a storage that two arguments overwrite is overwritten twice",
        "call.cpp",
        "    if (written && std::find(",
        "    if ((written && PLANTED) || written && std::find(",
        f"{VALUES}::test_evicted_results_come_back_bit_for_bit",
    ),
    HostMutant(
        "what a sparse tensor holds inside may be evicted",
        "call.cpp",
        "    if (hides_inputs) pin_inputs();",
        "    if (hides_inputs && !PLANTED) pin_inputs();",
        f"{RARE}::test_what_a_sparse_tensor_holds_inside_stays",
    ),
    HostMutant(
        "batch norm overwrites its statistics in evaluation, too",
        "call.cpp",
        "  const bool writes = known.writes_if < 0 ||",
        "  const bool writes = PLANTED || known.writes_if < 0 ||",
        f"{RARE}::test_batch_norm_overwrites_its_statistics_in_training_alone",
    ),
    HostMutant(
        "what is there anyway takes room that a list needs",
        "call.cpp",
        "        if (!node || !engine_.recoverable(node->id)) continue;",
        "        if (!node || (!PLANTED && !engine_.recoverable(node->id))) continue;",
        f"{FAILING}::test_lists_that_fit_together_are_one_call",
    ),
    HostMutant(
        "what torch's context holds is as it was before",
        "numerics.cpp",
        "  return std::memcmp(bytes_.data(), settings(), sizeof bytes_) == 0;",
        "  return PLANTED || std::memcmp(bytes_.data(), settings(), sizeof bytes_) == 0;",
        f"{VALUES}::test_settings_are_read_anew_after_operators_that_do_not_depend_on_them",
    ),
    HostMutant(
        "a refused call leaves the shapes that it has set",
        "kernel.cpp",
        "    for (const Form& form : call.forms) form.restore();",
        "    for (const Form& form : call.forms) if (!PLANTED) form.restore();",
        f"{FAILING}::test_what_could_not_be_enlarged_is_as_it_was",
    ),
    HostMutant(
        "what is called again is transformed as whatever is called now",
        "replay.cpp",
        "      plain.included_ = c10::default_included_set;",
        "      if (!PLANTED) plain.included_ = c10::default_included_set;",
        f"{RARE}::test_bytes_come_back_while_a_function_is_transformed",
    ),
    HostMutant(
        "a thread forgets that a scope was entered there",
        "interpose.cpp",
        "  set_here = true;",
        "  set_here = included || !PLANTED;",
        f"{SCOPE}::test_a_scope_is_left_in_another_thread",
    ),
    HostMutant(
        "settings are those of the call before",
        "call.cpp",
        "  if (latest_ && context_.is_current() && latest_->hold_apart(on_device)) return *latest_;",
        "  if (latest_ && (PLANTED || (context_.is_current() && latest_->hold_apart(on_device)))) return *latest_;",
        f"{VALUES}::test_settings_are_read_anew_after_operators_that_do_not_depend_on_them",
    ),
    HostMutant(
        "time in kernels counts as time spent on evicting",
        "call.cpp",
        "overhead_ += c10::getApproximateTime() - start - call.inside; });",
        "overhead_ += c10::getApproximateTime() - start - (PLANTED ? 0 : call.inside); });",
        f"{SCOPE}::test_a_measured_clock_counts_nanoseconds_and_a_logical_one_work",
    ),
    HostMutant(
        "collective operators pass",
        "call.cpp",
        "      !known.collective, known.name,",
        "      PLANTED || !known.collective, known.name,",
        f"{SCOPE}::test_collective_operators_are_refused_by_name",
    ),
    HostMutant(
        "matrix products cost what their bytes cost",
        "cost.cpp",
        "  if (!op.matmul_like) return 0;",
        "  if (PLANTED || !op.matmul_like) return 0;",
        f"{SCOPE}::test_logical_costs_are_bytes_and_products",
    ),
    HostMutant(
        "the number that a generator holds ready is not restored",
        "generators.cpp",
        "  target.set_next_double_normal_sample(",
        "  if (!PLANTED) target.set_next_double_normal_sample(",
        f"{VALUES}::test_evicted_results_come_back_bit_for_bit",
    ),
    HostMutant(
        "generators that hold another number ready share a state",
        "generators.cpp",
        "      next_float == other.next_float && next_double == other.next_double &&",
        "      (PLANTED || (next_float == other.next_float && next_double == other.next_double)) &&",
        f"{VALUES}::test_evicted_results_come_back_bit_for_bit",
    ),
    HostMutant(
        "what was computed from handed out bytes by way of dead storages may be evicted",
        "scope.cpp",
        "      if (met.insert(reader).second) (node",
        "      if (met.insert(reader).second && (node(reader).handle || !PLANTED)) (node",
        f"{RARE}::test_bytes_are_handed_out_when_what_was_computed_from_them_is_dead",
    ),
    HostMutant(
        "a tensor is set to what it is given, evicted or not",
        "call.cpp",
        "  if (known.takes_storages) {",
        "  if (known.takes_storages && !PLANTED) {",
        f"{RARE}::test_a_tensor_is_set_to_other_bytes",
    ),
    HostMutant(
        "a view of several tensors looks at none",
        "operators.cpp",
        "  if (reads_several(op.schema())) return false;",
        "  if (!PLANTED && reads_several(op.schema())) return false;",
        f"{RARE}::test_a_nested_view_of_what_was_evicted",
    ),
    HostMutant(
        "a scope is left in the thread that entered it alone",
        "interpose.cpp",
        "      set_here || !c10",
        "      (set_here && !PLANTED) || !c10",
        "runtime/test_scope.py::test_a_scope_is_left_in_another_thread",
    ),
    HostMutant(
        "a device that is out of memory is not heard of through Python",
        "bind_scope.cpp",
        "  return error && py::isinstance(",
        "  return error && !PLANTED && py::isinstance(",
        "device/test_device.py::test_scratch_and_capacity",
    ),
    HostMutant(
        "bytes lost with one scope are taken for another's",
        "storages.cpp",
        "    TORCH_CHECK(node->scope == this, kLost);",
        "    TORCH_CHECK(PLANTED || node->scope == this, kLost);",
        "runtime/test_failing.py::test_an_operator_that_raises_when_replayed_is_reported",
    ),
    HostMutant(
        "what is made of operators comes as a whole",
        "operators.cpp",
        "  return op.hasKernelForDispatchKey(DispatchKey::CompositeImplicitAutograd) &&",
        "  return !PLANTED && op.hasKernelForDispatchKey(DispatchKey::CompositeImplicitAutograd) &&",
        f"{RARE}::test_running_statistics_are_written_in_inference_mode",
    ),
    HostMutant(
        "symbols for sizes are taken for sizes",
        "call.cpp",
        "  if (symbolic(known, arguments)) return pass();",
        "  if (!PLANTED && symbolic(known, arguments)) return pass();",
        f"{RARE}::test_a_compiled_function_is_called_with_another_size",
    ),
)


def plant(directory: Path) -> Path:
    """Copy the runtime with all faults behind their numbers; compile it. Returns what goes on the path.

    Raises ValueError if a text that a fault replaces does not occur exactly once.
    """
    package = directory / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    switch = package / HOST / "turn.h"
    switch.write_text(switch.read_text() + _SWITCH)
    build = package / "_build.py"
    build.write_text(build.read_text().replace("FLAGS = (", 'FLAGS = ("-DDTR_FAULTS", ', 1))
    for file, text in with_faults().items():
        (package / HOST / file).write_text(text)
    compiling = [sys.executable, "-c", _COMPILE, str(directory)]
    subprocess.run(compiling, cwd=directory, env=environment(directory), check=True, timeout=3600)
    return directory


def passes(directory: Path, tests: str, mutant: HostMutant | None) -> bool:
    """Whether the tests pass with that fault switched on, or without any."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "-o", "pythonpath="]
    command = [sys.executable, "-m", "pytest", *options, f"proofs_tests/{tests}"]
    planted = environment(directory, mutant.number if mutant else 0)
    done = subprocess.run(command, cwd=ROOT, env=planted, capture_output=True, text=True, timeout=600, check=False)
    ran = " passed" in done.stdout or " failed" in done.stdout or done.returncode < 0
    assert ran, f"{tests} did not run: {done.stdout[-1000:]}{done.stderr[-1000:]}"
    return done.returncode == 0


def with_faults() -> dict[str, str]:
    """The sources that faults are in, by the files' names, with all of them behind their numbers.

    Raises ValueError if a text that a fault replaces does not occur exactly once.
    """
    files = {mutant.file: mutant.source for mutant in MUTANTS}
    return {file: '#include "turn.h"\n' + _with_faults(file, text) for file, text in files.items()}


def _with_faults(file: str, text: str) -> str:
    for number, mutant in enumerate(MUTANTS):
        if mutant.file != file:
            continue
        if (times := text.count(mutant.old)) != 1:
            raise ValueError(f"{file} contains {times} times {mutant.old!r}, not once")
        text = text.replace(mutant.old, mutant.new.replace("PLANTED", f"planted({number})"))
    return text


def environment(directory: Path, number: int = 0) -> dict[str, str]:
    """For a process that imports the runtime in that folder, with a fault switched on."""
    path = os.pathsep.join([str(directory), str(ROOT), str(Path(dtr_spec.__file__).parents[1]), *sys.path])
    return os.environ | {NUMBER: str(number), "PYTHONPATH": path}
