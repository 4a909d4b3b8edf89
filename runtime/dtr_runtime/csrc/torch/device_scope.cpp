// SPDX-License-Identifier: Apache-2.0
// A scope on a device. Its allocator cannot be asked to wait, so room for a call is made ahead, as much as
// calls like it are known to ask for; and it tells nobody when memory comes back, so deaths are looked for.
//
// The budget bounds the allocator's own count of allocated bytes. What the engine accounts for (M) is made equal
// to that count between calls: bytes that no storage of the scope explains are constants, `outside_`.
#include <c10/util/Exception.h>

#include <algorithm>
#include <numeric>

#include "scope.h"

namespace dtr {

namespace {

// Host tensors of so many bytes are kept with the arguments; a call that reads a larger one has no recipe.
constexpr size_t kSmall = 1024;

}  // namespace

// --- calls ---

bool Scope::concerns_device(const Operator& known, c10::ArrayRef<c10::IValue> arguments) const {
  if (known.device >= 0 && arguments[known.device].isDevice()) {
    const c10::Device named = arguments[known.device].toDevice();
    if (named.type() == memory_.device().type() && (!named.has_index() || named == memory_.device())) return true;
  }
  bool any = false;
  for_each_tensor(known, arguments, [&](const at::Tensor& tensor, size_t) {
    any |= tensor.defined() && tensor.device() == memory_.device();
  });
  return any;
}

bool Scope::by_value(const at::Tensor& tensor) const {
  return device_ && tensor.device().is_cpu() && tensor.has_storage() && tensor.storage().nbytes() <= kSmall;
}

// Between gathering and locking: what the call will need, and whether the books are right.
void Scope::make_ready(Call& call, const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments) {
  const Operator& known = *call.known;
  TORCH_CHECK(
      device_->stream() == *stream_, known.name,
      " runs on another stream than the one on which the budget's scope was entered; one stream is supported");
  Need& need = Needs::on(memory_.device()).of(known, arguments);
  if (!std::exchange(need.predicted, true))
    need.bytes = predicted(op, known, arguments, memory_.device(), &DeviceMemory::rounded, call.bytes);
  call.need = &need;
  const bool missing = std::any_of(
      spec_.inputs.begin(), spec_.inputs.end(), [&](StorageId id) { return !engine_.resident(id); });
  if (missing || engine_.used() + need.bytes > engine_.budget()) find_dead(living_);
  reconcile();
  // Values that come from elsewhere cannot be read again, and what is resized loses its bytes.
  if (call.elsewhere) pin_all(call.written);
  if (!known.resizes) return;
  for (StorageId id : spec_.inputs) {
    pin_computed_from(id);
    if (engine_.recoverable(id)) pin(id);
  }
}

// For the client's call, and again whenever it is replayed.
void Scope::reserve(Call& call, Bytes bytes) {
  piece(bytes);
  if (bytes != 0) call.pieces.push_back(bytes);
}

void Scope::run_on_device(Call& call, torch::jit::Stack* stack, size_t returns, const std::function<void()>& kernel) {
  Bytes reserved = call.need->bytes;
  reserve(call, reserved);
  const Bytes unseen = uncounted(reserved);
  reserve(call, unseen);
  reserved += unseen;
  const Reading before = device_->read();
  const bool repeatable = std::all_of(
      call.written.begin(), call.written.end(), [&](StorageId id) { return node(id).size == 0; });
  insist(stack, call.known->tensors.size(), repeatable, kernel, [&] {
    if (call.random) restore(call.random->generator, *call.random->last);
  });
  const Bytes demand = meter(*call.need, *call.known, before);
  std::vector<c10::StorageImpl*> fresh;
  if (call.record && !call.opaque) fresh = new_storages(torch::jit::last(*stack, returns), before);
  Bytes total = 0;
  for (const c10::StorageImpl* storage : fresh) total += DeviceMemory::rounded(static_cast<Bytes>(storage->nbytes()));
  if (demand > reserved || total > reserved) {
    correct(call, reserved, std::max(demand, total), total);
  } else {
    reserve(call, total - reserved);
  }
  enter_fresh(fresh);
}

// More was asked for than had been reserved. The books say what should have been, if that is possible;
// what the results take has to fit in any case.
void Scope::correct(Call& call, Bytes reserved, Bytes demand, Bytes total) {
  reserve(call, -reserved);
  std::vector<Bytes> copies;  // that would have been made of what the call overwrites
  if (!call.guarded)
    for (StorageId id : call.written) copies.push_back(node(id).size);
  const Bytes possible = engine_.budget() - engine_.used() + engine_.counters().evictable;
  if (std::accumulate(copies.begin(), copies.end(), demand) > possible) {
    demand = total;
    copies.clear();
  }
  call.guarded = true;
  for (Bytes copy : copies) ask(copy);
  reserve(call, demand);
  reserve(call, total - demand);
  for (Bytes copy : copies) engine_.free(copy);
}

// Room is made as when the call ran first; its results' bytes remain allocated.
void Scope::rerun_on_device(
    const Record& record, torch::jit::Stack* stack, const std::function<void()>& kernel) {
  Bytes reserved = 0;
  const auto reserve = [&](Bytes bytes) {
    piece(bytes);
    reserved += bytes;
  };
  std::vector<c10::StorageImpl*> fresh;
  try {
    for (size_t i = 0; i < record.pieces.size(); ++i)
      if (record.pieces[i] > 0 || i + 1 < record.pieces.size()) reserve(record.pieces[i]);
    reserve(uncounted(reserved));
    const Reading before = device_->read();
    insist(stack, record.known->tensors.size(), record.writes.empty(), kernel, [] {});
    meter(*record.need, *record.known, before);
    fresh = new_storages(torch::jit::last(*stack, record.known->results), before);
    Bytes total = 0;
    for (const c10::StorageImpl* storage : fresh) total += DeviceMemory::rounded(static_cast<Bytes>(storage->nbytes()));
    reserve(total - reserved);
  } catch (...) {
    engine_.free(reserved);
    throw;
  }
  enter_fresh(fresh);
}

// Runs a kernel again for as long as the allocator itself is out of memory and there is something to evict:
// the device may have less than the budget, or in pieces too small.
void Scope::insist(
    torch::jit::Stack* stack, size_t arguments, bool repeatable, const std::function<void()>& kernel,
    const std::function<void()>& undo) {
  const torch::jit::Stack saved(stack->end() - static_cast<std::ptrdiff_t>(arguments), stack->end());
  const size_t below = stack->size() - arguments;
  for (Bytes wanted = kFirstRelief;; wanted *= 2) {
    try {
      return kernel();
    } catch (...) {
      if (!failures.exhausted(std::current_exception())) throw;
      const Bytes evictable = engine_.counters().evictable;
      if (!repeatable || evictable == 0) refuse();
      undo();
      const Bytes all_but = engine_.budget() - engine_.used() + std::min(wanted, evictable);
      piece(all_but);
      piece(-all_but);
      stack->resize(below);
      stack->insert(stack->end(), saved.begin(), saved.end());
    }
  }
}

// What the kernel asked for at once. All that it was ever given bounds that, and so does the allocator's peak;
// the peak is the user's to read, so it is not reset here.
Bytes Scope::meter(Need& need, const Operator& known, const Reading& before) {
  const Reading after = device_->read();
  const Bytes demand = std::min(after.total - before.total, after.peak - before.allocated);
  need.learn(demand);
  if (after.peak > before.peak && after.peak > engine_.budget()) {
    Bytes& most = overshoots_[known.name];
    most = std::max(most, after.peak - engine_.budget());
  }
  return demand;
}

// The storages among the results whose memory is new. If the allocator handed out less than they have, a result
// was there before, and nothing can be said of any.
std::vector<c10::StorageImpl*> Scope::new_storages(c10::ArrayRef<c10::IValue> results, const Reading& before) {
  std::vector<c10::StorageImpl*> fresh;
  Bytes bytes = 0;
  bool strided = true;
  for_each_result(results, [&](const at::Tensor& tensor) {
    if (!tensor.defined()) return;
    if (!tensor.has_storage() || tensor.is_quantized() || tensor.is_nested()) {
      strided = false;
      return;
    }
    c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    c10::DataPtr& pointer = storage->_mutable_data_ptr_no_checks();
    if (pointer.device() != memory_.device() || pointer.get() == nullptr || !device_->owns(*storage)) return;
    if (memory_.find(pointer.get()) || std::find(fresh.begin(), fresh.end(), storage) != fresh.end()) return;
    fresh.push_back(storage);
    bytes += static_cast<Bytes>(storage->nbytes());
  });
  if (!strided || bytes > device_->read().total - before.total) fresh.clear();
  return fresh;
}

void Scope::enter_fresh(const std::vector<c10::StorageImpl*>& fresh) {
  for (c10::StorageImpl* storage : fresh) {
    device_->adopt(*storage, DeviceMemory::rounded(static_cast<Bytes>(storage->nbytes())), kCall);
    blocks_.push_back(storage->_mutable_data_ptr_no_checks().get());
  }
}

// An operator gave an argument's storage other memory: what was there is gone.
void Scope::notice_moved(Node& moved) {
  if (!moved.client || !moved.data || moved.client->_mutable_data_ptr_no_checks().get() == moved.data) return;
  device_->release(moved.data);
  moved.client = nullptr;
  moved.data = nullptr;
  bury(moved);
}

// --- storages ---

// A storage seen for the first time: it was there before the scope, or nobody could follow how it came about.
Node& Scope::adopt(c10::StorageImpl& storage) {
  const Bytes size = DeviceMemory::rounded(static_cast<Bytes>(storage.nbytes()));
  const bool owned = device_->owns(storage);
  if (owned) account_outside(std::max<Bytes>(0, outside_bytes_ - size));
  void* data = storage._mutable_data_ptr_no_checks().get();
  device_->adopt(storage, size, kInternal);
  Node& adopted = constant(size, data);
  adopted.exposed = !owned;
  if (!owned) foreign_bytes_ += size;
  return adopted;
}

void Scope::bury(Node& dead) {
  dead.handle = false;
  deaths_.push_back(dead.id);
}

// Among these, and what is left of them is returned to the list.
void Scope::find_dead(std::vector<StorageId>& among) {
  std::erase_if(among, [&](StorageId id) {
    Node* met = nodes_[id];
    if (!met || !met->handle || !met->client) return true;
    const c10::Storage& holder = met->data ? device_->holder(met->data) : met->held;
    if (holder.use_count() == 1) {
      bury(*met);
    } else {
      notice_moved(*met);
    }
    return !met->handle;
  });
  bury_dead();
}

void Scope::bury_dead() {
  for (size_t i = 0; i < deaths_.size(); ++i)
    if (Node* dead = nodes_[deaths_[i]]) die(*dead);
  deaths_.clear();
}

// --- bytes that no storage of the scope explains ---

// How many bytes the allocator counts beyond the engine, of which `reserved` are not handed out yet.
Bytes Scope::uncounted(Bytes reserved) const {
  return std::max<Bytes>(0, device_->read().allocated + foreign_bytes_ - (engine_.used() - reserved));
}

void Scope::reconcile() {
  const Bytes explained = engine_.used() - outside_bytes_ - foreign_bytes_;
  account_outside(std::max<Bytes>(0, device_->read().allocated - explained));
}

void Scope::account_outside(Bytes bytes) {
  while (outside_bytes_ > bytes) {
    Node& last = node(outside_.back());
    outside_.pop_back();
    outside_bytes_ -= last.size;
    last.handle = false;
    die(last);
  }
  if (outside_bytes_ == bytes) return;
  const Node& more = constant(bytes - outside_bytes_, nullptr);
  outside_.push_back(more.id);
  outside_bytes_ = bytes;
}

// --- entering and leaving ---

void Scope::enter_device() {
  device_->reset_peaks();
  stream_ = device_->stream();
  reconcile();
}

void Scope::disown_device() {
  most_reserved_ = device_->read().most_reserved;
  for (Node* known : nodes_) {
    if (!known) continue;
    if (known->held && known->handle) keep_wreck(*known);
    if (known->held && !known->handle)
      known->held.unsafeGetStorageImpl()->_mutable_data_ptr_no_checks().release_context();
    known->held = {};
  }
  kept_.clear();
  device_->clear();
}

Bytes Scope::reserved() const {
  if (!device_) return 0;
  return active_ ? device_->read().most_reserved : most_reserved_;
}

}  // namespace dtr
