// SPDX-License-Identifier: Apache-2.0
// A 64-bit fingerprint of bytes: equal bytes give equal fingerprints.
#pragma once

#include <cstdint>
#include <cstring>

namespace dtr {

// splitmix64's finalizer (Steele, Lea, Flood 2014).
inline uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Four independent lanes, so that the multiplications overlap.
inline uint64_t fingerprint(const void* data, int64_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  uint64_t lanes[4] = {1, 2, 3, 4};
  int64_t at = 0;
  for (; at + 32 <= size; at += 32) {
    uint64_t words[4];
    std::memcpy(words, bytes + at, 32);
    for (int lane = 0; lane < 4; ++lane)
      lanes[lane] = (lanes[lane] ^ words[lane]) * 0x9e3779b97f4a7c15ULL + (lanes[lane] >> 29);
  }
  uint64_t result = mix(static_cast<uint64_t>(size));
  for (; at < size; ++at) result = mix(result ^ bytes[at]);
  for (uint64_t lane : lanes) result = mix(result ^ mix(lane));
  return result;
}

}  // namespace dtr
