// SPDX-License-Identifier: Apache-2.0
// What a call costs: under the logical clock, a deterministic count of the work it does.
#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/ApproximateClock.h>

#include <chrono>

#include "../core/engine.h"
#include "operators.h"

namespace dtr {

// At least 1. One unit is 64 bytes read or written, or 64 multiplications of a matrix product.
Cost logical_cost(Bytes argument_bytes, c10::ArrayRef<c10::IValue> results, int64_t products);
// Multiplications of a matrix product, a convolution or its backward, as its two largest tensors
// suggest; 0 for other operators.
int64_t products(const Operator&, c10::ArrayRef<c10::IValue> arguments);

// Of a counter that costs less to read than a clock.
using Ticks = c10::approx_time_t;

// How long they are; counter and clock were first read when the core was loaded.
int64_t nanoseconds(Ticks);

// Under the measured one.
inline int64_t nanoseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace dtr
