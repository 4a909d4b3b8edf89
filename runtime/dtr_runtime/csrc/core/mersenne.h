// SPDX-License-Identifier: Apache-2.0
// The generator of Python's random module (Matsumoto and Nishimura's MT19937, ACM TOMACS 8(1), 1998), seeded as
// random.seed(n) does for a small n, and random.randrange(n).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "fault.h"

namespace dtr {

class PythonRandom {
 public:
  explicit PythonRandom(uint32_t seed) {
    state_[0] = 19650218u;
    for (size_t i = 1; i < size; ++i) state_[i] = 1812433253u * mixed(i - 1) + static_cast<uint32_t>(i);
    size_t i = 1;
    const auto wrap = [&] {
      if (++i < size) return;
      state_[0] = state_[size - 1];
      i = 1;
    };
    for (size_t k = 0; k < size; ++k, wrap()) state_[i] = (state_[i] ^ (mixed(i - 1) * 1664525u)) + seed;
    for (size_t k = 1; k < size; ++k, wrap())
      state_[i] = (state_[i] ^ (mixed(i - 1) * 1566083941u)) - static_cast<uint32_t>(i);
    state_[0] = 0x80000000u;
  }

  // Uniform in [0, n), n > 0: as many high bits as n has, until they are below n.
  uint32_t below(uint32_t n) {
    const int bits = std::bit_width(n);
    uint32_t drawn = next() >> (32 - bits);
    while (drawn >= n + fault(Fault::biased_draws)) drawn = next() >> (32 - bits);
    return drawn;
  }

 private:
  static constexpr size_t size = 624, shift = 397;

  uint32_t mixed(size_t i) const { return state_[i] ^ (state_[i] >> 30); }

  uint32_t next() {
    if (position_ == size) refill();
    uint32_t y = state_[position_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }

  void refill() {
    for (size_t i = 0; i < size; ++i) {
      const uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % size] & 0x7fffffffu);
      state_[i] = state_[(i + shift) % size] ^ (y >> 1) ^ ((y & 1u) * 0x9908b0dfu);
    }
    position_ = 0;
  }

  std::array<uint32_t, size> state_{};
  size_t position_ = size;
};

}  // namespace dtr
