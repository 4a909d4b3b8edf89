// SPDX-License-Identifier: Apache-2.0
// A kernel under way: the memory that it asks for, the copies of what it overwrites, and how it fails.
#include <c10/util/ScopeExit.h>

#include "interpose.h"
#include "scope.h"

namespace dtr {

void Scope::snapshot_generator(Call& call) {
  if (!call.random) return;
  call.random->last = snapshot(call.random->generator, call.random->last);
  if (!call.record) return;
  call.record->generator = call.random->generator;
  call.record->random = call.random->last;
}

void Scope::run(Call& call, const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  snapshot_generator(call);
  const Operator& known = *call.known;
  const int64_t refused_before = refusals_;
  current_ = &call;
  const auto done = c10::make_scope_exit([&] { current_ = nullptr; });
  const auto kernel = [&] {
    const Ticks begun = c10::getApproximateTime();
    const auto counted = c10::make_scope_exit([&] { call.inside += c10::getApproximateTime() - begun; });
    if (clock_ == Clock::logical) return launch(op, known, keys, stack);
    if (device_) stream_->synchronize();
    const auto start = std::chrono::steady_clock::now();
    const auto timed = c10::make_scope_exit([&] { call.nanoseconds += nanoseconds_since(start); });
    launch(op, known, keys, stack);
    if (device_) stream_->synchronize();
  };
  try {
    if (call.hasty) ask_for_a_byte();
    device_ ? run_on_device(call, stack, known.results, kernel) : kernel();
  } catch (...) {
    give_up(call, refused_before);
    within_budget(known.name.c_str(), [] { throw; });
  }
}

// What a hasty kernel, the client's call's or a replayed one's, begins with, as it were: so the copies of what it
// overwrites are made as for any call.
void Scope::ask_for_a_byte() {
  piece(1);
  piece(-1);
}

void Scope::launch(
    const c10::OperatorHandle& op, const Operator& known, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  kernel_ = &known;
  PhaseGuard running(*this, Phase::running);
  Unlocked unlocked(*this);
  below(op, keys, stack);
}

// The kernel asks for bytes, or gives them back (negative). What the client's call does is the program's.
void Scope::piece(Bytes bytes) {
  if (bytes == 0) return;
  if (bytes > 0) {
    ask(bytes);
  } else {
    engine_.free(-bytes);
  }
  if (!replaying_) recorder_.piece(bytes);
}

void Scope::ask(Bytes bytes) {
  try {
    PhaseGuard deciding(*this, Phase::deciding);
    guard_writes();
    engine_.allocate(bytes);
  } catch (...) {
    refuse();
  }
}

// The exception in flight is the answer to a kernel's request for memory. It is numbered, as the kernel may do without
// and fail of something else; and not kept, as it keeps alive what the failed attempt had made.
void Scope::refuse() {
  ++refusals_;
  try {
    try {
      throw;
    } catch (const OutOfMemory& error) {
      over_budget_ = refusals_;
      failures.budget(error, where_);
    }
  } catch (...) {
    failures.number(refusals_);
  }
}

// Before the first memory that a call asks for while it runs: from then on it can fail half done.
void Scope::guard_writes() {
  if (!current_ || current_->guarded) return;
  try {
    for (StorageId id : current_->written) {
      Node& written = node(id);
      if (written.size == 0) continue;
      void* copy = obtain(written.size, kInternal);
      memory_.copy(copy, written.data, written.size);
      current_->backups.push_back({&written, copy});
    }
  } catch (...) {
    free_backups(*current_);
    throw;
  }
  current_->guarded = true;
}

void Scope::note_forms(Call& call, c10::ArrayRef<c10::IValue> arguments) {
  for_each_tensor(*call.known, arguments, [&](const at::Tensor& tensor, size_t) {
    if (!tensor.defined() || opaque(tensor)) return;
    const auto sizes = tensor.sizes(), strides = tensor.strides();
    call.forms.push_back(
        {tensor, tensor.storage(), {sizes.begin(), sizes.end()}, {strides.begin(), strides.end()},
         tensor.storage_offset()});
  });
}

// Only what has changed: a detached tensor, of which this may not be done, cannot have been changed.
void Scope::Form::restore() const {
  at::TensorImpl& now = *tensor.unsafeGetTensorImpl();
  if (tensor.storage().unsafeGetStorageImpl() != storage.unsafeGetStorageImpl()) now.set_storage_keep_dtype(storage);
  if (now.sizes() != sizes || now.strides() != strides || now.storage_offset() != offset)
    now.set_sizes_and_strides(sizes, strides, offset);
}

void Scope::free_backups(Call& call) {
  for (const Copy& backup : call.backups) {
    memory_.free(backup.data);
    engine_.free(backup.node->size);
  }
  call.backups.clear();
}

// The call ends with the exception in flight. If that is the answer to a request for memory, it has overwritten
// nothing. Else it raised for reasons of its own and may have overwritten a part, as in eager PyTorch. Either way what
// is there now cannot be computed again.
void Scope::give_up(Call& call, int64_t refused_before) {
  const int64_t refusal = failures.number_of(std::current_exception());
  const bool starved = refusal > refused_before;
  if (starved) {
    if (refusal == over_budget_) engine_.end_where_refused();
    for (const Copy& backup : call.backups) memory_.copy(backup.node->data, backup.data, backup.node->size);
    if (call.random) restore(call.random->generator, *call.random->last);
    for (const Form& form : call.forms) form.restore();
  }
  release_blocks();
  free_backups(call);
  {
    PhaseGuard deciding(*this, Phase::deciding);
    engine_.abandon();
  }
  recorder_.abandon();
  if (engine_.stopped_recording()) recorder_.stop();
  for (StorageId id : call.written) ++node(id).version;
  pin_all(call.written);
}

// What a call holds beyond its results (a cache, the new bytes of a resized argument) is the client's
// from now on, without a recipe.
void Scope::release_blocks() {
  for (void* block : blocks_) {
    Block* held = memory_.find(block);
    if (held->owner != kCall) continue;
    piece(-held->size);
    held->owner = kInternal;
    unclaimed_.push_back(block);
  }
  blocks_.clear();
}

}  // namespace dtr
