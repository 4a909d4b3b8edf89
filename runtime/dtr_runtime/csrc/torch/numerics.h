// SPDX-License-Identifier: Apache-2.0
// The global settings on which the bits of an operator's results depend, besides its arguments.
#pragma once

#include <ATen/Context.h>

#include <array>
#include <memory>

namespace dtr {

struct Numerics {
  c10::ScalarType dtype;  // the default one, for factories
  int threads;            // how reductions are split
  unsigned float_mode;    // the processor's rounding and denormal flags
  bool grad_mode;         // some kernels return more when there will be a backward pass
  bool deterministic, warn_only, fill_uninitialized;
  bool mkldnn, mkldnn_deterministic, nnpack, fp16_reduction;
  bool flash, math, math_reduction;  // scaled dot product attention
  std::array<at::Float32Precision, 5> float32;
  bool operator==(const Numerics&) const = default;

  // Reading the precisions of matrix products is slow; operators without any may say so and get `last`'s.
  static Numerics now(const Numerics* last = nullptr);
  void apply() const;
};

// While it lives, the recorded settings hold; afterwards those from before.
class NumericsGuard {
 public:
  explicit NumericsGuard(const Numerics& recorded);
  ~NumericsGuard();
  NumericsGuard(const NumericsGuard&) = delete;
  NumericsGuard& operator=(const NumericsGuard&) = delete;

 private:
  Numerics before_;
  bool changed_;
};

}  // namespace dtr
