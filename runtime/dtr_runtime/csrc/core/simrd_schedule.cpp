// SPDX-License-Identifier: Apache-2.0
#include "simrd_schedule.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

namespace dtr::simrd {

using Pairs = std::vector<std::pair<int32_t, int32_t>>;

namespace {

int64_t bounded(int64_t total, int64_t more) {
  constexpr int64_t most = int64_t{1} << 60;
  if (more > most - total) throw std::overflow_error("a log's sizes or times come to more than 2**60");
  return total + more;
}

}  // namespace

Lists::Lists(size_t keys, const Pairs& pairs) : begin_(keys + 1), items_(pairs.size()) {
  for (const auto& [key, item] : pairs) ++begin_[key + 1];
  for (size_t key = 0; key < keys; ++key) begin_[key + 1] += begin_[key];
  std::vector<int32_t> next(begin_.begin(), begin_.end() - 1);
  for (const auto& [key, item] : pairs) items_[next[key]++] = item;
}

void Schedule::add(int64_t cost, const std::vector<TensorId>& inputs, const std::vector<Output>& outputs) {
  const auto op = static_cast<OperatorId>(operators.size());
  operators.push_back({cost, 0, static_cast<TensorId>(storage_of.size()), static_cast<int32_t>(outputs.size())});
  for (const TensorId input : inputs) inputs_.emplace_back(op, input);
  for (const Output& output : outputs) {
    total_size_ = bounded(total_size_, output.size);
    total_cost_ = bounded(total_cost_, cost);
    operators.back().size += output.size;
    operator_of.push_back(op);
    tensor_sizes.push_back(output.size);
    if (output.alias >= 0) {
      storage_of.push_back(storage_of[inputs[output.alias]]);
    } else {
      storage_of.push_back(static_cast<StorageId>(sizes.size()));
      sizes.push_back(output.size);
    }
  }
}

void Schedule::finish(std::vector<Step> given) {
  steps = std::move(given);
  inputs = Lists(operators.size(), inputs_);
  Pairs distinct, read, made, added, loops, below, above;
  for (TensorId t = 0; t < static_cast<TensorId>(storage_of.size()); ++t) made.emplace_back(storage_of[t], t);
  std::unordered_map<int64_t, EdgeId> known;
  for (OperatorId op = 0; op < static_cast<OperatorId>(operators.size()); ++op) {
    std::vector<StorageId> seen;
    for (const TensorId input : inputs[op]) {
      read.emplace_back(input, op);
      const StorageId parent = storage_of[input];
      if (std::find(seen.begin(), seen.end(), parent) == seen.end()) {
        seen.push_back(parent);
        distinct.emplace_back(op, parent);
      }
      for (int32_t i = 0; i < operators[op].outputs; ++i) {
        const StorageId child = storage_of[operators[op].first + i];
        if (child == parent) {
          loops.emplace_back(op, parent);
          continue;
        }
        const auto next = static_cast<EdgeId>(edges.size());
        const auto [found, fresh] = known.try_emplace(static_cast<int64_t>(parent) << 32 | child, next);
        if (fresh) {
          edges.push_back({parent, child});
          below.emplace_back(parent, next);
          above.emplace_back(child, next);
        }
        added.emplace_back(op, found->second);
      }
    }
  }
  input_storages = Lists(operators.size(), distinct);
  readers = Lists(storage_of.size(), read);
  tensors = Lists(sizes.size(), made);
  operator_edges = Lists(operators.size(), added);
  operator_loops = Lists(operators.size(), loops);
  children = Lists(sizes.size(), below);
  parents = Lists(sizes.size(), above);
  inputs_ = {};
}

}  // namespace dtr::simrd
