// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include "fault.h"
#include "impl.h"

namespace dtr {

const char* name(Rule rule) {
  static constexpr const char* names[] = {
      "constant", "alias",   "release", "call", "need",    "lock",   "evict", "keep", "drop",    "allocate",
      "free",     "execute", "replay",  "bind", "advance", "commit", "hold",  "pin",  "collect", "out_of_memory",
  };
  return names[static_cast<size_t>(rule)];
}

OutOfMemory::OutOfMemory(Bytes n, Bytes u, Bytes l, Bytes p, Bytes e, Bytes b)
    : std::runtime_error(
          "out of memory: " + std::to_string(n) + " more bytes do not fit a budget of " + std::to_string(b) +
          " with " + std::to_string(u) + " in use, of which " + std::to_string(l) + " are locked by calls under way, " +
          std::to_string(p) + " cannot be recomputed and " + std::to_string(e) +
          " are evictable; going on takes a budget of at least " +
          std::to_string(static_cast<uint64_t>(u - e) + static_cast<uint64_t>(n)) + " bytes"),
      need(n), used(u), locked(l), pinned(p), evictable(e), budget(b) {}

// A storage that goes on being overwritten (a counter, a running mean) would grow a recipe without end.
constexpr size_t kLongestChain = 16;

void Engine::Impl::stop() {
  if (recording && refusal) {
    events.cut(refusal->place);
    events.push_back(refusal->event);
  }
  recording = false;
  stopped = true;
}

void Engine::Impl::require_idle(const char* command) const {
  if (depth > 0) throw std::logic_error(std::string(command) + " while a call is under way");
}

Storage& Engine::Impl::require(StorageId id) {
  if (id < 0 || id >= heap.count() || !heap.alive(id))
    throw std::logic_error("storage " + std::to_string(id) + " does not exist");
  return heap[id];
}

void Engine::Impl::room(Bytes n) {
  const Bytes limit = budget + (fault(Fault::budget_off_by_one) ? 1 : 0);
  while (n > limit - used) {
    if (heap.evictable().empty()) {
      Bytes locked = 0, pinned = 0;
      heap.for_each([&](const Storage& s) {
        if (s.resident) (s.recoverable() ? locked : pinned) += s.size;
      });
      refusal = {events.size(), {n, used, 0, Rule::out_of_memory}};
      throw OutOfMemory(n, used, locked, pinned, 0, budget);
    }
    evict(require(policy->choose(heap, clock)));
  }
}

void Engine::Impl::evict(Storage& s) {
  heap.set_evicted(s);
  used -= s.size;
  ++totals.evictions;
  emit(Rule::evict, s.id);
  host.evict(s.id);
}

void Engine::Impl::bind(Storage& s) {
  if (!s.resident) heap.set_resident(s);
  unbound -= s.size;
  if (!fault(Fault::forget_clock_at_bind)) heap.access(s, clock);
  reconsider_sources(s);
  if (s.recoverable()) heap.make_evictable(s);
  emit(Rule::bind, s.id);
}

Engine::Engine(Host& host, Bytes budget, std::unique_ptr<Policy> policy, Deallocation deallocation)
    : impl_(std::make_unique<Impl>(host, budget, std::move(policy), deallocation)) {}
Engine::~Engine() = default;

StorageId Engine::constant(Bytes size) {
  Impl& m = *impl_;
  m.require_idle("constant");
  require_natural(size, "the size of a constant");
  try {
    m.room(size);
  } catch (...) {
    m.stop();
    throw;
  }
  m.next_position();
  const StorageId id = m.heap.create(size, Reason::constant);
  m.grow(size);
  m.emit(Rule::constant, id);
  m.retry_banishing();
  return id;
}

CallId Engine::begin(const CallSpec& spec, bool fresh) {
  Impl& m = *impl_;
  m.require_idle("begin");
  for (const StorageId id : spec.inputs) m.require(id);
  CallRecord* call = m.heap.open_call(m.next_position());
  for (const StorageId id : spec.inputs) call->reads.push_back({id, m.heap[id].version});
  for (const int32_t i : spec.writes) call->writes.push_back(spec.inputs.at(i));
  try {
    m.touch(*call, Frame::client);
    m.write_barrier(*call);
    m.emit(Rule::call, call->id);
    m.begin_stage(m.push(call, Frame::client));
    while (!m.gather()) m.run_down_to(1);
    m.keep_versions(*call, fresh);
  } catch (...) {
    m.unwind();
    for (const StorageId id : call->writes) m.drop_if_unread({id, m.heap[id].version});
    m.heap.close_call(call);
    throw;
  }
  return call->id;
}

// Zero bytes are never asked for: no step of the machine corresponds to them.
void Engine::allocate(Bytes n) {
  Impl& m = *impl_;
  if (n == 0) return;
  require_natural(n, "the number of bytes asked for");
  m.room(n);
  m.unbound += n;
  m.grow(n);
  m.emit(Rule::allocate, n);
}

void Engine::free(Bytes n) {
  Impl& m = *impl_;
  if (n == 0) return;
  m.unbound -= n;
  m.used -= n;
  m.emit(Rule::free_, n);
}

const std::vector<StorageId>& Engine::commit(const std::vector<Bytes>& outputs, Cost cost) {
  Impl& m = *impl_;
  if (m.depth != 1) throw std::logic_error("commit without a call");
  Bytes bytes = 0;
  for (const Bytes size : outputs) {
    require_natural(size, "the size of a result");
    bytes = plus(bytes, size, "the bytes of a call's results");
  }
  if (bytes != m.unbound)
    throw std::logic_error("commit of " + std::to_string(bytes) + " bytes where the call holds " +
                           std::to_string(m.unbound));
  require_natural(cost, "the cost of a call");
  CallRecord* call = m.top().call;
  const Cost clock = plus(m.clock, cost, "the clock");
  m.heap.require_room_for_cost(cost, outputs.size() + call->writes.size());
  call->cost = cost;
  m.clock = clock;
  m.totals.computed += cost;
  m.emit(Rule::execute, call->id);
  m.refusal.reset();

  std::vector<std::vector<Version>> forgotten;  // what lost recipes read; drops and collections wait for the end
  for (const StorageId id : call->writes) {
    ++m.heap[id].version;
    m.heap.access(m.heap[id], m.clock);
  }
  for (const StorageId id : call->writes) {
    if (!m.heap[id].recoverable()) continue;
    if (m.reads_lost_version(*call, id)) {
      m.heap.forget(id, Reason::born_held, forgotten.emplace_back());
      m.host.forget(id);
    } else {
      m.heap.extend(id, call);
    }
  }
  m.made.clear();
  const bool lost = m.reads_lost_version(*call, Frame::client);
  for (const Bytes size : outputs) {
    const StorageId id = m.heap.create(size, lost ? Reason::born_held : Reason::none);
    m.made.push_back(id);
    call->fresh.push_back(id);
    if (!lost) m.heap.extend(id, call);
    m.bind(m.heap[id]);
  }
  m.emit(Rule::commit, 0);
  m.unlock_all(m.top());
  --m.depth;

  for (const std::vector<Version>& versions : forgotten) m.settle_versions(versions);
  for (const StorageId id : call->writes) m.drop_if_unread({id, m.heap[id].version - 1});
  for (const StorageId id : call->writes)
    if (m.heap[id].recoverable() && m.heap[id].chain.size() + fault(Fault::hold_early) > kLongestChain) m.hold(id);
  m.heap.close_call(call);
  m.retry_banishing();
  return m.made;
}

void Engine::end_where_refused() {
  if (impl_->refusal) impl_->stop();
}

void Engine::abandon() {
  Impl& m = *impl_;
  if (m.unbound > 0) free(m.unbound);
  if (m.depth > 0) commit({}, 0);
}

void Engine::alias(StorageId id, int64_t handle) {
  impl_->require_idle("alias");
  ++impl_->require(id).handles;
  impl_->next_position();
  impl_->emit(Rule::alias, handle);
  impl_->retry_banishing();
}

void Engine::release(StorageId id, int64_t handle) {
  impl_->require_idle("release");
  Storage& s = impl_->require(id);
  if (s.handles == 0) throw std::logic_error("storage " + std::to_string(id) + " has no handle to release");
  impl_->next_position();
  impl_->emit(Rule::release, handle);
  if (--s.handles == 0) impl_->released(id);
  impl_->retry_banishing();
}

void Engine::pin(StorageId id, int64_t handle) {
  impl_->require_idle("pin");
  impl_->require(id);
  impl_->materialize(id);
  impl_->next_position();
  impl_->emit(Rule::pin, handle);
  impl_->forget(id, Reason::pinned);
  impl_->retry_banishing();
}

void Engine::materialize(StorageId id) {
  impl_->require_idle("materialize");
  impl_->require(id);
  impl_->materialize(id);
}

void Engine::set_budget(Bytes budget) {
  require_natural(budget, "the budget");
  impl_->budget = budget;
}
void Engine::set_recording(bool on) { impl_->recording = on && !impl_->stopped; }

Bytes Engine::used() const { return impl_->used; }
Bytes Engine::peak() const { return impl_->peak; }
Bytes Engine::budget() const { return impl_->budget; }
Cost Engine::clock() const { return impl_->clock; }
bool Engine::alive(StorageId id) const { return impl_->heap.alive(id); }
bool Engine::resident(StorageId id) const { return alive(id) && impl_->heap[id].resident; }
bool Engine::recoverable(StorageId id) const { return alive(id) && impl_->heap[id].recoverable(); }
bool Engine::busy() const { return impl_->depth > 0; }
Cost Engine::cost(StorageId id) const { return impl_->require(id).cost; }
std::vector<StorageId> Engine::readers(StorageId id) const {
  impl_->require(id);
  return impl_->readers(id);
}
const Row<Event>& Engine::events() const { return impl_->events; }
bool Engine::stopped_recording() const { return impl_->stopped; }

Counters Engine::counters() const {
  Counters all = impl_->totals;
  all.peak = impl_->peak;
  all.kept = impl_->kept;
  impl_->heap.for_each([&](const Storage& s) {
    if (!s.resident) return;
    if (s.evictable_at >= 0) all.evictable += s.size;
    switch (s.reason) {
      case Reason::none: break;
      case Reason::constant: all.constant += s.size; break;
      case Reason::held: all.held += s.size; break;
      case Reason::born_held: all.born_held += s.size; break;
      case Reason::pinned: all.pinned += s.size; break;
    }
  });
  return all;
}

}  // namespace dtr
