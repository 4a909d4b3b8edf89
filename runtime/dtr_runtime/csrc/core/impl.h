// SPDX-License-Identifier: Apache-2.0
// The engine's state, and its parts: commands (engine.cpp), frames (rematerialize.cpp), the write
// barrier (barrier.cpp) and what happens to storages that nobody needs (deallocate.cpp).
#pragma once

#include <optional>
#include <set>

#include "bounds.h"
#include "heap.h"
#include "policy.h"

namespace dtr {

// A call under way: the client's, or one stage of the rematerialization of `target`.
struct Frame {
  static constexpr StorageId client = -1;
  struct Input {
    StorageId id;
    bool locked;
  };
  CallRecord* call;
  StorageId target;
  int32_t stage;
  bool opened;           // the inputs that were resident at first are locked
  size_t cursor;         // inputs before it are locked
  Few<Input, 8> inputs;  // to lock, in argument order
};

struct Engine::Impl {
  Impl(Host& h, Bytes b, std::unique_ptr<Policy> p, Deallocation d)
      : host(h), policy(std::move(p)), deallocation(d), budget(b) {
    require_natural(b, "the budget");
    heap.notice(policy->falls());
  }

  Host& host;
  std::unique_ptr<Policy> policy;
  Deallocation deallocation;
  Heap heap;
  Bytes budget, used = 0, peak = 0;
  Bytes unbound = 0;  // allocated and not yet bound or freed
  Bytes kept = 0;
  Cost clock = 1;
  CallId position = 0;
  Counters totals{};  // evictions and costs; the rest is counted when asked for

  Row<Frame> frames;  // the first `depth` are under way; the others keep their capacity
  size_t depth = 0;
  // Kept for their capacity: a call's new storages; what a forgotten recipe read; what may be collected.
  std::vector<StorageId> made, queue;
  std::vector<Version> forgotten, collected;
  std::set<StorageId> retry;  // storages waiting to be banished for which something has changed
  Row<Event> events;
  bool recording = true, stopped = false;
  // The last request for which no room could be made, and its place among the events. A call may do without.
  struct Refusal {
    size_t place;
    Event event;
  };
  std::optional<Refusal> refusal;

  // --- engine.cpp ---
  void emit(Rule rule, int64_t subject, int32_t detail = 0) {
    if (recording) events.push_back({subject, used, detail, rule});
  }
  void grow(Bytes n) {
    used += n;
    if (used > peak || fault(Fault::forget_peak)) peak = used;
  }
  CallId next_position() {
    const CallId next = numbered(static_cast<size_t>(position), "commands");
    ++position;
    return next;
  }
  void stop();  // recording, because something threw: where memory was refused, if that is not yet overcome
  void require_idle(const char* command) const;
  Storage& require(StorageId);
  void room(Bytes);
  void evict(Storage&);
  void bind(Storage&);

  // --- rematerialize.cpp ---
  Frame& top() { return frames[depth - 1]; }
  Frame& push(CallRecord*, StorageId target);
  void touch(const CallRecord&, StorageId except);
  void lock(Frame::Input&);
  void unlock_all(Frame&);
  bool gather();                    // true when the top frame has all its inputs; else it needs one
  void run_down_to(size_t floor);   // until no more than `floor` frames are under way
  void run_stage();
  void settle_outputs(const CallRecord&, StorageId target);
  void begin_stage(Frame&);
  void need(StorageId);
  void materialize(StorageId);
  void unwind();

  // --- barrier.cpp ---
  void write_barrier(const CallRecord&);
  void write_barrier(StorageId overwritten);
  void keep_versions(const CallRecord&, bool fresh);
  bool reads_lost_version(const CallRecord&, StorageId result) const;

  // --- deallocate.cpp ---
  void hold(StorageId);
  void forget(StorageId, Reason);  // and collects what only this recipe needed
  void released(StorageId);
  bool may_go(StorageId) const;
  void collect(StorageId);
  void drop_if_unread(Version);
  void drop_unread(const std::vector<Version>&);
  void settle();  // the queue
  void settle_versions(const std::vector<Version>&);
  std::vector<StorageId> readers(StorageId) const;  // in index order
  bool may_banish(StorageId) const;
  void banish(StorageId);
  void reconsider_sources(const Storage& reader);
  void retry_banishing();
};

}  // namespace dtr
