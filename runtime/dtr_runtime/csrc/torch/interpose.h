// SPDX-License-Identifier: Apache-2.0
// Where operators are caught: a boxed fallback on one dispatch key below autograd.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>

namespace dtr {

class Scope;

// Reserved in torch for a fake tensor mode of its own, and free otherwise: below autograd and
// Python's modes, above the backends.
constexpr c10::DispatchKey kKey = c10::DispatchKey::Fake;

// Registers the fallback; throws if someone else has registered one.
void install();
// This thread's operators (and those of autograd's threads on its behalf) go to the scope.
// Throws if there is a scope already, or the key is in use.
void interpose(std::shared_ptr<Scope>);
void stop_interposing();
std::shared_ptr<Scope> active_scope();

// Runs the operator itself, unseen.
void below(const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack*);

}  // namespace dtr
