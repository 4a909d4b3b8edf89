// SPDX-License-Identifier: Apache-2.0
// States of random generators, kept by value: what lets random operators be replayed.
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <memory>
#include <optional>

namespace dtr {

// The whole state of a CPU generator (about 2.5 KB, not counted against the budget).
struct RandomState {
  at::mt19937_data_pod engine;
  std::optional<float> next_float;
  std::optional<double> next_double;
  bool operator==(const RandomState&) const;
};

// The generator that a call names, or the default one; throws if it is not a CPU generator.
at::Generator generator_or_default(const std::optional<at::Generator>&);
// `last`, if it is equal to the present state, else a new copy of it.
std::shared_ptr<const RandomState> snapshot(const at::Generator&, const std::shared_ptr<const RandomState>& last);
void restore(const at::Generator&, const RandomState&);

}  // namespace dtr
