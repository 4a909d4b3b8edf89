// SPDX-License-Identifier: Apache-2.0
// Entering and leaving a scope.
#include "scope.h"

#include <limits>
#include <set>

#include "../core/policy.h"
#include "turn.h"

namespace dtr {

Failures failures{};

Scope::Scope(
    Bytes budget, std::unique_ptr<Policy> policy, Deallocation deallocation, Clock clock, bool verify, bool record,
    std::unique_ptr<DeviceMemory> device)
    : device_(std::move(device)),
      memory_(device_ ? static_cast<Memory&>(*device_) : Ledger::instance()),
      engine_(*this, budget, std::move(policy), deallocation),
      recorder_(record),
      clock_(clock),
      verify_(verify) {
  engine_.set_recording(record);
}

Scope::~Scope() = default;

void Scope::enter() {
  const auto lock = turn(memory_.mutex());
  TORCH_CHECK(nodes_.empty(), "a budget is entered once; make another one for another scope");
  try {
    within_budget("what is already allocated when the scope begins", [&] {
      if (device_) return enter_device();
      const Bytes all = memory_.live(), budget = engine_.budget();
      if (all > budget) throw OutOfMemory(all, 0, 0, 0, 0, budget);
      for (const auto& [data, block] : memory_.blocks()) constant(block.size, data);
    });
  } catch (...) {
    disown();
    throw;
  }
  if (!device_) Ledger::instance().set_keeper(this);
  active_ = true;
}

void Scope::leave() {
  const auto one_at_a_time = turn(serial_mutex_);
  const auto lock = turn(memory_.mutex());
  where_ = "what is alive when the scope ends";
  std::exception_ptr failure;
  const auto insist = [&](const auto& act) {
    for (bool lifted = failure != nullptr;; lifted = true) {
      try {
        return act();
      } catch (...) {
        if (!failure) failure = std::current_exception();
        if (lifted) return;  // one that no budget helps
        recorder_.stop();
        engine_.set_budget(std::numeric_limits<Bytes>::max());
      }
    }
  };
  insist([&] { settle(); });
  if (device_) find_dead(living_);
  for (size_t id = 0; id < nodes_.size(); ++id)
    if (nodes_[id] && nodes_[id]->handle && engine_.recoverable(static_cast<StorageId>(id)))
      insist([&] { pin(static_cast<StorageId>(id)); });
  active_ = false;
  if (!device_) Ledger::instance().set_keeper(nullptr);
  disown();
  if (failure) within_budget(where_, [&] { std::rethrow_exception(failure); });
}

void Scope::pin(StorageId id) {
  recorder_.pin(id);
  PhaseGuard deciding(*this, Phase::deciding);
  engine_.pin(id, id);
}

void Scope::pin_all(c10::ArrayRef<StorageId> ids) {
  for (StorageId id : ids)
    if (engine_.recoverable(id)) pin(id);
}

// The client's storages whose recipes read this one, be it through storages that are no longer the client's.
void Scope::pin_computed_from(StorageId source) {
  std::set<StorageId> met;
  std::vector<StorageId> pending{source}, found;
  while (!pending.empty()) {
    const StorageId id = pending.back();
    pending.pop_back();
    for (StorageId reader : engine_.readers(id))
      if (met.insert(reader).second) (node(reader).handle ? found : pending).push_back(reader);
  }
  std::sort(found.begin(), found.end());
  pin_all(found);
}

void Scope::expose(c10::StorageImpl& storage) {
  pin(storage);
  const auto one_at_a_time = turn(serial_mutex_);
  const auto lock = turn(memory_.mutex());
  if (!active_ || phase_ != Phase::idle) return;
  Node* node = find(&storage);
  if (!node || node->exposed) return;
  within_budget("an access to a tensor's bytes", [&] { pin_computed_from(node->id); });
  node->exposed = true;
}

void Scope::pin(c10::StorageImpl& storage) {
  const auto one_at_a_time = turn(serial_mutex_);
  const auto lock = turn(memory_.mutex());
  if (!active_ || phase_ != Phase::idle) return;
  within_budget("dtr_runtime.pin", [&] {
    settle();
    Node* node = find(&storage);
    if (node && engine_.recoverable(node->id)) pin(node->id);
  });
}

// The client's blocks are nobody's again; what only recipes needed is freed.
void Scope::disown() {
  if (device_) return disown_device();
  for (Node* node : nodes_) {
    if (!node) continue;
    if (node->handle && !node->data && node->size > 0) keep_wreck(*node);
    if (node->data && !node->foreign) {
      if (node->handle) {
        memory_.find(node->data)->owner = kNobody;
      } else {
        memory_.free(node->data);
      }
    }
    node->foreign = {};
    unchain(*node);
  }
  for (const auto& [version, copy] : kept_) memory_.free(copy);
  kept_.clear();
  foreign_.clear();
}

}  // namespace dtr
