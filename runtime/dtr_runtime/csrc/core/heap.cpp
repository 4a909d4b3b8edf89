// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include <algorithm>

#include "bounds.h"
#include "fault.h"

namespace dtr {

StorageId Heap::create(Bytes size, Reason reason) {
  const StorageId id = numbered(slots_.size(), "storages");
  if (free_slots_.empty()) {
    slots_.push_back(static_cast<int32_t>(storages_.size()));
    storages_.emplace_back();
  } else {
    slots_.push_back(free_slots_.back());
    free_slots_.pop_back();
  }
  Storage& s = (*this)[id];
  s.id = id;
  s.version = 0;
  s.size = size;
  s.cost = s.last_access = s.sequence = s.searched = s.class_cost = s.departed_at = 0;
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
  if (!s.resident) leave_class(s);
  make_unevictable(s);
  recorded_ -= s.cost;
  s.id = -1;
  free_slots_.push_back(slots_[id]);
  slots_[id] = -1;
}

CallRecord* Heap::open_call(CallId id) {
  if (free_calls_.empty()) {
    calls_.emplace_back();
    free_calls_.push_back(&calls_.back());
  }
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
    if (!first && std::ranges::any_of(s.reads, same)) continue;
    Read read{version, Read::kept};
    if (current(version)) {
      std::vector<Reader>& readers = (*this)[version.storage].readers;
      read.position = static_cast<int32_t>(readers.size());
      readers.push_back({id, static_cast<int32_t>(s.reads.size())});
    } else if (const auto found = kept_.find(key(version)); found != kept_.end()) {
      ++found->second.readers;
    }
    s.reads.push_back(read);
  }
}

void Heap::unread(const Read& read) {
  if (read.position == Read::kept) {
    if (const auto found = kept_.find(key(read.version)); found != kept_.end()) --found->second.readers;
    return;
  }
  std::vector<Reader>& readers = (*this)[read.version.storage].readers;
  const Reader last = readers.back();
  readers[read.position] = last;
  (*this)[read.version.storage].class_cost = 0;
  (*this)[last.storage].reads[last.read].position = read.position;
  readers.pop_back();
}

std::vector<Version> Heap::forget(StorageId id, Reason reason) {
  Storage& s = (*this)[id];
  make_unevictable(s);
  s.reason = reason;
  std::vector<Version> versions;
  versions.reserve(s.reads.size());
  for (const Read& read : s.reads) {
    unread(read);
    versions.push_back(read.version);
  }
  s.reads.clear();
  for (CallRecord* call : s.chain) close_call(call);
  s.chain.clear();
  return versions;
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
}

void Heap::make_unevictable(Storage& s) {
  if (s.evictable_at < 0) return;
  Storage* last = evictable_.back();
  evictable_[s.evictable_at] = last;
  last->evictable_at = s.evictable_at;
  evictable_.pop_back();
  s.evictable_at = -1;
}

void Heap::set_evicted(Storage& s) {
  make_unevictable(s);
  s.resident = false;
  s.node = classes_.create(s.cost);
  const auto join = [&](const Storage& other) { classes_.join(s.node, other.node); };
  for_evicted_sources(*this, s, join);
  for_evicted_readers(*this, s, join);
}

void Heap::set_resident(Storage& s) {
  leave_class(s);
  s.resident = true;
  for (const Read& read : s.reads)
    if (read.position != Read::kept) (*this)[read.version.storage].class_cost = 0;
  for (const Reader& reader : s.readers) (*this)[reader.storage].class_cost = 0;
}

void Heap::leave_class(Storage& s) {
  departed_ = plus(departed_, s.cost, "the cost of all rematerializations");
  classes_.leave(s.node, fault(Fault::stale_class_cost) ? 0 : s.cost);
  s.node = EqClasses::none;
}

}  // namespace dtr
