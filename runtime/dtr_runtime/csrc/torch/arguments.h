// SPDX-License-Identifier: Apache-2.0
// Arguments with the tensors taken out: what is kept of a call to run it again. A recorded tensor
// says where its bytes are to be found and how they are read, and holds no storage of the scope.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>
#include <c10/util/SmallVector.h>

#include <vector>

#include "operators.h"

namespace dtr {

constexpr int32_t kNoSlot = -1;   // a tensor without bytes, or whose bytes are not read
constexpr int32_t kCreated = -2;  // the memory that the call is the first to write
constexpr int32_t kByValue = -3;  // a host tensor among a device's: kept with the arguments

struct RecordedTensor {
  int64_t offset = 0;
  c10::Storage value;      // of a host tensor, as it was
  int32_t slot = kNoSlot;  // position among the call's inputs
  uint32_t dimensions = 0;
  caffe2::TypeMeta dtype;
  c10::Device device = c10::kCPU;
  bool defined : 1 = false, conjugate : 1 = false, negative : 1 = false, zero : 1 = false, wrapped : 1 = false;

  RecordedTensor() = default;  // undefined
  RecordedTensor(const at::Tensor&, int32_t slot);
  // `shape`: its sizes, then its strides. `storages`: the call's inputs, then what it is the first to write, if it is.
  at::Tensor over(const std::vector<c10::Storage>& storages, const int64_t* shape) const;

 private:
  at::Tensor strided(const std::vector<c10::Storage>& storages) const;
};

class RecordedArguments {
 public:
  void clear() {
    kinds_.clear();
    values_.clear();
    tensors_.clear();
    shapes_.clear();
  }
  void plain(const c10::IValue& value) {
    kinds_.push_back(kPlain);
    values_.push_back(value);
  }
  // The tensor follows by `element`, and so do those of a list.
  void tensor() { kinds_.push_back(kTensor); }
  void list(size_t size, bool of_optionals) {
    kinds_.push_back(of_optionals ? kOptionals : kTensors);
    values_.emplace_back(static_cast<int64_t>(size));
  }
  void element(const at::Tensor& tensor, int32_t slot) {
    tensors_.emplace_back(tensor, slot);
    for (int64_t size : tensor.sizes()) shapes_.push_back(size);
    for (int64_t stride : tensor.strides()) shapes_.push_back(stride);
  }
  void undefined() { tensors_.emplace_back(); }

  // The call's stack, with tensors over the storages given.
  torch::jit::Stack stack(const std::vector<c10::Storage>& storages) const;

 private:
  enum Kind : uint8_t { kPlain, kTensor, kTensors, kOptionals };
  c10::SmallVector<Kind, 8> kinds_;         // of the arguments
  c10::SmallVector<c10::IValue, 3> values_;  // of the plain ones; of the lists, how long they are
  c10::SmallVector<RecordedTensor, 3> tensors_;
  c10::SmallVector<int64_t, 12> shapes_;  // of the tensors, in order
};

// Whether a tensor is more than strided bytes (sparse, quantized, nested, ...).
inline bool opaque(const at::Tensor& tensor) {
  return tensor.defined() && (!tensor.has_storage() || tensor.is_quantized() || tensor.is_nested());
}

// Calls visit(tensor, argument index) for each tensor of the arguments, undefined ones included.
template <typename Visit>
void for_each_tensor(const Operator& op, c10::ArrayRef<c10::IValue> arguments, Visit visit) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!op.tensors[i]) continue;
    const c10::IValue& value = arguments[i];
    if (value.isTensor()) {
      visit(value.toTensor(), i);
    } else if (value.isTensorList()) {
      for (const c10::IValue& element : value.toListRef()) visit(element.toTensor(), i);
    } else if (value.isList()) {
      for (const c10::IValue& element : value.toListRef())
        if (element.isTensor()) visit(element.toTensor(), i);
    }
  }
}

// Calls visit(tensor) for each tensor among results, nested lists included.
template <typename Visit>
void for_each_result(c10::ArrayRef<c10::IValue> results, Visit visit) {
  for (const c10::IValue& value : results) {
    if (value.isTensor()) {
      visit(value.toTensor());
    } else if (value.isList()) {
      for_each_result(value.toListRef(), visit);
    }
  }
}

// Whether any of the results is.
inline bool opaque(c10::ArrayRef<c10::IValue> results) {
  bool any = false;
  for_each_result(results, [&](const at::Tensor& tensor) { any |= opaque(tensor); });
  return any;
}

// `slot_of` gives the position among the call's inputs of a tensor, or kNoSlot.
template <typename SlotOf>
void record(
    RecordedArguments& recorded, const Operator& op, c10::ArrayRef<c10::IValue> arguments, SlotOf slot_of) {
  const auto element = [&](const c10::IValue& value) {
    if (value.isTensor() && value.toTensor().defined()) recorded.element(value.toTensor(), slot_of(value.toTensor()));
    else recorded.undefined();
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const c10::IValue& value = arguments[i];
    if (!op.tensors[i] || value.isNone()) {
      recorded.plain(value);
    } else if (value.isTensor()) {
      recorded.tensor();
      element(value);
    } else {
      const auto elements = value.toListRef();
      recorded.list(elements.size(), !value.isTensorList());
      for (const c10::IValue& one : elements) element(one);
    }
  }
}

}  // namespace dtr
