// SPDX-License-Identifier: Apache-2.0
// The write barrier: before a version is overwritten, what would be recomputed from it is held, or
// the version is kept.
#include <algorithm>

#include "fault.h"
#include "impl.h"

namespace dtr {

void Engine::Impl::write_barrier(const CallRecord& call) {
  if (fault(Fault::skip_write_barrier)) return;
  for (const StorageId id : call.writes)
    if (!heap[id].readers.empty()) write_barrier(id);
}

void Engine::Impl::write_barrier(StorageId overwritten) {
  const int64_t round = heap.new_round();
  std::vector<StorageId> sinks, walked, pending{overwritten};
  while (!pending.empty()) {
    const StorageId id = pending.back();
    pending.pop_back();
    for (const Reader& reader : heap[id].readers) {
      const Storage& s = heap[reader.storage];
      if (s.searched >= round) continue;
      s.searched = round;
      (s.handles > 0 ? sinks : walked).push_back(s.id);
      if (s.handles == 0) pending.push_back(s.id);
    }
  }
  std::ranges::sort(sinks);
  if (fault(Fault::sinks_backwards)) std::ranges::reverse(sinks);
  for (const StorageId id : sinks) {
    if (!fault(Fault::hold_without_bytes)) materialize(id);
    hold(id);
  }
  std::ranges::sort(walked, std::greater<>());
  if (fault(Fault::walked_forwards)) std::ranges::reverse(walked);
  for (const StorageId id : walked) collect(id);
}

// A copy costs bytes until nothing reads it; holding the results costs theirs. Keep what is small
// beside the other inputs, decided before the results' sizes are known.
void Engine::Impl::keep_versions(const CallRecord& call, bool fresh) {
  if (call.writes.empty() || fault(Fault::keep_nothing)) return;
  const auto recoverable = [&](StorageId id) { return heap[id].recoverable(); };
  const auto others = [&](StorageId w) {
    return std::ranges::any_of(call.writes, [&](StorageId id) { return id != w && recoverable(id); });
  };
  const auto written = [&](StorageId id) { return std::ranges::find(call.writes, id) != call.writes.end(); };
  std::vector<StorageId> wanted;
  Bytes copies = 0, inputs = 0;
  for (const StorageId w : call.writes) {
    if (!fresh && !others(w)) continue;
    wanted.push_back(w);
    copies += heap[w].size;
  }
  for (const Version& read : call.reads)
    if (!written(read.storage)) inputs += heap[read.storage].size;
  if (4 * copies + fault(Fault::keep_less) > inputs) return;
  for (const StorageId w : wanted) {
    const Bytes size = heap[w].size;
    room(size);
    const Version version{w, heap[w].version};
    heap.keep(version, size);
    kept += size;
    grow(size);
    host.keep(version);
    emit(Rule::keep, w);
  }
}

// Whether recomputing `result` of the executed call would read an overwritten version that is not kept.
bool Engine::Impl::reads_lost_version(const CallRecord& call, StorageId result) const {
  return std::ranges::any_of(call.writes, [&](StorageId w) {
    return w != result && !heap.kept({w, heap[w].version - 1});
  });
}

}  // namespace dtr
