// SPDX-License-Identifier: Apache-2.0
// A few bytes at a time, from memory asked for once. Kernels that overwrite in place ask for little
// more than a cast scalar: served from here they never fail half done, so nothing need be copied
// beforehand to undo them. A heuristic that computes with small tensors finds its memory here, too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dtr {

class Slab {
 public:
  static constexpr size_t kSlot = 64;  // also the alignment of torch's CPU memory
  static constexpr size_t kBytes = 64 * kSlot;

  explicit Slab(void* memory) : memory_(static_cast<std::byte*>(memory)) {}

  // A slot, or null if all are taken. Never the first, whose address is that of the slab itself.
  void* take() {
    if (free_ == 0) return nullptr;
    const int slot = __builtin_ctzll(free_);
    free_ &= free_ - 1;
    return memory_ + static_cast<size_t>(slot) * kSlot;
  }

  // False if the memory is not of the slab.
  bool give_back(void* data) {
    const auto offset = reinterpret_cast<uintptr_t>(data) - reinterpret_cast<uintptr_t>(memory_);
    if (offset >= kBytes) return false;
    free_ |= uint64_t{1} << (offset / kSlot);
    return true;
  }

 private:
  std::byte* memory_;
  uint64_t free_ = ~uint64_t{1};
};

}  // namespace dtr
