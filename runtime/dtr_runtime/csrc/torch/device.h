// SPDX-License-Identifier: Apache-2.0
// A device's memory: torch's own caching allocator, which is asked for nothing but its statistics, and
// a book of the storages that hold its blocks. Written for any device with a c10::DeviceAllocator; CUDA is one.
//
// A block stays in the data pointer that the allocator made, within a storage: the allocator recognizes its
// pointers by their deleter (recordStream ignores all others), so they are never taken apart. The book holds a
// reference to each such storage; where it is the only one left, the client's last tensor is gone.
#pragma once

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Stream.h>

#include "memory.h"

namespace dtr {

// The allocator's statistics, in bytes.
struct Reading {
  Bytes allocated;      // now; what the budget bounds
  Bytes peak;           // the most at once since the scope began
  Bytes total;          // all that was ever handed out
  Bytes most_reserved;  // from the device, cache and fragmentation included
};

class DeviceMemory final : public Memory {
 public:
  // Throws c10::Error if the device has no allocator with statistics.
  explicit DeviceMemory(c10::Device);

  // Memory
  void* take(Bytes size, StorageId owner) override;
  void free(void* data) override;
  void give(void* data, c10::StorageImpl&) override;
  void withdraw(c10::StorageImpl&) override;
  c10::Storage view(void* data, Bytes size) override;
  void copy(void* to, const void* from, Bytes size) override;
  uint64_t print(const void* data, Bytes size) override;  // waits for the device

  // Enters the block of somebody's storage, and refers to the storage from now on.
  void adopt(c10::StorageImpl&, Bytes size, StorageId owner);
  // Strikes a block without touching its storage, which is handed over.
  c10::Storage release(void* data);
  c10::Storage& holder(void* data) { return holders_.at(data); }
  void clear();

  // Whether the allocator handed out the storage's bytes, and their number as the allocator counts it, or less.
  bool owns(const c10::StorageImpl&) const;
  static Bytes rounded(Bytes size) { return (size + kGrain - 1) / kGrain * kGrain; }

  Reading read() const;
  void reset_peaks();
  c10::Stream stream() const;

 private:
  static constexpr Bytes kGrain = 512;  // of torch's CUDA allocator

  c10::DeviceAllocator* allocator_;
  ska::flat_hash_map<void*, c10::Storage> holders_;
};

}  // namespace dtr
