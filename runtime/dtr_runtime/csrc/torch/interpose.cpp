// SPDX-License-Identifier: Apache-2.0
#include "interpose.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/alias_ops.h>
#include <ATen/ops/as_strided_ops.h>
#include <ATen/ops/detach_ops.h>
#include <ATen/ops/expand_ops.h>
#include <ATen/ops/permute_ops.h>
#include <ATen/ops/select_ops.h>
#include <ATen/ops/slice_ops.h>
#include <ATen/ops/split_ops.h>
#include <ATen/ops/squeeze_ops.h>
#include <ATen/ops/t_ops.h>
#include <ATen/ops/transpose_ops.h>
#include <ATen/ops/unbind_ops.h>
#include <ATen/ops/unsqueeze_ops.h>
#include <ATen/ops/view_ops.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <atomic>

#include "scope.h"

namespace dtr {

namespace {

// The one in force; and the one that is or was the last, which another thread may be about to call as it is left.
// Never destroyed: the process may end within a scope.
std::atomic<Scope*> active = nullptr;
auto& latest = *new std::shared_ptr<Scope>();

// A scope has set the key in this thread. If it is left in another one nobody resets it here; and what puts back a
// thread's keys (the end of a mode of torch's, say) may set it again.
thread_local bool set_here = false;

void set_key(bool included) {
  c10::impl::tls_set_dispatch_key_included(kKey, included);
  set_here = true;
}

void fallback(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  if (Scope* scope = active) return scope->call(op, keys, stack);
  if (set_here) set_key(false);
  below(op, keys, stack);
}

constexpr c10::DispatchKeySet kBelow(c10::DispatchKeySet::FULL_AFTER, kKey);

// What the fallback does with a view, without boxes around its arguments.
template <class Op, class = typename Op::schema>
struct Passed;
template <class Op, class Result, class... Arguments>
struct Passed<Op, Result(Arguments...)> {
  static Result call(c10::DispatchKeySet keys, Arguments... arguments) {
    c10::impl::ExcludeDispatchKeyGuard unseen(kKey);
    return Op::redispatch(keys & kBelow, std::forward<Arguments>(arguments)...);
  }
};

template <class... Views>
void pass(torch::Library& library) {
  (library.impl(c10::toString(c10::OperatorName(Views::name, Views::overload_name)).c_str(),
                torch::CppFunction::makeFromUnboxedFunction(&Passed<Views>::call)),
   ...);
}

// The commonest, for speed.
void let_views_pass() {
  using namespace at::_ops;
  static auto& library = *new torch::Library(  // never undone
      torch::Library::IMPL, "aten", std::make_optional(kKey), __FILE__, static_cast<uint32_t>(__LINE__));
  pass<alias, as_strided, detach, expand, permute, select_int, slice_Tensor, split_Tensor, squeeze_dim, t,
       transpose_int, unbind_int, unsqueeze, view>(library);
}

// What a composite operator is made of comes to the fallback, not the whole: as under autograd, in inference mode too.
void let_composites_pass() {
  static auto& passed = *new std::vector<c10::RegistrationHandleRAII>();  // never undone
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
    const auto op = name.name.starts_with("aten::") ? dispatcher.findSchema(name) : std::nullopt;
    if (!op || !is_composite(*op)) continue;
    passed.push_back(dispatcher.registerImpl(
        name, kKey, c10::KernelFunction::makeFallthrough(), std::nullopt, nullptr, "composites pass dtr_runtime"));
  }
}

}  // namespace

void install() {
  static std::unique_ptr<torch::Library> library;
  if (library) return;
  TORCH_CHECK(
      !c10::Dispatcher::singleton().hasBackendFallbackForDispatchKey(kKey),
      "dtr_runtime cannot catch operators: the dispatch key ", kKey, " already has a fallback");
  library = std::make_unique<torch::Library>(
      torch::Library::IMPL, "_", std::make_optional(kKey), __FILE__, static_cast<uint32_t>(__LINE__));
  library->fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>());
  let_composites_pass();
  let_views_pass();
}

void interpose(std::shared_ptr<Scope> scope) {
  TORCH_CHECK(!active, "a budget is already in force in this process; budgets do not nest");
  TORCH_CHECK(
      set_here || !c10::impl::tls_is_dispatch_key_included(kKey),
      "the dispatch key ", kKey, " is in use (a fake tensor mode?); leave that mode before setting a budget");
  latest = std::move(scope);
  active = latest.get();
  set_key(true);
}

void stop_interposing() {
  if (set_here) set_key(false);
  active = nullptr;
}

std::shared_ptr<Scope> active_scope() { return active ? latest : nullptr; }

void below(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  c10::impl::ExcludeDispatchKeyGuard unseen(kKey);
  op.redispatchBoxed(keys & kBelow, stack);
}

}  // namespace dtr
