// SPDX-License-Identifier: Apache-2.0
// What is counted fits its type: bytes and costs are in [0, 2^63), sums of them too, and storages
// and commands are numbered below 2^31. What would not fit is refused before anything has changed.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "fault.h"

namespace dtr {

inline void require_natural(int64_t value, const char* what) {
  if (value < 0) throw std::invalid_argument(std::string(what) + " is " + std::to_string(value) + ", below 0");
}

// a + b of numbers that are not negative.
inline int64_t plus(int64_t a, int64_t b, const char* what) {
  if (b > std::numeric_limits<int64_t>::max() - a && !fault(Fault::unchecked_sums))
    throw std::overflow_error(std::string(what) + " would exceed 2^63 - 1: " + std::to_string(a) + " and " +
                              std::to_string(b) + " more");
  return a + b;
}

// The next of a row of numbers of 32 bits.
inline int32_t numbered(size_t count, const char* what) {
  if (count >= static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    throw std::overflow_error(std::string("more than 2^31 - 1 ") + what + "; begin a new run");
  return static_cast<int32_t>(count);
}

}  // namespace dtr
