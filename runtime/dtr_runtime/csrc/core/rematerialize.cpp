// SPDX-License-Identifier: Apache-2.0
// Frames: gathering inputs, and rematerialization on an explicit stack.
#include "fault.h"
#include "impl.h"

namespace dtr {

Frame& Engine::Impl::push(CallRecord* call, StorageId target) {
  if (depth == frames.size()) frames.extend();
  Frame& frame = frames[depth++];
  frame.call = call;
  frame.target = target;
  frame.stage = 0;
  return frame;
}

// Every input is requested now, so it counts as accessed now.
void Engine::Impl::touch(const CallRecord& call, StorageId except) {
  if (fault(Fault::forget_touch) && except != Frame::client) return;
  for (const Version& read : call.reads)
    if (read.storage != except && heap.alive(read.storage)) heap.access(heap[read.storage], clock);
}

// A version that is no longer current is served by its kept copy and needs no lock.
void Engine::Impl::begin_stage(Frame& frame) {
  frame.opened = false;
  frame.cursor = 0;
  frame.inputs.clear();
  for (const Version& read : frame.call->reads)
    if (read.storage != frame.target && (heap.current(read) || fault(Fault::lock_current_version)))
      frame.inputs.push_back({read.storage, false});
}

void Engine::Impl::lock(Frame::Input& input) {
  Storage& s = heap[input.id];
  input.locked = true;
  ++s.locks;
  if (!fault(Fault::evict_locked)) heap.make_unevictable(s);
  emit(Rule::lock, s.id);
}

void Engine::Impl::unlock_all(Frame& frame) {
  for (size_t i = 0; i < frame.inputs.size(); ++i) {
    if (!frame.inputs[i].locked) continue;
    if (fault(Fault::forget_unlock) && i + 1 == frame.inputs.size()) continue;
    Storage& s = heap[frame.inputs[i].id];
    if ((--s.locks == 0 || fault(Fault::unlock_for_all)) && s.resident && s.recoverable()) heap.make_evictable(s);
  }
}

bool Engine::Impl::gather() {
  Frame& frame = top();
  if (!frame.opened) {
    frame.opened = true;
    for (Frame::Input& input : frame.inputs)
      if (heap[input.id].resident) lock(input);
  }
  for (; frame.cursor < frame.inputs.size(); ++frame.cursor) {
    Frame::Input& input = frame.inputs[frame.cursor];
    if (input.locked) continue;
    if (!heap[input.id].resident) {
      need(input.id);
      return false;
    }
    if (!fault(Fault::lock_late)) lock(input);
  }
  if (fault(Fault::lock_late))
    for (Frame::Input& input : frame.inputs)
      if (!input.locked && heap[input.id].resident) lock(input);
  return true;
}

void Engine::Impl::need(StorageId id) {
  Storage& s = heap[id];
  if (s.chain.empty() || s.rematerializing)
    throw std::logic_error("storage " + std::to_string(id) + " is evicted and cannot be recomputed");
  s.rematerializing = true;
  emit(Rule::need, id);
  Frame& frame = push(s.chain[0], id);
  touch(*frame.call, id);
  begin_stage(frame);
}

void Engine::Impl::run_down_to(size_t floor) {
  while (depth > floor)
    if (gather()) run_stage();
}

void Engine::Impl::materialize(StorageId id) {
  if (heap[id].resident) return;
  try {
    need(id);
    run_down_to(0);
  } catch (...) {
    unwind();
    throw;
  }
}

void Engine::Impl::run_stage() {
  const StorageId target = top().target;
  const CallRecord& call = *top().call;
  const Cost later = plus(clock, call.cost, "the clock");
  host.replay(call.id, target, top().stage);
  refusal.reset();
  if (!fault(Fault::skip_replay_cost)) clock = later;
  ++totals.rematerializations;
  totals.rematerialized += call.cost;
  emit(Rule::replay, call.id);
  settle_outputs(call, target);

  Frame& frame = top();
  Storage& s = heap[target];
  if (++frame.stage < static_cast<int32_t>(s.chain.size())) {
    emit(Rule::advance, 0);
    unlock_all(frame);
    frame.call = s.chain[frame.stage];
    touch(*frame.call, target);
    begin_stage(frame);
    return;
  }
  host.finish(target);
  s.rematerializing = false;
  bind(s);
  emit(Rule::commit, 0);
  unlock_all(frame);
  --depth;
}

// Results other than the target serve their storages if these are evicted and unmutated.
void Engine::Impl::settle_outputs(const CallRecord& call, StorageId target) {
  for (size_t i = 0; i < call.fresh.size(); ++i) {
    const StorageId id = call.fresh[i];
    if (id == target) continue;
    const bool wanted = heap.alive(id) && !heap[id].resident && heap[id].recoverable() &&
                        (heap[id].version == 0 || fault(Fault::bind_mutated_sibling)) &&
                        !heap[id].rematerializing;
    if (!wanted) {
      host.discard(call.id, static_cast<int32_t>(i));
      continue;
    }
    host.take(call.id, static_cast<int32_t>(i), id);
    if (fault(Fault::count_sibling_twice)) grow(heap[id].size);
    bind(heap[id]);
  }
}

void Engine::Impl::unwind() {
  stop();
  while (depth > 0) {
    Frame& frame = frames[--depth];
    unlock_all(frame);
    if (frame.target == Frame::client) continue;
    heap[frame.target].rematerializing = false;
    host.cancel(frame.target);
  }
}

}  // namespace dtr
