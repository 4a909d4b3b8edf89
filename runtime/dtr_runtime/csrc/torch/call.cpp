// SPDX-License-Identifier: Apache-2.0
// A client's operator call, from its arguments to its results.
#include <c10/util/ScopeExit.h>

#include <algorithm>
#include <set>

#include "interpose.h"
#include "scope.h"
#include "turn.h"

namespace dtr {

namespace {

// Whether an operator takes no memory to read one as it reads the other. A number is converted within the slab.
bool alike(const at::Tensor& one, const at::Tensor& other) {
  if (!one.defined() || !other.defined()) return one.defined() == other.defined();
  if (one.layout() != at::kStrided || other.layout() != at::kStrided) return false;
  return other.dim() == 0 ||
      (one.dtype() == other.dtype() && one.sizes() == other.sizes() && one.strides() == other.strides());
}

// Whether a list operator may take memory for an element after it has overwritten earlier ones: if the element's
// operands in the several lists are not alike.
bool uneven(c10::ArrayRef<c10::IValue> arguments) {
  const c10::IValue* first = nullptr;
  for (const c10::IValue& argument : arguments) {
    if (!argument.isTensorList()) continue;
    if (!first) {
      first = &argument;
      continue;
    }
    const auto ones = first->toListRef(), others = argument.toListRef();
    for (size_t i = 0; i < ones.size() && i < others.size(); ++i)
      if (!alike(ones[i].toTensor(), others[i].toTensor())) return true;
  }
  return false;
}

// Whether a list operator is called on lists of one length, more than one: then it is a loop.
bool is_loop(const Operator& known, c10::ArrayRef<c10::IValue> arguments) {
  if (!known.elementwise_list || !arguments[0].isTensorList()) return false;
  const size_t elements = arguments[0].toListRef().size();
  return elements > 1 && std::all_of(arguments.begin(), arguments.end(), [&](const c10::IValue& argument) {
    return !argument.isTensorList() || argument.toListRef().size() == elements;
  });
}

// Whether a call is shape arithmetic of a tracer (torch.compile): what is symbolic has no bytes.
bool symbolic(const Operator& known, c10::ArrayRef<c10::IValue> arguments) {
  bool any = known.takes_symbols && std::any_of(arguments.begin(), arguments.end(), [](const c10::IValue& argument) {
    return argument.isSymInt() || argument.isSymIntList();
  });
  for_each_tensor(known, arguments, [&](const at::Tensor& tensor, size_t) {
    any |= tensor.defined() && tensor.unsafeGetTensorImpl()->has_symbolic_sizes_strides();
  });
  return any;
}

}  // namespace

void Scope::call(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const auto one_at_a_time = turn(serial_mutex_);
  if (!active_) return below(op, keys, stack);
  const Operator& known = Operators::instance().of(op);
  if (known.kind == Kind::view) return below(op, keys, stack);
  auto lock = turn(memory_.mutex());
  const auto pass = [&] {
    lock.unlock();
    below(op, keys, stack);
  };
  if (phase_ != Phase::idle) return pass();
  const auto arguments = torch::jit::last(*stack, known.tensors.size());
  if (symbolic(known, arguments)) return pass();
  if (device_ && !concerns_device(known, arguments)) return pass();
  TORCH_CHECK(
      !known.collective, known.name,
      " writes what dtr_runtime cannot see; call collective operators outside the budget's scope");
  if (known.lends) {
    expose(*arguments[0].toTensor().storage().unsafeGetStorageImpl());
    return pass();
  }
  const bool hasty = known.foreign || (known.writes_lists && uneven(arguments));
  if (is_loop(known, arguments) && (!known.writes_lists || (!hasty && too_much_at_once(known, arguments)))) {
    lock.unlock();
    return split(op, known, keys, stack);
  }
  Call call{&known};
  call.hasty = hasty;
  execute(call, op, keys, stack);
}

// A call that reads or writes bytes, as one step.
void Scope::execute(Call& call, const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const Operator& known = *call.known;
  const Ticks start = c10::getApproximateTime();
  const auto timed = c10::make_scope_exit([&] { overhead_ += c10::getApproximateTime() - start - call.inside; });
  within_budget(known.name.c_str(), [&] {
    const auto arguments = torch::jit::last(*stack, known.tensors.size());
    if (pending_) resolve_pending(call, arguments);
    settle();
    gather(call, arguments);
    if (known.reshapes) note_forms(call, arguments);
    if (device_) make_ready(call, op, arguments);
    prepare(call, op, keys, arguments);
  });
  begin(call);
  if (call.created.data) fill(call);
  run(call, op, keys, stack);
  const auto results = torch::jit::last(*stack, known.results);
  if (device_ && (known.resizes || !call.targets.empty()))
    for (StorageId id : spec_.inputs) notice_moved(node(id));
  call.cost = clock_ == Clock::logical ? logical_cost(call.bytes, results, call.products)
                                       : std::max<Cost>(1, call.nanoseconds);
  conclude(call, results);
}

// The kernel has returned.
void Scope::conclude(Call& call, c10::ArrayRef<c10::IValue> results) {
  const Operator& known = *call.known;
  const bool hides_inputs = !call.opaque && opaque(results);
  call.opaque |= hides_inputs;
  // Without a record (a resized argument's new bytes, an opaque result) there is no recipe.
  const Outputs fresh = call.opaque || !call.record ? Outputs() : outputs(results, call.targets);
  if (known.kind == Kind::allocate && fresh.size() == 1 && blocks_.size() == 1) {
    pending_ = std::make_unique<Call>(std::move(call));
    pending_output_ = fresh[0];
    return;
  }
  commit(call, fresh);
  within_budget(known.name.c_str(), [&] {
    settle();
    if (Node* met = known.pointed_at ? find(results.back().toTensor().storage().unsafeGetStorageImpl()) : nullptr)
      pin_all(met->id);
    if (hides_inputs) pin_inputs();
  });
}

// Whether a list operator in place has to be called element by element, as its operands do not fit together. Otherwise
// it is one call, which fails as a whole; so it is, too, if even one element does not fit.
bool Scope::too_much_at_once(const Operator& known, c10::ArrayRef<c10::IValue> arguments) {
  return within_budget(known.name.c_str(), [&] {
    settle();
    std::vector<Bytes> of_element(arguments[0].toListRef().size());
    std::set<StorageId> met;
    Bytes all = 0;
    for (const c10::IValue& argument : arguments) {
      if (!argument.isTensorList()) continue;
      for (size_t i = 0; i < of_element.size(); ++i) {
        const at::Tensor& tensor = argument.toListRef()[i].toTensor();
        Node* node = tensor.defined() && tensor.has_storage() ? find(tensor.storage().unsafeGetStorageImpl()) : nullptr;
        if (!node || !engine_.recoverable(node->id)) continue;
        of_element[i] += node->size;
        if (met.insert(node->id).second) all += node->size;
      }
    }
    const Bytes room = engine_.budget() - engine_.used() + engine_.counters().evictable;
    return all > room && *std::max_element(of_element.begin(), of_element.end()) <= room;
  });
}

// A list operator, one element at a time: no more than one element's storages are locked at once.
void Scope::split(
    const c10::OperatorHandle& op, const Operator& known, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const size_t count = known.tensors.size();
  const std::vector<c10::IValue> arguments(stack->end() - static_cast<std::ptrdiff_t>(count), stack->end());
  torch::jit::drop(*stack, count);
  const size_t elements = arguments[0].toListRef().size();
  const bool returns = known.results > 0;
  c10::List<at::Tensor> results;
  for (size_t i = 0; i < elements; ++i) {
    torch::jit::Stack one;
    for (const c10::IValue& argument : arguments) {
      if (argument.isTensorList()) {
        one.emplace_back(c10::List<at::Tensor>({argument.toListRef()[i].toTensor()}));
      } else if (argument.isList() && argument.toListRef().size() == elements) {
        c10::impl::GenericList slice(argument.toList().elementType());
        slice.push_back(argument.toListRef()[i]);
        one.emplace_back(std::move(slice));
      } else {
        one.push_back(argument);
      }
    }
    call(op, keys, &one);
    if (returns) results.push_back(one.back().toListRef()[0].toTensor());
  }
  if (returns) stack->emplace_back(std::move(results));
}

// Finds the storages that the call reads and overwrites.
void Scope::gather(Call& call, c10::ArrayRef<c10::IValue> arguments) {
  const Operator& known = *call.known;
  const bool writes = known.writes_if < 0 || arguments[known.writes_if].toBool();
  ++calls_;
  spec_.inputs.clear();
  spec_.writes.clear();
  for_each_tensor(known, arguments, [&](const at::Tensor& tensor, size_t argument) {
    if (!tensor.defined()) return;
    call.opaque |= opaque(tensor);
    if (!tensor.has_storage()) return;
    c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    call.elsewhere |= device_ && !known.shape_only && tensor.device() != memory_.device() && !by_value(tensor);
    int32_t& slot = call.slots.emplace_back(kNoSlot);
    if (known.shape_only) return;
    if (storage == call.created.storage) {
      slot = kCreated;
      return;
    }
    call.bytes += tensor.numel() * static_cast<Bytes>(tensor.itemsize());
    const bool written = writes && known.writes[argument];
    Node* node = find(storage);
    if (written) call.targets.push_back(storage);
    if (!node) {
      if (by_value(tensor)) slot = kByValue;
      return;
    }
    call.exposed |= node->exposed;
    slot = slot_of(*node);
    if (written && std::find(spec_.writes.begin(), spec_.writes.end(), slot) == spec_.writes.end())
      spec_.writes.push_back(slot);
  });
  if (known.takes_storages) {
    for (const c10::IValue& argument : arguments)
      if (Node* node = argument.isStorage() ? find(argument.toStorage().unsafeGetStorageImpl()) : nullptr)
        slot_of(*node);
  }
  if (clock_ == Clock::logical) call.products = products(known, arguments);
  if (known.random) draw(call, arguments);
  std::sort(spec_.writes.begin(), spec_.writes.end());
  for (int32_t slot : spec_.writes) call.written.push_back(spec_.inputs[slot]);
  call.hasty &= std::any_of(call.written.begin(), call.written.end(), [&](StorageId id) { return node(id).size > 0; });
}

// The position of a storage among the inputs of the call under way.
int32_t Scope::slot_of(Node& input) {
  if (input.serial != calls_) {
    input.serial = calls_;
    input.slot = static_cast<int32_t>(spec_.inputs.size());
    spec_.inputs.push_back(input.id);
  }
  return input.slot;
}

// The call overwrites the state of its generator.
void Scope::draw(Call& call, c10::ArrayRef<c10::IValue> arguments) {
  const Operator& known = *call.known;
  call.random = &random(generator_or_default(
      known.generator >= 0 ? arguments[known.generator].toOptional<at::Generator>() : std::nullopt,
      memory_.device()));
  spec_.writes.push_back(slot_of(node(call.random->id)));
}

// Records what a replay would need, if there can be one.
void Scope::prepare(
    Call& call, const c10::OperatorHandle& op, c10::DispatchKeySet keys, c10::ArrayRef<c10::IValue> arguments) {
  const Operator& known = *call.known;
  if (call.opaque) {
    pin_inputs();
    return;
  }
  if (call.elsewhere) return;
  bool needed = known.returns_fresh || call.created.data;
  for (StorageId id : call.written) needed |= engine_.recoverable(id);
  if (!needed) return;
  call.record = {recycled(), Recycle{this}};
  Record& record = *call.record;
  record.op = op;
  record.known = &known;
  record.keys = keys;
  auto slot = call.slots.begin();
  dtr::record(record.arguments, known, arguments, [&](const at::Tensor&) { return *slot++; });
  for (StorageId id : spec_.inputs) record.inputs.push_back({id, node(id).version});
  record.created = call.created.size;
  record.hasty = call.hasty;
  for (int32_t written : spec_.writes) record.writes.push_back(written);
  record.numerics = &numerics();
}

// The present settings, as a recipe needs them.
const Numerics& Scope::numerics() {
  const bool on_device = device_ != nullptr;
  if (latest_ && context_.is_current() && latest_->hold_apart(on_device)) return *latest_;
  context_.take();
  const Numerics now = Numerics::now(on_device);
  const auto known = std::find(numerics_.begin(), numerics_.end(), now);
  latest_ = known == numerics_.end() ? &numerics_.emplace_back(now) : &*known;
  return *latest_;
}

// What tensors without strided bytes of their own hold inside is out of sight: never to be evicted.
void Scope::pin_inputs() {
  for (StorageId id : spec_.inputs)
    if (engine_.recoverable(id)) pin(id);
}

// Afterwards every input is resident and locked.
void Scope::begin(Call& call) {
  recorder_.begin(call.known->name, spec_);
  PhaseGuard deciding(*this, Phase::deciding);
  try {
    within_budget(call.known->name.c_str(), [&] {
      engine_.begin(spec_, call.known->returns_fresh || call.created.data);
    });
  } catch (...) {
    recorder_.abandon();
    recorder_.stop();
    throw;
  }
}

// The new storages among the results, in order. An argument that was resized is none: its new bytes
// have no recipe.
Scope::Outputs Scope::outputs(c10::ArrayRef<c10::IValue> results, c10::ArrayRef<c10::StorageImpl*> targets) {
  Outputs fresh;
  for_each_result(results, [&](const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) return;
    c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    void* data = storage->_mutable_data_ptr_no_checks().get();
    Block* block = data ? memory_.find(data) : nullptr;
    if (!block || block->owner != kCall) return;
    if (std::find(targets.begin(), targets.end(), storage) != targets.end()) return;  // resized
    block->owner = kInternal;  // met
    fresh.push_back({storage, data, block->size});
  });
  return fresh;
}

