// SPDX-License-Identifier: Apache-2.0
// The ledger: torch's CPU allocator with a book of what is live and whom it belongs to.
// Installed once for the process; without a scope it only counts. The memory itself comes from
// torch's default allocator, so that the profiler sees every byte.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/StorageImpl.h>
#include <c10/util/flat_hash_map.h>

#include <mutex>
#include <vector>

#include "../core/engine.h"
#include "slab.h"

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

// The one who is asked before memory is handed out, and told when it comes back.
class Keeper {
 public:
  virtual ~Keeper() = default;
  // Makes room for `size` bytes and says whose they will be; throws if there is none.
  virtual StorageId request(Bytes size) = 0;
  // What is asked for now is scratch of a call that overwrites in place.
  virtual bool overwriting() const = 0;
  virtual void obtained(void*, const Block&) = 0;
  // The default allocator failed after `request`.
  virtual void refused(const Block&) = 0;
  // The client gave the block back. True: the keeper wants its bytes to live on.
  virtual bool returned(void*, const Block&) = 0;
};

class Ledger final : public c10::Allocator {
 public:
  static Ledger& instance();  // installs itself on first use; lives as long as the process

  c10::DataPtr allocate(size_t size) override;
  c10::DeleterFnPtr raw_deleter() const override;
  void copy_data(void* to, const void* from, size_t count) const override;

  // The lock on the book, on the scope's engine and on all that they share.
  std::recursive_mutex& mutex() { return mutex_; }
  // Everything below expects the lock to be held.
  void set_keeper(Keeper* keeper) { keeper_ = keeper; }
  Bytes live() const { return live_; }
  Block* find(void* data);
  // All blocks, oldest first.
  std::vector<std::pair<void*, Block>> blocks() const;
  // Memory that nobody is asked for: the caller has accounted for it.
  void* take(Bytes size, StorageId owner);
  void free(void* data);
  // Enters the bytes of a storage that torch's default allocator handed out before the ledger was
  // installed; false if they came from elsewhere.
  bool adopt(c10::StorageImpl&, StorageId owner);
  // Memory of the ledger as a storage's data pointer.
  c10::DataPtr pointer(void* data) const;

 private:
  Ledger();
  static void give_back(void* data);

  std::recursive_mutex mutex_;
  c10::Allocator* source_;
  Keeper* keeper_ = nullptr;
  ska::flat_hash_map<void*, Block> blocks_;
  Bytes live_ = 0;
  int64_t sequence_ = 0;
  Slab slab_;
};

}  // namespace dtr
