// SPDX-License-Identifier: Apache-2.0
// What waits until the next event: memory that aten::empty handed out, and what happened while the
// engine or a kernel was at work.
//
// Some code fills the memory of aten::empty through the raw pointer (torch.tensor does), unseen.
// So its result has a recipe only if the very next operator overwrites all of it.
#include "scope.h"

namespace dtr {

bool Scope::continues_pending(const Operator& op, c10::ArrayRef<c10::IValue> arguments) {
  if (!op.overwrites) return false;
  bool overwritten = false, read = false;
  for_each_tensor(op, arguments, [&](const at::Tensor& tensor, size_t argument) {
    if (!tensor.defined() || !tensor.has_storage()) return;
    if (tensor.storage().unsafeGetStorageImpl() != pending_output_.storage) return;
    const bool all = tensor.numel() * static_cast<Bytes>(tensor.itemsize()) == pending_output_.size;
    (op.writes[argument] && all && tensor.is_non_overlapping_and_dense() ? overwritten : read) = true;
  });
  return overwritten && !read;
}

void Scope::close_pending(bool recoverable) {
  const std::unique_ptr<Call> call = std::move(pending_);
  const Output output = pending_output_;
  pending_output_ = {};
  if (recoverable) {
    commit(*call, {output});
  } else {
    ledger_.find(output.data)->owner = kCall;
    commit(*call, {});
  }
}

void Scope::settle() {
  if (pending_) close_pending(false);
  while (!unclaimed_.empty()) {
    void* data = unclaimed_.back();
    unclaimed_.pop_back();
    constant(ledger_.find(data)->size, data);
  }
  for (size_t i = 0; i < deaths_.size(); ++i)
    if (Node* dead = nodes_[deaths_[i]].get()) die(*dead);
  deaths_.clear();
}

}  // namespace dtr