void Scope::commit(Call& call, const Outputs& fresh) {
  sizes_.clear();
  for (const Output& output : fresh) sizes_.push_back(output.size);
  if (blocks_.size() == fresh.size()) blocks_.clear();  // it holds its results and nothing else
  else release_blocks();
  free_backups(call);
  const std::vector<StorageId>& ids = [&]() -> auto& {
    PhaseGuard deciding(*this, Phase::deciding);
    return engine_.commit(sizes_, call.cost);
  }();
  recorder_.commit(ids, sizes_, call.cost);
  for (size_t i = 0; i < ids.size(); ++i) {
    Node& created = add(ids[i], fresh[i].size, fresh[i].data);
    created.client = fresh[i].storage;
    if (call.record && engine_.recoverable(ids[i])) link(created, call.record.get());
  }
  for (StorageId id : call.written) {
    Node& written = node(id);
    ++written.version;
    if (call.record && engine_.recoverable(id)) link(written, call.record.get());
  }
  if (call.record) keep_recipe(call, ids);
  if (call.exposed) {
    pin_all(ids);
    pin_all(call.written);
  }
  if (device_) {
    older_suspects_ = std::move(suspects_);
    suspects_ = spec_.inputs;
    suspects_.insert(suspects_.end(), ids.begin(), ids.end());
  }
}

// The record lives as long as some storage's chain has the call.
void Scope::keep_recipe(Call& call, const std::vector<StorageId>& made) {
  Record& record = *call.record;
  if (device_) {
    record.pieces = std::move(call.pieces);
    record.need = call.need;
  }
  for (size_t i = 0; i < made.size(); ++i) {
    record.outputs.push_back(made[i]);
    record.sizes.push_back(sizes_[i]);
    record.users += !node(made[i]).chain.empty();
  }
  for (StorageId id : call.written) record.users += !node(id).chain.empty() && node(id).chain.back() == &record;
  if (record.users > 0) call.record.release();
}

}  // namespace dtr
