// SPDX-License-Identifier: Apache-2.0
#include "operators.h"

#include <ATen/core/jit_type.h>

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <unordered_set>

namespace dtr {

namespace {

using Names = std::unordered_set<std::string>;

const Names kAllocate{
    "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::new_empty_strided",
    "aten::empty_permuted"};

const Names kShapeOnly{
    "aten::empty_like", "aten::new_empty", "aten::new_empty_strided", "aten::zeros_like", "aten::ones_like",
    "aten::full_like", "aten::rand_like", "aten::randn_like", "aten::randint_like", "aten::new_zeros",
    "aten::new_ones", "aten::new_full", "aten::is_same_size"};

// Views that their schemas do not declare.
const Names kUndeclaredViews{
    "aten::_unsafe_view", "aten::unsafe_split", "aten::unsafe_split_with_sizes"};

// Metadata changes by name; but these may move the bytes.
const Names kResizes{"aten::resize_", "aten::resize_as_", "aten::set_"};

const Names kOverwriting{
    "aten::bernoulli_", "aten::cauchy_", "aten::copy_", "aten::exponential_", "aten::fill_", "aten::geometric_",
    "aten::log_normal_", "aten::normal_", "aten::random_", "aten::uniform_", "aten::zero_"};

// Writes that schemas do not declare: operator, argument.
const std::unordered_map<std::string, std::vector<std::string>> kUndeclaredWrites{
    {"aten::native_batch_norm", {"running_mean", "running_var"}},
    {"aten::cudnn_batch_norm", {"running_mean", "running_var"}},
    {"aten::miopen_batch_norm", {"running_mean", "running_var"}},
    {"aten::batch_norm_update_stats", {"running_mean", "running_var"}},
    {"aten::mkldnn_rnn_layer_backward", {"workspace"}},
};

const Names kMatmulLike{
    "aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::addmv", "aten::mv", "aten::convolution",
    "aten::convolution_overrideable", "aten::convolution_backward", "aten::mkldnn_convolution",
    "aten::mkldnn_rnn_layer", "aten::mkldnn_rnn_layer_backward"};

bool may_hold_tensor(const c10::TypePtr& type) {
  if (type->isSubtypeOf(*c10::TensorType::get())) return true;
  if (auto optional = type->cast<c10::OptionalType>()) return may_hold_tensor(optional->getElementType());
  if (auto list = type->cast<c10::ListType>()) return may_hold_tensor(list->getElementType());
  return false;
}

bool holds_generator(const c10::Argument& argument) {
  return argument.type()->str().find("Generator") != std::string::npos;
}

bool takes_storage(const c10::FunctionSchema& schema) {
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), [](const c10::Argument& argument) {
    return argument.type()->kind() == c10::TypeKind::StorageType;
  });
}

// All tensor results alias arguments and nothing is written.
bool declares_view(const c10::FunctionSchema& schema) {
  bool any = false;
  for (const c10::Argument& result : schema.returns()) {
    if (!may_hold_tensor(result.type())) continue;
    if (!result.alias_info() || result.alias_info()->isWrite()) return false;
    any = true;
  }
  return any;
}

// A view of one tensor as another has it: it looks at both, be it at their data pointers.
bool reads_several(const c10::FunctionSchema& schema) {
  return std::count_if(schema.arguments().begin(), schema.arguments().end(), [](const c10::Argument& argument) {
    return may_hold_tensor(argument.type());
  }) > 1;
}

bool declares_write(const c10::Argument& argument) { return argument.alias_info() && argument.alias_info()->isWrite(); }

bool is_list_loop(const std::string& name, const c10::FunctionSchema& schema) {
  if (name.rfind("aten::_foreach_", 0) != 0) return false;
  // Overloads with one tensor of many scalars, or one norm for all, are no loops over equal lists.
  for (const c10::Argument& argument : schema.arguments())
    if (argument.type()->isSubtypeOf(*c10::TensorType::get())) return false;
  return true;
}

// Of torch's library or its compiler's: those of others may do more than they declare.
bool is_foreign(const c10::OperatorHandle& op) {
  return op.operator_name().getNamespace() != "aten" && op.operator_name().getNamespace() != "prim";
}

