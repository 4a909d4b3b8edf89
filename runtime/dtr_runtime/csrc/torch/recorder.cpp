// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <numeric>

namespace dtr {

void Recorder::add(Asked::Kind kind, StorageId storage, Bytes size) {
  if (!enabled_) return;
  for (const int64_t word : {static_cast<int64_t>(kind), int64_t{storage}, size}) row_.push_back(word);
}

void Recorder::begin(const std::string& op, const CallSpec& spec) {
  if (!enabled_) return;
  open_ = row_.size();
  row_.resize(open_ + fields);
  row_[open_] = static_cast<int64_t>(Asked::Kind::call);
  row_[open_ + 1] = reinterpret_cast<intptr_t>(&op);
  field(inputs) = static_cast<int64_t>(spec.inputs.size());
  field(mutates) = static_cast<int64_t>(spec.writes.size());
  row_.insert(row_.end(), spec.inputs.begin(), spec.inputs.end());
  row_.insert(row_.end(), spec.writes.begin(), spec.writes.end());
}

void Recorder::piece(Bytes bytes) {
  if (!enabled_ || open_ == closed) return;
  row_.push_back(bytes);
  ++field(pieces);
}

void Recorder::commit(const std::vector<StorageId>& ids, const std::vector<Bytes>& sizes, Cost units) {
  if (!enabled_) return;
  field(cost) = units;
  field(outputs) = static_cast<int64_t>(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    row_.push_back(ids[i]);
    row_.push_back(sizes[i]);
  }
  open_ = closed;
}

void Recorder::abandon() {
  if (!enabled_ || open_ == closed) return;
  const auto begin = row_.begin() + static_cast<std::ptrdiff_t>(open_ + fields) + field(inputs);
  row_.erase(begin, begin + field(mutates));
  field(mutates) = 0;
  const Bytes held = std::accumulate(row_.end() - field(pieces), row_.end(), Bytes{0});
  if (held != 0) piece(-held);
  open_ = closed;
}

std::vector<Asked> Recorder::commands() const {
  std::vector<Asked> all;
  for (auto at = row_.begin(); at != row_.end();) {
    Asked& asked = all.emplace_back(static_cast<Asked::Kind>(at[0]));
    if (asked.kind != Asked::Kind::call) {
      asked.handle = static_cast<StorageId>(at[1]);
      asked.size = at[2];
      at += 3;
      continue;
    }
    asked.op = reinterpret_cast<const std::string*>(static_cast<intptr_t>(at[1]));
    asked.cost = at[cost];
    auto next = at + fields;
    const auto take = [&](auto& words, int64_t count) {
      for (; count > 0; --count) words.push_back(static_cast<typename std::decay_t<decltype(words)>::value_type>(*next++));
    };
    take(asked.inputs, at[inputs]);
    take(asked.mutates, at[mutates]);
    take(asked.profile, at[pieces]);
    for (int64_t i = 0; i < at[outputs]; ++i, next += 2) asked.outputs.emplace_back(next[0], next[1]);
    at = next;
  }
  return all;
}

}  // namespace dtr
