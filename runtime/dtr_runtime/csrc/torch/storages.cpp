// SPDX-License-Identifier: Apache-2.0
// Storages: how the scope knows them, how they lose and regain their bytes, how they die.
#include "scope.h"

#include <algorithm>
#include <cstring>

#include "turn.h"

namespace dtr {

namespace {

const std::string kEvicted =
    "this tensor's bytes have been evicted under dtr_runtime.budget and this access bypasses the operators "
    "that would bring them back; call dtr_runtime.pin(tensor) first, or leave the budget's scope";

const std::string kLost =
    "this tensor's bytes are lost: they were evicted under dtr_runtime.budget, and could not be computed again when "
    "its scope ended";

// Scopes that could not bring everything back; never destroyed, as some tensors outlive all statics.
auto& wrecks = *new std::vector<std::shared_ptr<Scope>>();

}  // namespace

Node& Scope::add(StorageId id, Bytes size, void* data) {
  if (static_cast<size_t>(id) >= nodes_.size()) nodes_.resize(id + 1);
  if (spare_nodes_.empty()) spare_nodes_.push_back(&node_arena_.extend());
  Node& node = *spare_nodes_.back();
  spare_nodes_.pop_back();
  nodes_[id] = &node;
  node.scope = this;
  node.id = id;
  node.size = size;
  node.data = data;
  node.client = nullptr;
  node.handle = true;
  node.version = 0;
  node.serial = 0;
  node.exposed = false;
  if (data) memory_.find(data)->owner = id;
  if (device_ && data) {
    node.client = device_->holder(data).unsafeGetStorageImpl();
    living_.push_back(id);
  }
  return node;
}

// Memory that exists already and has no recipe.
Node& Scope::constant(Bytes size, void* data) {
  PhaseGuard deciding(*this, Phase::deciding);
  StorageId id;
  try {
    id = engine_.constant(size);
  } catch (...) {
    recorder_.constant(static_cast<StorageId>(nodes_.size()), size);  // which would have been its number
    recorder_.stop();
    throw;
  }
  recorder_.constant(id, size);
  return add(id, size, data);
}

// The node of a storage, or null if it has no bytes.
Node* Scope::find(c10::StorageImpl* storage) {
  c10::DataPtr& pointer = storage->_mutable_data_ptr_no_checks();
  if (pointer.get() == nullptr) {
    if (!evicted(*storage)) return nullptr;
    Node* node = static_cast<Node*>(pointer.get_context());
    TORCH_CHECK(node->scope == this, kLost);
    return node;
  }
  if (Block* block = memory_.find(pointer.get())) {
    if (block->owner == kNobody) constant(block->size, pointer.get());
    Node& node = *nodes_[block->owner];
    node.client = storage;
    return &node;
  }
  if (pointer.device() != memory_.device() || storage->nbytes() == 0) return nullptr;
  if (device_) return &adopt(*storage);
  if (auto known = foreign_.find(storage); known != foreign_.end()) return nodes_[known->second];
  const Bytes size = static_cast<Bytes>(storage->nbytes());
  if (Ledger::instance().adopt(*storage, kNobody)) {
    Node& node = constant(size, pointer.get());
    node.client = storage;
    return &node;
  }
  Node& node = constant(size, nullptr);
  node.data = pointer.get();
  node.exposed = true;
  node.foreign = c10::Storage(c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(storage));
  foreign_[storage] = node.id;
  return &node;
}

Scope::Random& Scope::random(const at::Generator& generator) {
  for (const auto& known : generators_)
    if (known->generator == generator) return *known;
  generators_.push_back(std::make_unique<Random>(Random{generator, constant(0, nullptr).id, nullptr}));
  return *generators_.back();
}

bool Scope::small_change() const {
  return phase_ == Phase::deciding || (phase_ == Phase::running && kernel_->in_place);
}

StorageId Scope::request(Bytes size) {
  switch (phase_) {
    case Phase::running:
      piece(size);
      return kCall;
    case Phase::deciding:
      TORCH_CHECK(
          false, "a heuristic asks for a tensor of ", size,
          " bytes while memory is full; it may make tensors of up to ", Slab::kSlot,
          " bytes, and use numbers that are no tensors for everything else");
    case Phase::idle: {
      return within_budget("an allocation outside every operator", [&] {
        settle();
        return constant(size, nullptr).id;
      });
    }
  }
  return kNobody;
}

void Scope::obtained(void* data, const Block& block) {
  if (block.owner == kCall) {
    blocks_.push_back(data);
    // Kernels leave gaps (padding, workspaces) unwritten: fingerprints must not see what was there before.
    if (verify_) std::memset(data, 0, block.size);
  } else if (block.owner == kInternal) {
    unclaimed_.push_back(data);
  } else {
    node(block.owner).data = data;
  }
}

void Scope::refused(const Block& block) {
  if (block.owner == kCall) {
    piece(-block.size);
    refuse();
  } else if (block.owner >= 0) {
    die(node(block.owner));
  }
}

bool Scope::returned(void* data, const Block& block) {
  StorageId owner = block.owner;
  if (pending_ && pending_output_.data == data) {
    tidy();
    owner = memory_.find(data)->owner;
  }
  if (owner == kCall) {
    piece(-block.size);
    blocks_.erase(std::find(blocks_.rbegin(), blocks_.rend(), data).base() - 1);
    return false;
  }
  if (owner < 0) {
    unclaimed_.erase(std::remove(unclaimed_.begin(), unclaimed_.end(), data), unclaimed_.end());
    return false;
  }
  died(node(owner));
  return true;
}

// The client's storage is gone; its bytes, if it has any, are the node's.
void Scope::on_death(void* dead) {
  Node& node = *static_cast<Node*>(dead);
  const auto lock = turn(node.scope->memory_.mutex());
  node.scope->died(node);
}

void Scope::died(Node& node) {
  node.client = nullptr;
  node.handle = false;
  deaths_.push_back(node.id);
  if (active_ && phase_ == Phase::idle) tidy();  // makes no room: must not throw
}

bool Scope::evicted(c10::StorageImpl& storage) {
  return storage._mutable_data_ptr_no_checks().get_deleter() == &Scope::on_death;
}

// What could not be brought back stays evicted, and still tells us when it dies.
void Scope::keep_wreck(Node& lost) {
  if (wrecks.empty() || wrecks.back().get() != this) wrecks.push_back(shared_from_this());
  lost.client->release_data_and_set_meta_custom_data_ptr_error_msg_(kLost);
}

void Scope::die(Node& node) {
  recorder_.release(node.id);
  PhaseGuard deciding(*this, Phase::deciding);
  engine_.release(node.id, node.id);
}

void Scope::evict(StorageId id) {
  Node& victim = node(id);
  if (!victim.data) return;  // an operator has given it away
  if (device_) victim.held = device_->holder(victim.data);
  if (victim.client) memory_.withdraw(*victim.client);
  memory_.free(victim.data);
  victim.data = nullptr;
  if (!victim.client) return;
  victim.client->_mutable_data_ptr_no_checks() =
      c10::DataPtr(nullptr, &victim, &Scope::on_death, memory_.device());
  victim.client->release_data_and_set_meta_custom_data_ptr_error_msg_(kEvicted);
}

// Evicted no longer: every tensor of the storage sees the bytes.
void Scope::attach(Node& node, void* data) {
  node.data = data;
  memory_.find(data)->owner = node.id;
  if (!node.client) return;
  node.client->_mutable_data_ptr_no_checks().release_context();
  memory_.give(data, *node.client);
  node.held = {};
  node.client->clear_data_ptr_access_error_msg_();
}

// A call more that computes the storage.
void Scope::link(Node& node, Record* record) {
  node.chain.push_back(record);
  if (verify_) node.prints.push_back(node.data ? memory_.print(node.data, node.size) : 0);
}

// What a call of the chain has left is what it left at first. What it read is: that has been verified itself.
void Scope::verify(const Node& node, size_t stage, const void* data) {
  if (memory_.print(data, node.size) == node.prints[stage]) return;
  failures.nondeterministic(node.chain[stage]->known->name, "its result has other bits when computed again");
}

void Scope::collect(StorageId id) {
  Node& gone = node(id);
  unchain(gone);
  if (device_ && gone.data && gone.client && !device_->owns(*gone.client)) foreign_bytes_ -= gone.size;
  if (gone.data && !gone.foreign) memory_.free(gone.data);
  gone.foreign = {};
  if (gone.held) gone.client->_mutable_data_ptr_no_checks().release_context();
  gone.held = {};
  spare_nodes_.push_back(&gone);
  nodes_[id] = nullptr;
}

void Scope::forget(StorageId id) {
  if (static_cast<size_t>(id) < nodes_.size() && nodes_[id]) unchain(node(id));
}

void Scope::unchain(Node& node) {
  for (Record* record : node.chain)
    if (--record->users == 0) recycle(record);
  node.chain.clear();
  node.prints.clear();
}

Record* Scope::recycled() {
  if (spare_records_.empty()) return &record_arena_.extend();
  Record* record = spare_records_.back();
  spare_records_.pop_back();
  return record;
}

void Scope::recycle(Record* record) {
  record->arguments.clear();
  record->inputs.clear();
  record->writes.clear();
  record->outputs.clear();
  record->sizes.clear();
  record->created = 0;
  record->pieces.clear();
  if (record->random) record->generator = {};
  record->random.reset();
  record->users = 0;
  spare_records_.push_back(record);
}

void Scope::keep(Version version) {
  Node& source = node(version.storage);
  if (source.size == 0) return;
  void* copy = memory_.take(source.size, kInternal);
  memory_.copy(copy, source.data, source.size);
  kept_[{version.storage, version.number}] = copy;
}

void Scope::drop(Version version) {
  auto kept = kept_.find({version.storage, version.number});
  if (kept == kept_.end()) return;
  memory_.free(kept->second);
  kept_.erase(kept);
}

// Memory that the engine is asked for first.
void* Scope::obtain(Bytes size, StorageId owner) {
  engine_.allocate(size);
  try {
    return memory_.take(size, owner);
  } catch (...) {
    engine_.free(size);
    throw;
  }
}

void* Scope::data(Version version) {
  const auto kept = kept_.find({version.storage, version.number});
  return kept == kept_.end() ? node(version.storage).data : kept->second;
}

Bytes Scope::size(Version version) {
  const auto kept = kept_.find({version.storage, version.number});
  return kept == kept_.end() ? node(version.storage).size : memory_.find(kept->second)->size;
}

}  // namespace dtr
