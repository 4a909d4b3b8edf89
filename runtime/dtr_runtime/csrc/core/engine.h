// SPDX-License-Identifier: Apache-2.0
// The engine: which storages are resident, what to evict, what to rematerialize and when.
// It knows storages, calls and bytes; neither tensors nor Python nor any device. What a call
// computes is its Host's business: torch tensors (torch/), or nothing at all (core/simulator.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace dtr {

using StorageId = int32_t;  // creation index
using CallId = int32_t;     // the call's position among the client's commands
using Bytes = int64_t;
using Cost = int64_t;  // clock units

struct Version {
  StorageId storage;
  int32_t number;
  bool operator==(const Version&) const = default;
};

enum class Rule : uint8_t {
  constant, alias, release, call, need, lock, evict, keep, drop, allocate, free_, execute,
  bind, advance, commit, hold, pin, collect, out_of_memory,
};
const char* name(Rule);  // as in dtr_spec's traces

struct Event {
  Rule rule;
  int64_t subject;
  int64_t detail;
  Bytes used;
};

// The budget cannot be met: nothing is evictable and `need` more bytes do not fit.
struct OutOfMemory : std::runtime_error {
  OutOfMemory(Bytes need, Bytes used, Bytes locked, Bytes pinned, Bytes evictable, Bytes budget);
  Bytes need, used, locked, pinned, evictable, budget;
};

// What a call is, as far as memory is concerned. `writes` lists positions in `inputs`.
struct CallSpec {
  std::vector<StorageId> inputs;  // distinct storages, in argument order
  std::vector<int32_t> writes;
};

// What carries out the engine's decisions. All byte counts pass through Engine::allocate and
// Engine::free, which the host calls while a call runs.
class Host {
 public:
  virtual ~Host() = default;
  // Free the bytes of a resident storage; `engine.used` has already dropped by its size.
  virtual void evict(StorageId) = 0;
  // Storage will never be asked for again: drop everything known about it (its bytes too, if resident).
  virtual void collect(StorageId) = 0;
  // Copy the current version aside; its bytes are accounted for by the engine.
  virtual void keep(Version) = 0;
  virtual void drop(Version) = 0;
  // Replay one call of `target`'s chain: `stage` 0 creates the buffer, later stages overwrite it.
  // All inputs at the versions read are resident or kept. Calls allocate/free of the engine for
  // every byte that it asks for, copies of other overwritten storages included, and leaves the
  // outputs for take/discard. Must not evict or materialize by itself.
  virtual void replay(CallId, StorageId target, int32_t stage) = 0;
  // A replay's fresh output (index into the call's outputs): give it to the evicted storage, or
  // throw it away (calling engine.free for its bytes).
  virtual void take(CallId, int32_t output, StorageId) = 0;
  virtual void discard(CallId, int32_t output) = 0;
  // The last stage is done: the rebuilt buffer becomes the bytes of `target`.
  virtual void finish(StorageId target) = 0;
};

// What a heuristic may know of a storage; mirrors dtr_spec.policy.StorageView.
class StorageView;

// Chooses what to evict: the least score, then the highest sequence number.
class Policy;
std::unique_ptr<Policy> make_policy(const std::string& heuristic);

enum class Deallocation : uint8_t { eager, ignore, banish };

class Engine {
 public:
  Engine(Host&, Bytes budget, std::unique_ptr<Policy>, Deallocation = Deallocation::eager);
  ~Engine();

  // --- client commands; each takes the next position ---
  // A storage without a recipe. Makes room for its bytes first.
  StorageId constant(Bytes);
  // Touch, write barrier, gather, keep: afterwards every input is resident and locked, and the
  // host may run the call. `fresh`: the call may return new storages.
  CallId begin(const CallSpec&, bool fresh);
  // While a call (or a replay) runs: it asks for or gives back bytes.
  void allocate(Bytes);  // throws OutOfMemory, leaving the engine as it was
  void free(Bytes);
  // The call computed its outputs, whose bytes are part of what was allocated: execute, bind, commit.
  // Returns the ids of the new storages.
  std::vector<StorageId> commit(const std::vector<Bytes>& outputs, Cost);
  // The call raised: give back what it still holds and unlock. Its mutations, if any, must have been undone.
  void abandon();
  void alias(StorageId);    // one handle more
  void release(StorageId);  // one handle less
  void pin(StorageId);

  // --- queries ---
  Bytes used() const;
  Bytes peak() const;
  bool resident(StorageId) const;
  const std::vector<Event>& events() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dtr
