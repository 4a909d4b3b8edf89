// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include <algorithm>

#include "bounds.h"
#include "fault.h"

namespace dtr {

StorageId Heap::create(Bytes size, Reason reason) {
  const StorageId id = numbered(by_id_.size(), "storages");
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<int32_t>(storages_.size()));
    storages_.extend().slot = free_slots_.back();
  }
  Storage& s = storages_[free_slots_.back()];
  by_id_.push_back(&s);
  free_slots_.pop_back();
  s.id = id;
  s.version = 0;
  s.size = size;
  s.cost = s.last_access = s.sequence = s.searched = s.watching = 0;
  s.handles = 1;
  s.locks = 0;
  s.evictable_at = -1;
  s.node = EqClasses::none;
  s.reason = reason;
  s.resident = true;
  s.rematerializing = s.waiting = false;
  return id;
}

void Heap::destroy(StorageId id) {
  Storage& s = (*this)[id];
  if (!s.resident && !fault(Fault::stay_in_class)) leave_class(s);
  make_unevictable(s);
  recorded_ -= s.cost;
  s.id = -1;
  free_slots_.push_back(s.slot);
  by_id_[id] = nullptr;
}

CallRecord* Heap::open_call(CallId id) {
  if (free_calls_.empty()) free_calls_.push_back(&calls_.extend());
  CallRecord* call = free_calls_.back();
  free_calls_.pop_back();
  call->id = id;
  call->cost = 0;
  call->references = 1;
  call->reads.clear();
  call->writes.clear();
  call->fresh.clear();
  return call;
}

void Heap::close_call(CallRecord* call) {
  if (--call->references == 0) free_calls_.push_back(call);
}

void Heap::require_room_for_cost(Cost cost, size_t storages) const {
  for (Cost total = recorded_; storages > 0; --storages) total = plus(total, cost, "the cost of all recipes");
}

void Heap::extend(StorageId id, CallRecord* call) {
  Storage& s = (*this)[id];
  ++call->references;
  s.chain.push_back(call);
  s.cost += call->cost;
  recorded_ += call->cost;
  const bool first = s.chain.size() == 1;
  for (const Version& version : call->reads) {
    if (version.storage == id) continue;
    const auto same = [&](const Read& read) { return read.version == version; };
    if (!first && !fault(Fault::read_twice) && std::ranges::any_of(s.reads, same)) continue;
    Read read{version, Read::kept};
    if (current(version)) {
      auto& readers = (*this)[version.storage].readers;
      read.position = static_cast<int32_t>(readers.size());
      readers.push_back({id, static_cast<int32_t>(s.reads.size())});
    } else if (const auto found = kept_.find(key(version)); found != kept_.end()) {
      if (!fault(Fault::uncounted_reader)) ++found->second.readers;
    }
    s.reads.push_back(read);
  }
}

void Heap::unread(const Read& read) {
  if (read.position == Read::kept) {
    if (const auto found = kept_.find(key(read.version)); found != kept_.end()) --found->second.readers;
    return;
  }
  auto& readers = (*this)[read.version.storage].readers;
  const Reader last = readers.back();
  readers[read.position] = last;
  (*this)[last.storage].reads[last.read].position = read.position;
  readers.pop_back();
}

void Heap::forget(StorageId id, Reason reason, std::vector<Version>& versions) {
  Storage& s = (*this)[id];
  make_unevictable(s);
  if (!s.resident || s.fallen)
    for (const Read& read : s.reads)
      if (read.position != Read::kept) fall((*this)[read.version.storage]);
  s.reason = reason;
  versions.clear();
  for (const Read& read : s.reads) {
    unread(read);
    versions.push_back(read.version);
  }
  s.reads.clear();
  for (CallRecord* call : s.chain) close_call(call);
  s.chain.clear();
}

void Heap::keep(Version version, Bytes size) { kept_.emplace(key(version), Kept{size, 0}); }

Bytes Heap::drop_if_unread(Version version) {
  const auto found = kept_.find(key(version));
  if (found == kept_.end() || (found->second.readers > 0 && !fault(Fault::lose_kept_version))) return -1;
  const Bytes size = found->second.size;
  kept_.erase(found);
  return size;
}

void Heap::make_evictable(Storage& s) {
  if (s.evictable_at >= 0) return;
  s.sequence = ++sequence_;
  s.evictable_at = static_cast<int32_t>(evictable_.size());
  evictable_.push_back(&s);
  change(s);
}

void Heap::make_unevictable(Storage& s) {
  if (s.evictable_at < 0) return;
  Storage* last = evictable_.back();
  evictable_[s.evictable_at] = last;
  last->evictable_at = s.evictable_at;
  evictable_.pop_back();
  s.evictable_at = -1;
  change(s);
}

void Heap::access(Storage& s, Cost clock) {
  s.last_access = clock;
  if (s.evictable_at >= 0) change(s);
}

void Heap::change(Storage& s) {
  if (s.changed) return;
  s.changed = true;
  changed_.push_back(s.slot);
}

void Heap::set_evicted(Storage& s) {
  make_unevictable(s);
  s.resident = false;
  s.node = classes_.create(s.cost);
  const auto join = [&](const Storage& other) {
    classes_.join(s.node, other.node, [&](const EqClasses::Watcher& w) { return watches(w); });
  };
  for_evicted_sources(*this, s, join);
  for_evicted_readers(*this, s, join);
}

void Heap::set_resident(Storage& s) {
  fall(s);
  leave_class(s);
  s.resident = true;
}

void Heap::leave_class(Storage& s) {
  classes_.leave(s.node, fault(Fault::stale_class_cost) ? 0 : s.cost, [&](const EqClasses::Watcher& w) {
    Storage& watcher = storages_[w.seat];
    if (!watches(w) || fault(Fault::forget_watchers)) return;
    watcher.watching = 0;
    if (watcher.evictable_at >= 0) change(watcher);
  });
  s.node = EqClasses::none;
}

// s is in no evicted neighborhood any more: those around it have shrunk.
void Heap::fall(Storage& s) {
  if (falls_ == Falls::none || falls_ == Falls::of_classes || s.fallen || fault(Fault::forget_falls)) return;
  s.fallen = true;
  fallen_.push_back(s.slot);
}

// The evictable storages that are reached through evicted ones from what has fallen. Who fell on the way
// there and no longer conducts starts a search of its own.
void Heap::change_around_fallen() {
  const auto search = [&](bool readers) {
    const int64_t round = new_round();
    std::vector<int32_t> pending = fallen_;
    const auto meet = [&](Storage& s) {
      if (s.evictable_at >= 0) change(s);
      if (s.resident || s.searched >= round) return;
      s.searched = round;
      pending.push_back(s.slot);
    };
    while (!pending.empty()) {
      const Storage& from = storages_[pending.back()];
      pending.pop_back();
      if (from.id < 0) continue;
      if (readers) {
        for (const Reader& reader : from.readers) meet((*this)[reader.storage]);
      } else {
        for (const Read& read : from.reads)
          if (read.position != Read::kept) meet((*this)[read.version.storage]);
      }
    }
  };
  search(true);
  if (falls_ == Falls::of_both_directions) search(false);
  for (const int32_t slot : fallen_) {
    storages_[slot].fallen = false;
    if (storages_[slot].evictable_at >= 0) change(storages_[slot]);
  }
  fallen_.clear();
}

}  // namespace dtr
