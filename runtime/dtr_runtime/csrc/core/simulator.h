// SPDX-License-Identifier: Apache-2.0
// A host without tensors: it runs a program whose calls ask for the bytes in their declared profiles.
#pragma once

#include <optional>
#include <unordered_map>

#include "engine.h"

namespace dtr {

// A command of dtr_spec.program with its static tables resolved: storages instead of handles.
struct Command {
  enum class Kind : uint8_t { constant, call, alias, release, pin };
  Kind kind;
  int64_t handle = 0;
  StorageId storage = 0;
  Bytes size = 0;  // of a constant
  CallSpec call{};
  std::vector<Bytes> outputs{};
  Cost cost = 0;
  std::vector<Bytes> profile{};
};

class Simulator final : public Host {
 public:
  Simulator(std::vector<Command>, Bytes budget, std::unique_ptr<Policy>, Deallocation);

  // Runs the program to its end, or to where memory does not suffice: what was asked for then.
  std::optional<OutOfMemory> run();
  const Engine& engine() const { return engine_; }
  Engine& engine() { return engine_; }

  void evict(StorageId) override {}
  void collect(StorageId) override {}
  void keep(Version) override {}
  void drop(Version) override {}
  void replay(CallId, StorageId target, int32_t stage) override;
  void take(CallId, int32_t, StorageId) override {}
  void discard(CallId, int32_t output) override;
  void finish(StorageId) override {}

 private:
  void step(const Command&);
  static constexpr StorageId kClient = -1;  // no target: the client's own call
  void ask(CallId, StorageId target);

  std::vector<Command> program_;
  std::vector<Bytes> sizes_;
  Engine engine_;
};

}  // namespace dtr
