// SPDX-License-Identifier: Apache-2.0
// The global settings on which the bits of an operator's results depend, besides its arguments.
#pragma once

#include <ATen/Context.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace dtr {

// Values of the settings in the tables of numerics.cpp, in the tables' order. A device's are zeros where none is
// concerned.
struct Numerics {
  static constexpr size_t kHost = 13, kHostApart = 10, kDevice = 12, kDeviceApart = 5;
  std::array<int64_t, kHost> host;  // in torch's context
  std::array<int64_t, kHostApart> host_apart;
  std::array<int64_t, kDevice> device;  // in torch's context
  std::array<int64_t, kDeviceApart> device_apart;
  bool operator==(const Numerics&) const = default;

  static Numerics now(bool on_device);
  // Whether these are the settings now, as far as they are not in torch's context.
  bool hold_apart(bool on_device) const;
  void apply(bool on_device) const;
};

// Torch's context, byte by byte, but for the flags at its beginning that tell what has been initialized: while it is
// the same, so are the settings in it.
class ContextImage {
 public:
  void take();
  bool is_current() const;

 private:
  static constexpr size_t kBegin = sizeof(std::array<c10::once_flag, at::COMPILE_TIME_MAX_DEVICE_TYPES>);
  static const std::byte* settings();
  std::array<std::byte, sizeof(at::Context) - kBegin> bytes_;
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
