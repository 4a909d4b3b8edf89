// SPDX-License-Identifier: Apache-2.0
// Rematerialization on real tensors: one call of a storage's chain, run again on the bytes and
// under the settings that it saw the first time.
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/ScopeExit.h>

#include "interpose.h"
#include "scope.h"

namespace dtr {

namespace {

// The generator has the recorded state while it lives, and the present one again afterwards.
class RandomGuard {
 public:
  explicit RandomGuard(const Record& record) : generator_(record.generator) {
    if (!record.random) return;
    before_ = snapshot(generator_, nullptr);
    restore(generator_, *record.random);
  }
  ~RandomGuard() {
    if (before_) restore(generator_, *before_);
  }
  RandomGuard(const RandomGuard&) = delete;
  RandomGuard& operator=(const RandomGuard&) = delete;

 private:
  at::Generator generator_;
  std::shared_ptr<const RandomState> before_;
};

}  // namespace

void Scope::replay(CallId, StorageId target, int32_t stage) {
  const Record& record = *node(target).chain[stage];
  std::vector<c10::Storage> storages;
  replaying_ = true;
  const auto done = c10::make_scope_exit([&] { replaying_ = false; });
  try {
    for (size_t slot = 0; slot < record.inputs.size(); ++slot) {
      const Version version = record.inputs[slot];  // which may outlive its storage, as a kept copy
      const Bytes bytes = size(version);
      const bool written = std::find(record.writes.begin(), record.writes.end(), slot) != record.writes.end();
      if (version.storage == target) {
        storages.push_back(memory_.view(rebuilt_.at(target), bytes));
      } else if (written && bytes > 0) {
        copies_.push_back(obtain(bytes, kInternal));
        memory_.copy(copies_.back(), data(version), bytes);
        storages.push_back(memory_.view(copies_.back(), bytes));
      } else {
        storages.push_back(memory_.view(data(version), bytes));
      }
    }
    if (record.created > 0) {
      blocks_.push_back(obtain(record.created, kCall));
      storages.push_back(memory_.view(blocks_.back(), record.created));
    }
    rerun(record, storages);
  } catch (...) {
    release_copies();
    release_blocks();
    throw;
  }
  release_copies();
  for (size_t i = 0; stage == 0 && i < record.outputs.size(); ++i)
    if (record.outputs[i] == target) rebuilt_[target] = std::exchange(replayed_[i], nullptr);
  if (verify_) verify(node(target), stage, rebuilt_.at(target));
}

// Runs the call and leaves its new storages' memory in `replayed_`.
void Scope::rerun(const Record& record, const std::vector<c10::Storage>& storages) {
  Outputs fresh;
  replayed_.clear();
  {
    PhaseGuard running(*this, Phase::running);
    torch::jit::Stack stack = record.arguments.stack(storages);
    {
      auto plain = c10::impl::tls_local_dispatch_key_set();  // whatever transforms and modes are in force
      plain.included_ = c10::default_included_set;
      plain.excluded_ = plain.excluded_ | c10::autograd_dispatch_keyset_with_ADInplaceOrView | c10::python_ks;
      c10::impl::ForceDispatchKeyGuard keys(plain);
      NumericsGuard numerics(*record.numerics, device_ != nullptr);
      RandomGuard random(record);
      const auto kernel = [&] { launch(*record.op, *record.known, record.keys, &stack); };
      if (record.hasty) ask_for_a_byte();
      device_ ? rerun_on_device(record, &stack, kernel) : kernel();
    }
    fresh = outputs(torch::jit::last(stack, record.known->results), {});
    for (const Output& output : fresh) {
      memory_.withdraw(*output.storage);
      blocks_.erase(std::find(blocks_.begin(), blocks_.end(), output.data));
    }
  }
  release_blocks();
  for (const Output& output : fresh) replayed_.push_back(output.data);
  bool same = fresh.size() == record.outputs.size();
  for (size_t i = 0; same && i < fresh.size(); ++i) same = fresh[i].size == record.sizes[i];
  if (!same) failures.nondeterministic(record.known->name, "it returns other storages when called again");
}

void Scope::release_copies() {
  for (void* copy : copies_) {
    engine_.free(memory_.find(copy)->size);
    memory_.free(copy);
  }
  copies_.clear();
}

void Scope::take(CallId, int32_t output, StorageId id) {
  if (verify_) verify(node(id), 0, replayed_[output]);
  attach(node(id), std::exchange(replayed_[output], nullptr));
}

void Scope::discard(CallId, int32_t output) {
  void* data = std::exchange(replayed_[output], nullptr);
  engine_.free(memory_.find(data)->size);
  memory_.free(data);
}

void Scope::finish(StorageId target) {
  auto rebuilt = rebuilt_.find(target);
  attach(node(target), rebuilt->second);
  rebuilt_.erase(rebuilt);
}

void Scope::cancel(StorageId target) {
  for (size_t i = 0; i < replayed_.size(); ++i)
    if (replayed_[i]) discard(0, static_cast<int32_t>(i));
  auto rebuilt = rebuilt_.find(target);
  if (rebuilt == rebuilt_.end()) return;
  engine_.free(memory_.find(rebuilt->second)->size);
  memory_.free(rebuilt->second);
  rebuilt_.erase(rebuilt);
}

}  // namespace dtr
