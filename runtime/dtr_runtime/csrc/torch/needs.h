// SPDX-License-Identifier: Apache-2.0
// How much memory a call asks for at once, known before it runs: results and scratch. A device's allocator
// cannot be stopped half-way, so room is made ahead.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <unordered_map>
#include <utility>

#include "../core/engine.h"
#include "operators.h"

namespace dtr {

// Of all calls with one signature: operator, shapes, strides, types, plain arguments.
struct Need {
  Bytes bytes = 0;  // the most that was measured; before that, a prediction
  bool predicted = false;
  bool measured = false;

  // What a call asked for, as the allocator's statistics tell.
  void learn(Bytes demand) {
    if (!std::exchange(measured, true) || demand > bytes) bytes = demand;
  }
};

class Needs {
 public:
  // Learned for a device in this process, by whatever scope.
  static Needs& on(c10::Device);

  // The entry of a call; its address stays. Two signatures share an entry if their 64-bit hashes are equal, which
  // costs precision and nothing else.
  Need& of(const Operator&, c10::ArrayRef<c10::IValue> arguments);

 private:
  std::unordered_map<uint64_t, Need> needs_;
};

// The bytes of the new storages on the device that a call would return, each rounded by `rounded`, as torch's own shape
// inference (the Meta device) tells; `otherwise` where it cannot, because shapes depend on values or nobody has
// written it.
Bytes predicted(
    const c10::OperatorHandle&, const Operator&, c10::ArrayRef<c10::IValue> arguments, c10::Device,
    Bytes (*rounded)(Bytes), Bytes otherwise);

}  // namespace dtr
