// SPDX-License-Identifier: Apache-2.0
// What waits until the next event: memory that aten::empty handed out, and what happened while the
// engine or a kernel was at work.
//
// Some code fills the memory of aten::empty through the raw pointer (torch.tensor does), unseen.
// So its result has a recipe only if the very next operator overwrites all of it.
#include "scope.h"

namespace dtr {

// How the operator treats that memory: it fills it from nothing else, overwrites it with what it
// computes from other tensors, or anything else.
Scope::Use Scope::use_of_pending(const Operator& op, c10::ArrayRef<c10::IValue> arguments) const {
  if (!op.overwrites) return Use::other;
  bool overwritten = false, read = false, others = false;
  for_each_tensor(op, arguments, [&](const at::Tensor& tensor, size_t argument) {
    if (!tensor.defined()) return;
    if (!tensor.has_storage() || tensor.storage().unsafeGetStorageImpl() != pending_output_.storage) {
      others = true;
      return;
    }
    const bool all = tensor.numel() * static_cast<Bytes>(tensor.itemsize()) == pending_output_.size;
    (op.writes[argument] && all && tensor.is_non_overlapping_and_dense() ? overwritten : read) = true;
  });
  if (!overwritten || read) return Use::other;
  return others ? Use::overwrites : Use::fills;
}

// A call that fills it takes it over as its own result: nothing has to be made room for in between.
void Scope::resolve_pending(Call& call, c10::ArrayRef<c10::IValue> arguments) {
  const Use use = use_of_pending(*call.known, arguments);
  if (use != Use::fills) return close_pending(use == Use::overwrites);
  call.created = pending_output_;
  const std::unique_ptr<Call> pending = std::move(pending_);
  pending_output_ = {};
  blocks_.clear();
  piece(-call.created.size);
  commit(*pending, {});
}

// The memory is the call's.
void Scope::fill(Call& call) {
  engine_.allocate(call.created.size);
  recorder_.piece(call.created.size);
  memory_.find(call.created.data)->owner = kCall;
  blocks_.push_back(call.created.data);
}

void Scope::close_pending(bool recoverable) {
  const std::unique_ptr<Call> call = std::move(pending_);
  const Output output = pending_output_;
  pending_output_ = {};
  if (recoverable) {
    commit(*call, {output});
  } else {
    memory_.find(output.data)->owner = kCall;
    commit(*call, {});
  }
}

// Brings the books up to date.
void Scope::settle() {
  tidy();
  while (!unclaimed_.empty()) {
    void* data = unclaimed_.front();
    constant(memory_.find(data)->size, data);
    unclaimed_.erase(unclaimed_.begin());
  }
}

// As far as that takes no room.
void Scope::tidy() {
  if (pending_) close_pending(false);
  if (device_) {
    find_dead(older_suspects_);
    find_dead(suspects_);
  }
  if (!foreign_.empty()) let_go_foreign();
  bury_dead();
}

// Memory that only recipes hold.
void Scope::let_go_foreign() {
  for (auto foreign = foreign_.begin(); foreign != foreign_.end();) {
    Node& held = *nodes_[foreign->second];
    if (held.foreign.use_count() > 1) {
      ++foreign;
    } else {
      foreign = foreign_.erase(foreign);
      held.client = nullptr;
      held.handle = false;
      deaths_.push_back(held.id);
    }
  }
}

}  // namespace dtr
