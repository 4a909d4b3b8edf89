// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <ATen/ops/_efficientzerotensor.h>

namespace dtr {

RecordedTensor::RecordedTensor(const at::Tensor& tensor, int32_t slot)
    : sizes(tensor.sizes().begin(), tensor.sizes().end()),
      strides(tensor.strides().begin(), tensor.strides().end()),
      offset(tensor.storage_offset()),
      dtype(tensor.dtype()),
      slot(slot),
      defined(true),
      conjugate(tensor.is_conj()),
      negative(tensor.is_neg()),
      zero(tensor._is_zerotensor()),
      wrapped(tensor.unsafeGetTensorImpl()->is_wrapped_number()) {}

at::Tensor RecordedTensor::over(const std::vector<c10::Storage>& storages) const {
  if (!defined) return {};
  at::Tensor tensor = zero ? at::_efficientzerotensor(sizes, at::device(c10::kCPU).dtype(dtype)) : strided(storages);
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, offset);
  if (conjugate) tensor._set_conj(true);
  if (negative) tensor._set_neg(true);
  if (wrapped) tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

at::Tensor RecordedTensor::strided(const std::vector<c10::Storage>& storages) const {
  c10::Storage storage = slot == kNoSlot
      ? c10::Storage(c10::Storage::use_byte_size_t(), 0, at::DataPtr(nullptr, c10::Device(c10::kCPU)), nullptr, false)
      : slot == kCreated ? storages.back() : storages[slot];
  return at::detail::make_tensor<c10::TensorImpl>(
      std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CPU), dtype);
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
