// SPDX-License-Identifier: Apache-2.0
// A client's steps as the paper's simulator reads them (dtr_spec.copies): tensors, aliases, no mutation.
// Everything here is static; what is resident or defined is the machine's.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace dtr::simrd {

using TensorId = int32_t;
using StorageId = int32_t;
using OperatorId = int32_t;
using EdgeId = int32_t;

// Lists of numbers, one list a key, in one piece of memory.
class Lists {
 public:
  Lists() = default;
  // From (key, item) pairs; each list in the order of the pairs.
  Lists(size_t keys, const std::vector<std::pair<int32_t, int32_t>>& pairs);

  std::span<const int32_t> operator[](int32_t key) const {
    return {items_.data() + begin_[key], items_.data() + begin_[key + 1]};
  }
  int32_t begin(int32_t key) const { return begin_[key]; }
  size_t size() const { return items_.size(); }

 private:
  std::vector<int32_t> begin_{0}, items_;
};

struct Output {
  int64_t size;   // bytes; 0 for an alias
  int32_t alias;  // the position of an input, or -1
};

struct Operator {
  int64_t cost;  // clock units
  int64_t size;  // bytes of all outputs
  TensorId first;
  int32_t outputs;
};

// That some operator reads a tensor of `parent` and makes one of `child`.
struct Edge {
  StorageId parent, child;
};

struct Step {
  enum class Kind : uint8_t { compute, get, drop, keep };
  Kind kind;
  int32_t subject;  // an operator (compute) or a tensor
};

class Schedule {
 public:
  // Raises std::overflow_error if all sizes, or the costs of all outputs' operators, come to more than 2**60: so no
  // count of bytes or of time in a run can exceed 63 bits.
  void add(int64_t cost, const std::vector<TensorId>& inputs, const std::vector<Output>& outputs);
  void finish(std::vector<Step> steps);

  std::vector<Operator> operators;
  std::vector<Step> steps;
  std::vector<OperatorId> operator_of;  // tensor ->
  std::vector<StorageId> storage_of;    // tensor ->
  std::vector<int64_t> tensor_sizes;    // tensor -> bytes, 0 for an alias
  std::vector<int64_t> sizes;           // storage -> bytes
  std::vector<Edge> edges;              // between different storages, each once
  Lists inputs;                         // operator -> tensors
  Lists input_storages;                 // operator -> distinct storages
  Lists readers;                        // tensor -> operators, once for every time that they read it
  Lists tensors;                        // storage -> its tensors
  Lists operator_edges;                 // operator -> edges that it adds, once for every input and output
  Lists operator_loops;                 // operator -> storages that it reads and makes a tensor of, likewise
  Lists children, parents;              // storage -> edges

 private:
  std::vector<std::pair<int32_t, int32_t>> inputs_;
  int64_t total_size_ = 0, total_cost_ = 0;
};

}  // namespace dtr::simrd
