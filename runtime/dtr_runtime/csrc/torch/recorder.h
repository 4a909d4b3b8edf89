// SPDX-License-Identifier: Apache-2.0
// The program that a scope ran: what the client asked for, in the engine's order of positions.
// Each storage has one handle, its id.
#pragma once

#include <string>
#include <vector>

#include "../core/engine.h"
#include "../core/row.h"

namespace dtr {

struct Asked {
  enum class Kind : uint8_t { constant, call, release, pin } kind;
  StorageId handle = 0;            // constant, release, pin
  Bytes size = 0;                  // constant
  const std::string* op = nullptr; // call
  std::vector<StorageId> inputs{};
  std::vector<std::pair<StorageId, Bytes>> outputs{};
  std::vector<int32_t> mutates{};
  std::vector<Bytes> profile{};
  Cost cost = 0;
};

class Recorder {
 public:
  explicit Recorder(bool enabled) : enabled_(enabled) {}

  // Records nothing from here on: the engine's events have ended.
  void stop() { enabled_ = false; }
  void constant(StorageId storage, Bytes size) { add(Asked::Kind::constant, storage, size); }
  void release(StorageId storage) { add(Asked::Kind::release, storage, 0); }
  void pin(StorageId storage) { add(Asked::Kind::pin, storage, 0); }
  // `op` is referred to as long as the recorder lives.
  void begin(const std::string& op, const CallSpec& spec);
  void piece(Bytes bytes);
  void commit(const std::vector<StorageId>& outputs, const std::vector<Bytes>& sizes, Cost cost);
  // The call raised: it has no outputs.
  void abandon();

  std::vector<Asked> commands() const;

 private:
  // Numbers in one row cost a call far less than vectors of its own. A command is its kind, a storage and a
  // size; a call is its kind, the place of its operator's name and these fields, then its inputs, what it
  // overwrites, its pieces, and the outputs with their sizes.
  enum Field { cost = 2, inputs, mutates, pieces, outputs, fields };

  void add(Asked::Kind, StorageId, Bytes);
  int64_t& field(Field f) { return row_[open_ + f]; }

  static constexpr size_t closed = ~size_t{0};
  bool enabled_;
  size_t open_ = closed;  // where the call under way begins
  Row<int64_t> row_;
};

}  // namespace dtr
