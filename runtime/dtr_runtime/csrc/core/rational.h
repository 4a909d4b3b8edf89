// SPDX-License-Identifier: Apache-2.0
// Exact comparison of scores a / b: cross products of up to 192 bits, no floating point.
#pragma once

#include <cstdint>

#include "fault.h"

namespace dtr {

using Wide = unsigned __int128;

// A non-negative rational; denominator 0 is +infinity, whatever the numerator.
struct Score {
  uint64_t numerator;
  Wide denominator;
};

inline Score infinite() { return {0, 0}; }

// A product of 64 by 128 bits: high * 2^64 + low.
struct Product {
  Wide high;
  uint64_t low;
  friend bool operator<(const Product& a, const Product& b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
  }
};

inline Product multiply(uint64_t a, Wide b) {
  const Wide low = static_cast<Wide>(a) * static_cast<uint64_t>(b);
  const Wide high = fault(Fault::narrow_product) ? a * static_cast<uint64_t>(b >> 64)
                                                 : static_cast<Wide>(a) * static_cast<uint64_t>(b >> 64);
  return {high + static_cast<uint64_t>(low >> 64), static_cast<uint64_t>(low)};
}

// Whether a < b.
inline bool less(const Score& a, const Score& b) {
  if (a.denominator == 0) return false;
  if (b.denominator == 0) return true;
  if ((a.denominator >> 64) == 0 && (b.denominator >> 64) == 0)
    return static_cast<Wide>(a.numerator) * static_cast<uint64_t>(b.denominator) <
           static_cast<Wide>(b.numerator) * static_cast<uint64_t>(a.denominator);
  if (fault(Fault::swapped_sides))
    return multiply(a.numerator, a.denominator) < multiply(b.numerator, b.denominator);
  return multiply(a.numerator, b.denominator) < multiply(b.numerator, a.denominator);
}

}  // namespace dtr
