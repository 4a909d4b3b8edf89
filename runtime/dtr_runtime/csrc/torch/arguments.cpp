// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <ATen/ops/_efficientzerotensor.h>
#include <c10/core/CPUAllocator.h>

#include <cstring>
#include <utility>

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
      value(slot == kByValue ? value_of(tensor) : c10::Storage()),
      slot(slot),
      dimensions(static_cast<uint32_t>(tensor.dim())),
      dtype(tensor.dtype()),
      device(tensor.device()),
      defined(true),
      conjugate(tensor.is_conj()),
      negative(tensor.is_neg()),
      zero(tensor._is_zerotensor()),
      wrapped(tensor.unsafeGetTensorImpl()->is_wrapped_number()) {}

at::Tensor RecordedTensor::over(const std::vector<c10::Storage>& storages, const int64_t* shape) const {
  if (!defined) return {};
  const c10::IntArrayRef sizes(shape, dimensions), strides(shape + dimensions, dimensions);
  at::Tensor tensor =
      zero ? at::_efficientzerotensor(sizes, at::device(device).dtype(dtype)) : strided(storages);
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, offset);
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
  stack.reserve(kinds_.size());
  const c10::IValue* value = values_.begin();
  const RecordedTensor* next = tensors_.begin();
  const int64_t* shape = shapes_.begin();
  const auto tensor = [&] {
    const RecordedTensor& recorded = *next++;
    return recorded.over(storages, std::exchange(shape, shape + 2 * size_t{recorded.dimensions}));
  };
  for (const Kind kind : kinds_) {
    if (kind == kPlain) {
      stack.push_back(*value++);
    } else if (kind == kTensor) {
      stack.emplace_back(tensor());
    } else if (kind == kTensors) {
      c10::List<at::Tensor> list;
      for (int64_t size = (value++)->toInt(); size > 0; --size) list.push_back(tensor());
      stack.emplace_back(std::move(list));
    } else {
      c10::List<std::optional<at::Tensor>> list;
      for (int64_t size = (value++)->toInt(); size > 0; --size) {
        const at::Tensor element = tensor();
        list.push_back(element.defined() ? std::optional(element) : std::nullopt);
      }
      stack.emplace_back(std::move(list));
    }
  }
  return stack;
}

}  // namespace dtr
