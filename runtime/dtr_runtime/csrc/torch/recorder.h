// SPDX-License-Identifier: Apache-2.0
// The program that a scope ran: what the client asked for, in the engine's order of positions.
// Each storage has one handle, its id.
#pragma once

#include <string>
#include <vector>

#include "../core/engine.h"

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
  void constant(StorageId storage, Bytes size) { add({Asked::Kind::constant, storage, size}); }
  void release(StorageId storage) { add({Asked::Kind::release, storage}); }
  void pin(StorageId storage) { add({Asked::Kind::pin, storage}); }
  void begin(const std::string& op, const CallSpec& spec);
  void piece(Bytes bytes) {
    if (enabled_ && open_) commands_.back().profile.push_back(bytes);
  }
  void commit(const std::vector<StorageId>& outputs, const std::vector<Bytes>& sizes, Cost cost);
  // The call raised: without outputs, without mutations.
  void abandon();

  const std::vector<Asked>& commands() const { return commands_; }

 private:
  void add(Asked command) {
    if (enabled_) commands_.push_back(std::move(command));
  }

  bool enabled_;
  bool open_ = false;  // the last command is a call under way
  std::vector<Asked> commands_;
};

}  // namespace dtr
