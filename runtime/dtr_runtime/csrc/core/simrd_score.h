// SPDX-License-Identifier: Apache-2.0
// Scores as Python computes them: the quotient of two integers, correctly rounded to a double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "fault.h"

namespace dtr::simrd {

// cost / (size staleness); infinite if the denominator is 0. What is at hand is a value near it, by which almost all
// comparisons are decided; it is the rounded value itself where all its parts fit the double's 53 bits.
struct Score {
  int64_t cost;
  uint64_t size, staleness;
  double near;
  bool exact;

  Score(int64_t c, uint64_t m, uint64_t s) : cost(c), size(m), staleness(s) {
    constexpr double whole = 0x1p53;
    const double numerator = static_cast<double>(c), denominator = static_cast<double>(m) * static_cast<double>(s);
    near = denominator == 0 ? std::numeric_limits<double>::infinity() : numerator / denominator;
    exact = denominator == 0 || (denominator < whole && std::fabs(numerator) < whole);
  }
};

// n / d correctly rounded (ties to even), as Python's int / int; d > 0.
inline double rounded_quotient(uint64_t n, unsigned __int128 d) {
  if (n == 0) return 0.0;
  // Scale so that 1 <= n / d < 2, then take bits: 53 of the quotient, one more, and whether anything remains.
  const auto width = [](unsigned __int128 x) {
    int bits = 0;
    for (; x != 0; x >>= 1) ++bits;
    return bits;
  };
  unsigned __int128 rest = n;
  int exponent = width(n) - width(d);
  if (exponent >= 0) d <<= exponent;
  else rest <<= -exponent;
  if (rest < d) {
    rest <<= 1;
    --exponent;
  }
  uint64_t bits = 0;
  for (int i = 0; i < 54; ++i, rest <<= 1) {
    bits <<= 1;
    if (rest >= d) {
      rest -= d;
      bits |= 1;
    }
  }
  const bool half = bits & 1;
  bits >>= 1;
  if (half && !fault(Fault::truncated_quotient) && (rest != 0 || (bits & 1))) ++bits;
  return std::ldexp(static_cast<double>(bits), exponent - 52);
}

inline double value(const Score& s) {
  if (s.exact) return s.near;
  const uint64_t magnitude = s.cost < 0 ? -static_cast<uint64_t>(s.cost) : static_cast<uint64_t>(s.cost);
  const double quotient = rounded_quotient(magnitude, static_cast<unsigned __int128>(s.size) * s.staleness);
  return s.cost < 0 ? -quotient : quotient;
}

// Whether the rounded value of a is at most that of b.
inline bool at_most(const Score& a, const Score& b) {
  if (a.exact && b.exact) return a.near <= b.near;
  constexpr double margin = 0x1p-50;  // `near` is off by less than four units in the last place
  const double difference = a.near - b.near;
  const double tolerance = margin * std::fmax(std::fabs(a.near), std::fabs(b.near));
  if (difference > tolerance) return false;
  if (difference < -tolerance) return true;
  return fault(Fault::near_quotients) ? a.near <= b.near : value(a) <= value(b);
}

}  // namespace dtr::simrd
