// SPDX-License-Identifier: Apache-2.0
#include "ledger.h"

#include <c10/core/CPUAllocator.h>

#include <cstring>

#include "fingerprint.h"
#include "turn.h"

namespace dtr {

Ledger& Ledger::instance() {
  static Ledger* ledger = new Ledger();  // outlives every tensor
  return *ledger;
}

Ledger::Ledger()
    : Memory(c10::Device(c10::DeviceType::CPU)),
      source_(c10::GetDefaultCPUAllocator()),
      slab_(take(Slab::kBytes, kNobody)) {
  TORCH_CHECK(
      c10::GetCPUAllocator() == source_,
      "dtr_runtime needs torch's default CPU allocator, but another one has been installed");
  c10::SetCPUAllocator(this);
}

c10::DataPtr Ledger::allocate(size_t size) {
  if (size == 0) return source_->allocate(0);
  const auto lock = turn(mutex());
  if (size <= Slab::kSlot && keeper_ && keeper_->small_change())
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

void* Ledger::take(Bytes size, StorageId owner) {
  void* data = source_->raw_allocate(size);
  enter(data, size, owner);
  return data;
}

void Ledger::free(void* data) {
  strike(data);
  source_->raw_deallocate(data);
}

void Ledger::give(void* data, c10::StorageImpl& storage) {
  storage._mutable_data_ptr_no_checks() = pointer(data);
}

void Ledger::withdraw(c10::StorageImpl& storage) { storage._mutable_data_ptr_no_checks().release_context(); }

c10::Storage Ledger::view(void* data, Bytes size) {
  c10::DataPtr borrowed(data, data, [](void*) {}, device());
  return {c10::Storage::use_byte_size_t(), static_cast<size_t>(size), std::move(borrowed), nullptr, false};
}

void Ledger::copy(void* to, const void* from, Bytes size) { std::memcpy(to, from, size); }

uint64_t Ledger::print(const void* data, Bytes size) { return fingerprint(data, size); }

bool Ledger::adopt(c10::StorageImpl& storage, StorageId owner) {
  c10::DataPtr& pointer = storage._mutable_data_ptr_no_checks();
  if (!pointer.compare_exchange_deleter(source_->raw_deleter(), &Ledger::give_back)) return false;
  enter(pointer.get(), static_cast<Bytes>(storage.nbytes()), owner);
  return true;
}

c10::DataPtr Ledger::pointer(void* data) const {
  return {data, data, &Ledger::give_back, device()};
}

void Ledger::give_back(void* data) {
  if (data == nullptr) return;
  Ledger& ledger = instance();
  const auto lock = turn(ledger.mutex());
  if (ledger.slab_.give_back(data)) return;
  Block* block = ledger.find(data);
  if (ledger.keeper_ && block->owner != kNobody && ledger.keeper_->returned(data, Block(*block))) return;
  ledger.free(data);
}

}  // namespace dtr
