// SPDX-License-Identifier: Apache-2.0
// States of random generators, kept by value: what lets random operators be replayed.
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace dtr {

// The whole state of a CPU generator (about 2.5 KB, not counted against the budget).
struct MersenneState {
  at::mt19937_data_pod engine;
  std::optional<float> next_float;
  std::optional<double> next_double;
  bool operator==(const MersenneState&) const;
};

// That of any other device's, as `get_state` gives it: on CUDA a seed and an offset.
using DeviceState = std::vector<uint8_t>;

using RandomState = std::variant<MersenneState, DeviceState>;

// The generator that a call names, or the device's default one.
at::Generator generator_or_default(const std::optional<at::Generator>&, c10::Device);
// `last`, if it is equal to the present state, else a new copy of it.
std::shared_ptr<const RandomState> snapshot(const at::Generator&, const std::shared_ptr<const RandomState>& last);
void restore(const at::Generator&, const RandomState&);

}  // namespace dtr
