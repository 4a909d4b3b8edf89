// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a scope live: a book of the blocks that are live and whom they belong to, and
// what can be done with their bytes. One for torch's CPU allocator (ledger.h), one for a device's (device.h).
#pragma once

#include <c10/core/Storage.h>
#include <c10/util/flat_hash_map.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "../core/engine.h"

namespace dtr {

// Whose a block is: a storage of the scope (its id), or one of these.
constexpr StorageId kNobody = -1;   // asked for outside every scope
constexpr StorageId kCall = -2;     // asked for by the call under way, not yet bound
constexpr StorageId kInternal = -3; // a copy that the runtime made for itself

struct Block {
  Bytes size;
  StorageId owner;
  int64_t sequence;  // order of allocation
};

class Memory {
 public:
  virtual ~Memory() = default;

  c10::Device device() const { return device_; }
  // The lock on the book, on the scope's engine and on all that they share.
  std::recursive_mutex& mutex() { return mutex_; }

  // Everything below expects the lock to be held.
  Bytes live() const { return live_; }
  Block* find(void* data) {
    auto found = blocks_.find(data);
    return found == blocks_.end() ? nullptr : &found->second;
  }
  // All blocks, oldest first.
  std::vector<std::pair<void*, Block>> blocks() const {
    std::vector<std::pair<void*, Block>> all(blocks_.begin(), blocks_.end());
    std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.second.sequence < b.second.sequence; });
    return all;
  }

  // Memory that nobody is asked for: the caller has accounted for it.
  virtual void* take(Bytes size, StorageId owner) = 0;
  // Of a block that no storage points to.
  virtual void free(void* data) = 0;
  // A storage without bytes gets those of a block, which are freed with it from now on.
  virtual void give(void* data, c10::StorageImpl&) = 0;
  // A storage loses its bytes, which stay in the book.
  virtual void withdraw(c10::StorageImpl&) = 0;
  // A block's bytes as an argument for an operator.
  virtual c10::Storage view(void* data, Bytes size) = 0;
  virtual void copy(void* to, const void* from, Bytes size) = 0;
  // Equal bytes have equal prints.
  virtual uint64_t print(const void* data, Bytes size) = 0;

 protected:
  explicit Memory(c10::Device device) : device_(device) {}
  void enter(void* data, Bytes size, StorageId owner) {
    blocks_[data] = Block{size, owner, sequence_++};
    live_ += size;
  }
  void strike(void* data) {
    auto found = blocks_.find(data);
    live_ -= found->second.size;
    blocks_.erase(found);
  }

 private:
  const c10::Device device_;
  std::recursive_mutex mutex_;
  ska::flat_hash_map<void*, Block> blocks_;
  Bytes live_ = 0;
  int64_t sequence_ = 0;
};

}  // namespace dtr
