// SPDX-License-Identifier: Apache-2.0
#include "interpose.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include "scope.h"

namespace dtr {

namespace {

auto& active = *new std::shared_ptr<Scope>();  // never destroyed: the process may end within a scope

void fallback(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  if (Scope* scope = active.get()) {
    scope->call(op, keys, stack);
  } else {
    below(op, keys, stack);
  }
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
}

void interpose(std::shared_ptr<Scope> scope) {
  TORCH_CHECK(!active, "a budget is already in force in this process; budgets do not nest");
  TORCH_CHECK(
      !c10::impl::tls_is_dispatch_key_included(kKey),
      "the dispatch key ", kKey, " is in use (a fake tensor mode?); leave that mode before setting a budget");
  active = std::move(scope);
  c10::impl::tls_set_dispatch_key_included(kKey, true);
}

void stop_interposing() {
  c10::impl::tls_set_dispatch_key_included(kKey, false);
  active.reset();
}

std::shared_ptr<Scope> active_scope() { return active; }

void below(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  c10::impl::ExcludeDispatchKeyGuard unseen(kKey);
  op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kKey), stack);
}

}  // namespace dtr