bool is_view(const c10::OperatorHandle& op) {
  const std::string& name = op.operator_name().name;
  const auto& arguments = op.schema().arguments();
  if (is_foreign(op)) return false;
  if (op.hasTag(at::Tag::inplace_view)) return !kResizes.count(name);
  if (reads_several(op.schema())) return false;
  if (std::any_of(arguments.begin(), arguments.end(), declares_write)) return false;
  return kUndeclaredViews.count(name) ||
      (declares_view(op.schema()) && !op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd));
}

// Since the last look an operator has been removed from the process: another may get its schema's address.
std::atomic<bool> departed = false;

class Departures final : public c10::OpRegistrationListener {
  void onOperatorRegistered(const c10::OperatorHandle&) override {}
  void onOperatorDeregistered(const c10::OperatorHandle&) override { departed = true; }
};

}  // namespace


bool is_composite(const c10::OperatorHandle& op) {
  using c10::DispatchKey;
  const c10::DispatchKeySet kernels = c10::getRuntimeDispatchKeySet(DispatchKey::CompositeExplicitAutograd) |
      c10::getRuntimeDispatchKeySet(DispatchKey::CompositeImplicitAutogradNestedTensor);
  return op.hasKernelForDispatchKey(DispatchKey::CompositeImplicitAutograd) &&
      std::none_of(kernels.begin(), kernels.end(), [&](DispatchKey key) { return op.hasKernelForDispatchKey(key); });
}

Operator::Operator(const c10::OperatorHandle& op) : name(op.operator_name().name) {
  const c10::FunctionSchema& schema = op.schema();
  const auto undeclared = kUndeclaredWrites.find(name);
  bool declares_writes = false;
  for (const c10::Argument& argument : schema.arguments()) {
    bool write = declares_write(argument);
    if (undeclared != kUndeclaredWrites.end())
      for (const std::string& written : undeclared->second) write |= argument.name() == written;
    if (holds_generator(argument)) generator = static_cast<int>(tensors.size());
    if (argument.name() == "device") device = static_cast<int>(tensors.size());
    takes_symbols |= argument.real_type()->str().find("SymInt") != std::string::npos;
    tensors.push_back(may_hold_tensor(argument.type()));
    writes.push_back(write && !kResizes.count(name));
    declares_writes |= writes.back();
    if (undeclared != kUndeclaredWrites.end() && argument.name() == "training")
      writes_if = static_cast<int>(writes.size()) - 1;
  }
  for (const c10::Argument& result : schema.returns())
    returns_fresh |= may_hold_tensor(result.type()) && !(result.alias_info() && result.alias_info()->isWrite());
  results = schema.returns().size();
  const bool out_variant = !schema.arguments().empty() && schema.arguments().back().is_out();
  resizes = kResizes.count(name);
  reshapes = resizes || out_variant;
  if (is_view(op))
    kind = Kind::view;
  else if (kAllocate.count(name) && !out_variant)
    kind = Kind::allocate;
  foreign = is_foreign(op);
  random = op.hasTag(at::Tag::nondeterministic_seeded) || generator >= 0 || foreign;
  shape_only = kShapeOnly.count(name) && !out_variant;
  overwrites = kOverwriting.count(name) || out_variant;
  // An `out` may be given new memory; an operator of another library may keep what it asks for.
  in_place = declares_writes && !returns_fresh && !out_variant && !foreign;
  pointed_at = name == "aten::_pack_padded_sequence";
  lends = name == "aten::_lazy_clone";
  takes_storages = takes_storage(schema);
  collective = name.rfind("c10d::", 0) == 0;
  elementwise_list = is_list_loop(name, schema);
  writes_lists = name.rfind("aten::_foreach_", 0) == 0 && declares_writes;
  matmul_like = kMatmulLike.count(name);
  if (!op.operator_name().overload_name.empty()) name += "." + op.operator_name().overload_name;
}

Operators& Operators::instance() {
  static Operators* operators = new Operators();
  return *operators;
}

Operators::Operators() {
  // Lives as long as the process, too.
  new c10::RegistrationHandleRAII(
      c10::Dispatcher::singleton().addRegistrationListener(std::make_unique<Departures>()));
}

const Operator& Operators::of(const c10::OperatorHandle& op) {
  if (departed.load(std::memory_order_relaxed) && departed.exchange(false)) {
    for (auto& [schema, known] : known_) gone_.push_back(std::move(known));
    known_.clear();
  }
  std::unique_ptr<Operator>& known = known_[&op.schema()];
  if (!known) known = std::make_unique<Operator>(op);
  return *known;
}

}  // namespace dtr
