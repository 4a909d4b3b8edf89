// SPDX-License-Identifier: Apache-2.0
#include "needs.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <bit>
#include <map>
#include <unordered_set>

#include "arguments.h"
#include "fingerprint.h"
#include "interpose.h"

namespace dtr {

namespace {

class Hash {
 public:
  void operator()(uint64_t word) { value_ = mix(value_ ^ word) + 0x9e3779b97f4a7c15ULL; }
  uint64_t value() const { return value_; }

  void tensor(const at::Tensor& tensor) {
    if (!tensor.defined()) return (*this)(1);
    (*this)(static_cast<uint64_t>(tensor.scalar_type()) << 8 | static_cast<uint64_t>(tensor.device().type()));
    (*this)(static_cast<uint64_t>(tensor.dim()));
    for (const int64_t size : tensor.sizes()) (*this)(static_cast<uint64_t>(size));
    if (tensor.layout() != at::kStrided) return;
    for (const int64_t stride : tensor.strides()) (*this)(static_cast<uint64_t>(stride));
  }

  void argument(const c10::IValue& value) {
    if (value.isTensor()) return tensor(value.toTensor());
    if (value.isInt()) return (*this)(static_cast<uint64_t>(value.toInt()));
    if (value.isBool()) return (*this)(value.toBool());
    if (value.isDouble()) return (*this)(std::bit_cast<uint64_t>(value.toDouble()));
    if (value.isString()) return (*this)(std::hash<std::string_view>()(value.toStringView()));
    if (value.isDevice()) return (*this)(std::hash<c10::Device>()(value.toDevice()));
    if (!value.isList()) return (*this)(value.isNone());
    const auto elements = value.toListRef();
    (*this)(elements.size());
    for (const c10::IValue& element : elements) argument(element);
  }

 private:
  uint64_t value_ = 0;
};

// A number in a tensor of the host's goes with tensors of any device.
at::Tensor without_bytes(const at::Tensor& tensor) {
  if (!tensor.defined() || (tensor.device().is_cpu() && tensor.dim() == 0)) return tensor;
  TORCH_CHECK_NOT_IMPLEMENTED(tensor.layout() == at::kStrided, "shapes of tensors that are not strided");
  at::Tensor meta = at::detail::empty_strided_meta(tensor.sizes(), tensor.strides(), tensor.scalar_type());
  if (tensor.is_conj()) meta._set_conj(true);
  if (tensor.is_neg()) meta._set_neg(true);
  return meta;
}

c10::IValue without_bytes(const Operator& op, size_t argument, const c10::IValue& value) {
  if (value.isDevice()) return c10::Device(c10::DeviceType::Meta);
  if (value.isGenerator()) return {};
  if (!op.tensors[argument] || value.isNone()) return value;
  if (value.isTensor()) return without_bytes(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const c10::IValue& element : value.toListRef()) list.push_back(without_bytes(element.toTensor()));
    return list;
  }
  c10::List<std::optional<at::Tensor>> list;
  for (const c10::IValue& element : value.toListRef())
    list.push_back(element.isTensor() ? std::optional(without_bytes(element.toTensor())) : std::nullopt);
  return list;
}

}  // namespace

Needs& Needs::on(c10::Device device) {
  static std::map<std::pair<c10::DeviceType, c10::DeviceIndex>, Needs> devices;
  return devices[{device.type(), device.index()}];
}

Need& Needs::of(const Operator& op, c10::ArrayRef<c10::IValue> arguments) {
  Hash hash;
  hash(std::hash<std::string>()(op.name));
  for (const c10::IValue& argument : arguments) hash.argument(argument);
  return needs_[hash.value()];
}

Bytes predicted(
    const c10::OperatorHandle& op, const Operator& known, c10::ArrayRef<c10::IValue> arguments,
    c10::Device device, Bytes (*rounded)(Bytes), Bytes otherwise) {
  if (!known.returns_fresh) return 0;
  if (known.device >= 0 && arguments[known.device].isDevice() &&
      arguments[known.device].toDevice().type() != device.type())
    return 0;
  at::AutoDispatchBelowADInplaceOrView no_autograd;
  c10::impl::ExcludeDispatchKeyGuard no_scope(kKey);
  c10::impl::ExcludeDispatchKeyGuard no_python(c10::python_ks);
  try {
    torch::jit::Stack stack;
    for (size_t i = 0; i < arguments.size(); ++i) stack.push_back(without_bytes(known, i, arguments[i]));
    std::unordered_set<c10::StorageImpl*> seen;
    for_each_tensor(known, stack, [&](const at::Tensor& tensor, size_t) {
      if (tensor.defined()) seen.insert(tensor.storage().unsafeGetStorageImpl());
    });
    const torch::jit::Stack kept = stack;  // so that no result's storage has the address of an argument's
    op.callBoxed(&stack);
    Bytes bytes = 0;
    for_each_result(stack, [&](const at::Tensor& tensor) {
      if (!tensor.defined() || !tensor.has_storage() || !tensor.is_meta()) return;
      if (seen.insert(tensor.storage().unsafeGetStorageImpl()).second)
        bytes += rounded(static_cast<Bytes>(tensor.storage().nbytes()));
    });
    return bytes;
  } catch (const std::exception&) {
    return otherwise;
  }
}

}  // namespace dtr
