// SPDX-License-Identifier: Apache-2.0
// The global settings on which the bits of an operator's results depend, besides its arguments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace dtr {

// Values of the settings in the tables of numerics.cpp, in the tables' order.
struct Numerics {
  static constexpr size_t kHost = 18, kProducts = 5, kDevice = 17;
  std::array<int64_t, kHost> host;
  std::array<int64_t, kProducts> products;
  std::array<int64_t, kDevice> device;  // zeros where no device is concerned
  bool operator==(const Numerics&) const = default;

  static Numerics now(bool on_device);
  // Whether these are the settings now.
  bool hold(bool on_device) const;
  void apply(bool on_device) const;
};

// While it lives, the recorded settings hold; afterwards those from before.
class NumericsGuard {
 public:
  NumericsGuard(const Numerics& recorded, bool on_device);
  ~NumericsGuard();
  NumericsGuard(const NumericsGuard&) = delete;
  NumericsGuard& operator=(const NumericsGuard&) = delete;

 private:
  const Numerics before_;
  const bool changed_, on_device_;
};

}  // namespace dtr
