// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <ATen/ops/_efficientzerotensor.h>
#include <c10/core/CPUAllocator.h>

#include <cstring>

namespace dtr {

namespace {

// A number that torch made into a tensor is never overwritten.
c10::Storage value_of(const at::Tensor& tensor) {
  const c10::Storage& storage = tensor.storage();
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) return storage;
  c10::Storage copy(c10::Storage::use_byte_size_t(), storage.nbytes(), c10::GetAllocator(c10::kCPU), false);
  if (storage.nbytes() > 0) std::memcpy(copy.mutable_data(), storage.data(), storage.nbytes());
  return copy;
}

}  // namespace

RecordedTensor::RecordedTensor(const at::Tensor& tensor, int32_t slot)
    : offset(tensor.storage_offset()),
      dtype(tensor.dtype()),
      device(tensor.device()),
      value(slot == kByValue ? value_of(tensor) : c10::Storage()),
      slot(slot),
      defined(true),
      conjugate(tensor.is_conj()),
      negative(tensor.is_neg()),
      zero(tensor._is_zerotensor()),
      wrapped(tensor.unsafeGetTensorImpl()->is_wrapped_number()) {
  shape.set_sizes(tensor.sizes());
  shape.set_strides(tensor.strides());
}

at::Tensor RecordedTensor::over(const std::vector<c10::Storage>& storages) const {
  if (!defined) return {};
  at::Tensor tensor = zero
      ? at::_efficientzerotensor(shape.sizes_arrayref(), at::device(device).dtype(dtype))
      : strided(storages);
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(shape.sizes_arrayref(), shape.strides_arrayref(), offset);
  if (conjugate) tensor._set_conj(true);
  if (negative) tensor._set_neg(true);
  if (wrapped) tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

at::Tensor RecordedTensor::strided(const std::vector<c10::Storage>& storages) const {
  c10::Storage storage = slot == kNoSlot
      ? c10::Storage(c10::Storage::use_byte_size_t(), 0, at::DataPtr(nullptr, device), nullptr, false)
      : slot == kByValue ? value : slot == kCreated ? storages.back() : storages[slot];
  const c10::DispatchKey key = c10::computeDispatchKey(c10::typeMetaToScalarType(dtype), c10::kStrided, device);
  return at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), dtype);
}

torch::jit::Stack RecordedArguments::stack(const std::vector<c10::Storage>& storages) const {
  torch::jit::Stack stack;
  stack.reserve(arguments_.size());
  auto next = tensors_.begin();
  for (const Argument& argument : arguments_) {
    if (argument.shape == kPlain) {
      stack.push_back(argument.value);
    } else if (argument.shape == kTensor) {
      stack.emplace_back((next++)->over(storages));
    } else if (argument.shape == kTensors) {
      c10::List<at::Tensor> list;
      for (int64_t i = 0; i < argument.value.toInt(); ++i) list.push_back((next++)->over(storages));
      stack.emplace_back(std::move(list));
    } else {
      c10::List<std::optional<at::Tensor>> list;
      for (int64_t i = 0; i < argument.value.toInt(); ++i, ++next)
        list.push_back(next->defined ? std::optional(next->over(storages)) : std::nullopt);
      stack.emplace_back(std::move(list));
    }
  }
  return stack;
}

}  // namespace dtr
