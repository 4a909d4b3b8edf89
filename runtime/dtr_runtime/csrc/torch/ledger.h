// SPDX-License-Identifier: Apache-2.0
// The ledger: torch's CPU allocator with a book of what is live and whom it belongs to.
// Installed once for the process; without a scope it only counts. The memory itself comes from
// torch's default allocator, so that the profiler sees every byte.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/StorageImpl.h>

#include "memory.h"
#include "slab.h"

namespace dtr {

// The one who is asked before memory is handed out, and told when it comes back.
class Keeper {
 public:
  virtual ~Keeper() = default;
  // Makes room for `size` bytes and says whose they will be; throws if there is none.
  virtual StorageId request(Bytes size) = 0;
  // What is asked for now, if it is a few bytes, comes from memory set aside, and nobody is asked.
  virtual bool small_change() const = 0;
  virtual void obtained(void*, const Block&) = 0;
  // The default allocator failed after `request`; may raise what it raised.
  virtual void refused(const Block&) = 0;
  // The client gave the block back. True: the keeper wants its bytes to live on.
  virtual bool returned(void*, const Block&) = 0;
};

class Ledger final : public c10::Allocator, public Memory {
 public:
  static Ledger& instance();  // installs itself on first use; lives as long as the process

  // Allocator
  c10::DataPtr allocate(size_t size) override;
  c10::DeleterFnPtr raw_deleter() const override;
  void copy_data(void* to, const void* from, size_t count) const override;

  // Memory
  void* take(Bytes size, StorageId owner) override;
  void free(void* data) override;
  void give(void* data, c10::StorageImpl&) override;
  void withdraw(c10::StorageImpl&) override;
  c10::Storage view(void* data, Bytes size) override;
  void copy(void* to, const void* from, Bytes size) override;
  uint64_t print(const void* data, Bytes size) override;

  // With the lock held.
  void set_keeper(Keeper* keeper) { keeper_ = keeper; }
  // Enters the bytes of a storage that torch's default allocator handed out before the ledger was
  // installed; false if they came from elsewhere.
  bool adopt(c10::StorageImpl&, StorageId owner);

 private:
  Ledger();
  static void give_back(void* data);
  // Memory of the ledger as a storage's data pointer.
  c10::DataPtr pointer(void* data) const;

  c10::Allocator* source_;
  Keeper* keeper_ = nullptr;
  Slab slab_;
};

}  // namespace dtr
