// SPDX-License-Identifier: Apache-2.0
// What happens to recipes, kept versions and storages that nobody needs any more.
#include <algorithm>

#include "fault.h"
#include "impl.h"

namespace dtr {

void Engine::Impl::hold(StorageId id) {
  emit(Rule::hold, id);
  forget(id, Reason::held);
  const bool waits = deallocation == Deallocation::eager && !fault(Fault::forget_to_wait);
  if (waits && heap.alive(id) && heap[id].handles == 0) {
    heap[id].waiting = true;
    retry.insert(id);
  }
}

void Engine::Impl::forget(StorageId id, Reason reason) {
  if (!heap[id].recoverable()) {
    if (reason == Reason::pinned) heap[id].reason = reason;
    return;
  }
  heap.forget(id, reason, forgotten);
  host.forget(id);
  settle_versions(forgotten);
}

void Engine::Impl::released(StorageId id) {
  switch (deallocation) {
    case Deallocation::eager:
      if (heap[id].evictable_at >= 0) evict(heap[id]);
      collect(id);
      if (heap.alive(id) && !heap[id].recoverable()) banish(id);
      return;
    case Deallocation::ignore:
      return;
    case Deallocation::banish:
      banish(id);
  }
}

bool Engine::Impl::may_go(StorageId id) const {
  return heap.alive(id) && heap[id].handles == 0 && heap[id].readers.empty();
}

void Engine::Impl::collect(StorageId id) {
  queue.assign(1, id);
  settle();
}

void Engine::Impl::drop_if_unread(Version version) {
  if (heap.current(version) && heap[version.storage].waiting) retry.insert(version.storage);
  const Bytes size = heap.drop_if_unread(version);
  if (size < 0) return;
  used -= size;
  kept -= size;
  emit(Rule::drop, version.storage, version.number);
  host.drop(version);
}

void Engine::Impl::drop_unread(const std::vector<Version>& versions) {
  for (const Version& version : versions) drop_if_unread(version);
}

// The recipe that read these versions is gone.
void Engine::Impl::settle_versions(const std::vector<Version>& versions) {
  if (versions.empty()) return;
  drop_unread(versions);
  queue.clear();
  for (const Version& version : versions) queue.push_back(version.storage);
  settle();
}

// Collects those in the queue that may go, and what their recipes alone needed: first in, first out.
void Engine::Impl::settle() {
  for (size_t next = 0; next < queue.size(); ++next) {
    const StorageId id = queue[next];
    if (!may_go(id)) continue;
    heap.forget(id, heap[id].reason, collected);
    if (heap[id].resident) used -= heap[id].size;
    heap.destroy(id);
    emit(Rule::collect, id);
    host.collect(id);
    drop_unread(collected);
    for (const Version& version : collected) queue.push_back(version.storage);
  }
}

std::vector<StorageId> Engine::Impl::readers(StorageId id) const {
  std::vector<StorageId> ids;
  for (const Reader& reader : heap[id].readers) ids.push_back(reader.storage);
  std::ranges::sort(ids);
  return ids;
}

// Under eager eviction only if that holds no more bytes than it frees.
bool Engine::Impl::may_banish(StorageId id) const {
  Bytes held = 0;
  for (const Reader& reader : heap[id].readers) {
    if (!heap[reader.storage].resident) return false;
    held += heap[reader.storage].size;
  }
  return deallocation != Deallocation::eager || held + fault(Fault::banish_less) <= heap[id].size;
}

// Frees a storage for good, holding its readers; or lets it wait until that may be done.
void Engine::Impl::banish(StorageId id) {
  heap[id].waiting = !may_banish(id);
  if (heap[id].waiting) return;
  for (const StorageId reader : readers(id))
    if (heap.alive(reader) && heap[reader].recoverable()) hold(reader);
  collect(id);
}

// The reader is resident again: what waits for that may be banished now.
void Engine::Impl::reconsider_sources(const Storage& reader) {
  if (fault(Fault::forget_reconsidering)) return;
  for (const Read& read : reader.reads)
    if (read.position != Read::kept && heap[read.version.storage].waiting) retry.insert(read.version.storage);
}

// Whatever waits and is not in `retry` would fail again: its readers are what they were.
void Engine::Impl::retry_banishing() {
  if (fault(Fault::forget_retries)) return;
  StorageId id = -1;
  for (auto next = retry.begin(); next != retry.end(); next = retry.upper_bound(id)) {
    id = *next;
    retry.erase(next);
    if (heap.alive(id) && heap[id].waiting) banish(id);
  }
}

}  // namespace dtr
