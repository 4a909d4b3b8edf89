// SPDX-License-Identifier: Apache-2.0
#include "ledger.h"

#include <c10/core/CPUAllocator.h>

#include <algorithm>

#include "turn.h"

namespace dtr {

Ledger& Ledger::instance() {
  static Ledger* ledger = new Ledger();  // outlives every tensor
  return *ledger;
}

Ledger::Ledger() : source_(c10::GetDefaultCPUAllocator()), slab_(take(Slab::kBytes, kNobody)) {
  TORCH_CHECK(
      c10::GetCPUAllocator() == source_,
      "dtr_runtime needs torch's default CPU allocator, but another one has been installed");
  c10::SetCPUAllocator(this);
}

c10::DataPtr Ledger::allocate(size_t size) {
  if (size == 0) return source_->allocate(0);
  const auto lock = turn(mutex_);
  if (size <= Slab::kSlot && keeper_ && keeper_->overwriting())
    if (void* slot = slab_.take()) return pointer(slot);
  Block block{static_cast<Bytes>(size), keeper_ ? keeper_->request(size) : kNobody, 0};
  void* data;
  try {
    data = take(block.size, block.owner);
  } catch (...) {
    if (keeper_) keeper_->refused(block);
    throw;
  }
  if (keeper_) keeper_->obtained(data, block);
  return pointer(data);
}

c10::DeleterFnPtr Ledger::raw_deleter() const { return &Ledger::give_back; }

void Ledger::copy_data(void* to, const void* from, size_t count) const { default_copy_data(to, from, count); }

Block* Ledger::find(void* data) {
  auto found = blocks_.find(data);
  return found == blocks_.end() ? nullptr : &found->second;
}

std::vector<std::pair<void*, Block>> Ledger::blocks() const {
  std::vector<std::pair<void*, Block>> all(blocks_.begin(), blocks_.end());
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.second.sequence < b.second.sequence; });
  return all;
}

void* Ledger::take(Bytes size, StorageId owner) {
  void* data = source_->raw_allocate(size);
  blocks_[data] = Block{size, owner, sequence_++};
  live_ += size;
  return data;
}

void Ledger::free(void* data) {
  auto found = blocks_.find(data);
  live_ -= found->second.size;
  blocks_.erase(found);
  source_->raw_deallocate(data);
}

bool Ledger::adopt(c10::StorageImpl& storage, StorageId owner) {
  c10::DataPtr& pointer = storage._mutable_data_ptr_no_checks();
  if (!pointer.compare_exchange_deleter(source_->raw_deleter(), &Ledger::give_back)) return false;
  blocks_[pointer.get()] = Block{static_cast<Bytes>(storage.nbytes()), owner, sequence_++};
  live_ += static_cast<Bytes>(storage.nbytes());
  return true;
}

c10::DataPtr Ledger::pointer(void* data) const {
  return {data, data, &Ledger::give_back, c10::Device(c10::DeviceType::CPU)};
}

void Ledger::give_back(void* data) {
  if (data == nullptr) return;
  Ledger& ledger = instance();
  const auto lock = turn(ledger.mutex_);
  if (ledger.slab_.give_back(data)) return;
  Block* block = ledger.find(data);
  if (ledger.keeper_ && block->owner != kNobody && ledger.keeper_->returned(data, Block(*block))) return;
  ledger.free(data);
}

}  // namespace dtr
