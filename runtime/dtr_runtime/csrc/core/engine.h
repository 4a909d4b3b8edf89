// SPDX-License-Identifier: Apache-2.0
// The engine: which storages are resident, what to evict, what to rematerialize and when.
// It knows storages, calls and bytes; neither tensors nor Python nor any device. What a call
// computes is its Host's business: torch tensors (torch/), or nothing at all (core/simulator.h).
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "row.h"

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
  constant, alias, release, call, need, lock, evict, keep, drop, allocate, free_, execute, replay,
  bind, advance, commit, hold, pin, collect, out_of_memory,
};
const char* name(Rule);  // as in dtr_spec's traces

struct Event {
  int64_t subject;
  Bytes used;
  int32_t detail;
  Rule rule;
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
  // The storage's recipe will never be replayed again: drop what only the recipe needs.
  virtual void forget(StorageId) {}
  // Copy the current version aside; its bytes are accounted for by the engine.
  virtual void keep(Version) = 0;
  virtual void drop(Version) = 0;
  // Replay one call of `target`'s chain: `stage` 0 creates the buffer, later stages overwrite it.
  // All inputs at the versions read are resident or kept. Calls allocate/free of the engine for
  // every byte that it asks for, copies of other overwritten storages included (given back at the
  // end), and leaves the outputs for take/discard. Must not evict or materialize by itself.
  virtual void replay(CallId, StorageId target, int32_t stage) = 0;
  // A replay's fresh output (index into the call's outputs): give it to the evicted storage, or
  // throw it away (calling engine.free for its bytes).
  virtual void take(CallId, int32_t output, StorageId) = 0;
  virtual void discard(CallId, int32_t output) = 0;
  // The last stage is done: the rebuilt buffer becomes the bytes of `target`.
  virtual void finish(StorageId target) = 0;
  // Something threw before that: drop the partly rebuilt buffer (calling engine.free for its bytes).
  virtual void cancel(StorageId /*target*/) {}
};

// Chooses what to evict: the least score, then the highest sequence number (policy.h).
class Policy;
// One of h_dtr, h_dtr_eq, h_dtr_local, h_lru, h_size, h_msps, h_estar, h_rand; throws
// std::invalid_argument for any other name. A tournament chooses what a look at every evictable
// storage would, which is what h_rand needs.
enum class Choice : uint8_t { by_tournament, by_scan };
std::unique_ptr<Policy> make_policy(const std::string& heuristic, Choice = Choice::by_tournament);

enum class Deallocation : uint8_t { eager, ignore, banish };

// What happened so far, and what is resident now that eviction cannot touch, by reason.
struct Counters {
  int64_t evictions, rematerializations;  // of storages; calls replayed
  Cost computed, rematerialized;  // by the client's calls; by replays
  Bytes peak;
  Bytes constant, held, born_held, pinned, kept;
  Bytes evictable;
};

// Every command throws OutOfMemory when room cannot be made, and whatever the policy or the host
// throws. From begin, materialize, constant and pin the engine then returns with no call under
// way and no longer recording. After a throw from allocate the client's call goes on, its inputs locked, until
// commit, if it can do without, or until abandon. Either way the engine remains usable.
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
  // While a call (or a replay) runs: it asks for bytes. Throws OutOfMemory with nothing allocated.
  void allocate(Bytes);
  // Bytes got from allocate and not bound are given back, at any time.
  void free(Bytes);
  // The call computed its outputs, whose bytes are part of what was allocated: execute, bind, commit.
  // Returns the ids of the new storages, which hold until the next commit.
  const std::vector<StorageId>& commit(const std::vector<Bytes>& outputs, Cost);
  // The call does not go on without what allocate refused: the events end there.
  void end_where_refused();
  // The call raised: write off what it still holds, and commit it as one of cost 0 without outputs. The next version
  // of what it overwrites is what is there now, which no call computes: the host has to pin it.
  void abandon();
  // Between calls only (std::logic_error otherwise). `handle` is what the event names.
  void alias(StorageId, int64_t handle);    // one handle more
  void release(StorageId, int64_t handle);  // one handle less
  void pin(StorageId, int64_t handle);

  // --- no commands ---
  // Between calls: make an evicted storage resident (until the next eviction).
  void materialize(StorageId);
  // Takes effect when room is next asked for.
  void set_budget(Bytes);
  void set_recording(bool);

  // --- queries ---
  Bytes used() const;
  Bytes peak() const;
  Bytes budget() const;
  Cost clock() const;
  bool resident(StorageId) const;
  bool alive(StorageId) const;
  bool recoverable(StorageId) const;
  bool busy() const;  // a call is under way
  Cost cost(StorageId) const;  // of the storage's chain
  std::vector<StorageId> readers(StorageId) const;  // whose recipes read the current version, in index order
  Counters counters() const;
  const Row<Event>& events() const;
  bool stopped_recording() const;  // something threw: the events end there

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dtr
