// SPDX-License-Identifier: Apache-2.0
#include "cost.h"

#include <algorithm>
#include <cmath>

#include "arguments.h"

namespace dtr {

namespace {

constexpr Cost kUnit = 64;

struct Moment {
  Ticks counter = c10::getApproximateTime();
  std::chrono::steady_clock::time_point clock = std::chrono::steady_clock::now();
};

const Moment loaded;

// The work of (m x k)(k x n) is mk * n. In a convolution each element of the weight meets every
// position of the image.
int64_t product_of(const at::Tensor& left, const at::Tensor& right) {
  if (left.dim() >= 4 && left.dim() == right.dim()) {
    int64_t positions = left.size(0);
    for (int64_t axis = 2; axis < left.dim(); ++axis) positions *= left.size(axis);
    return positions * right.numel();
  }
  return left.numel() * (right.dim() > 0 ? right.size(-1) : 1);
}

}  // namespace

int64_t products(const Operator& op, c10::ArrayRef<c10::IValue> arguments) {
  if (!op.matmul_like) return 0;
  const at::Tensor* largest = nullptr;
  const at::Tensor* second = nullptr;
  for_each_tensor(op, arguments, [&](const at::Tensor& tensor, size_t) {
    if (!tensor.defined()) return;
    if (!largest || tensor.numel() > largest->numel()) {
      second = largest;
      largest = &tensor;
    } else if (!second || tensor.numel() > second->numel()) {
      second = &tensor;
    }
  });
  return largest && second ? product_of(*largest, *second) : 0;
}

Cost logical_cost(Bytes argument_bytes, c10::ArrayRef<c10::IValue> results, int64_t products) {
  Bytes bytes = argument_bytes;
  for_each_result(results, [&](const at::Tensor& tensor) {
    if (tensor.defined()) bytes += tensor.numel() * static_cast<Bytes>(tensor.itemsize());
  });
  return std::max<Cost>(1, (bytes + products) / kUnit);
}

int64_t nanoseconds(Ticks ticks) {
  const double passed = static_cast<double>(c10::getApproximateTime() - loaded.counter);
  return std::llround(static_cast<double>(ticks) * static_cast<double>(nanoseconds_since(loaded.clock)) / passed);
}

}  // namespace dtr
