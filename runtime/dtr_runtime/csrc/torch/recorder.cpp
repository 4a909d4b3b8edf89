// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

namespace dtr {

void Recorder::add(Asked::Kind kind, StorageId storage, Bytes size) {
  if (!enabled_) return;
  for (const int64_t word : {static_cast<int64_t>(kind), int64_t{storage}, size}) row_.push_back(word);
}

void Recorder::begin(const std::string& op, const CallSpec& spec) {
  if (!enabled_) return;
  open_ = row_.size();
  row_.push_back(static_cast<int64_t>(Asked::Kind::call));
  row_.push_back(reinterpret_cast<intptr_t>(&op));
  for (int f = cost; f < fields; ++f) row_.push_back(0);
  field(inputs) = static_cast<int64_t>(spec.inputs.size());
  field(mutates) = static_cast<int64_t>(spec.writes.size());
  for (const StorageId input : spec.inputs) row_.push_back(input);
  for (const int32_t write : spec.writes) row_.push_back(write);
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
  Bytes held = 0;
  for (size_t i = row_.size() - static_cast<size_t>(field(pieces)); i < row_.size(); ++i) held += row_[i];
  if (held != 0) piece(-held);
  open_ = closed;
}

std::vector<Asked> Recorder::commands() const {
  std::vector<Asked> all;
  for (size_t at = 0; at < row_.size();) {
    Asked& asked = all.emplace_back(static_cast<Asked::Kind>(row_[at]));
    if (asked.kind != Asked::Kind::call) {
      asked.handle = static_cast<StorageId>(row_[at + 1]);
      asked.size = row_[at + 2];
      at += 3;
      continue;
    }
    asked.op = reinterpret_cast<const std::string*>(static_cast<intptr_t>(row_[at + 1]));
    asked.cost = row_[at + cost];
    size_t next = at + fields;
    const auto take = [&]<class T>(std::vector<T>& words, int64_t count) {
      for (; count > 0; --count) words.push_back(static_cast<T>(row_[next++]));
    };
    take(asked.inputs, row_[at + inputs]);
    take(asked.mutates, row_[at + mutates]);
    take(asked.profile, row_[at + pieces]);
    for (int64_t i = 0; i < row_[at + outputs]; ++i, next += 2)
      asked.outputs.emplace_back(static_cast<StorageId>(row_[next]), row_[next + 1]);
    at = next;
  }
  return all;
}

}  // namespace dtr
