// SPDX-License-Identifier: Apache-2.0
#include "simulator.h"

#include "policy.h"

namespace dtr {

Simulator::Simulator(std::vector<Command> program, Bytes budget, std::unique_ptr<Policy> policy, Deallocation d)
    : program_(std::move(program)), engine_(*this, budget, std::move(policy), d) {
  for (const Command& command : program_) {
    if (command.kind == Command::Kind::constant) sizes_.push_back(command.size);
    sizes_.insert(sizes_.end(), command.outputs.begin(), command.outputs.end());
  }
}

std::optional<OutOfMemory> Simulator::run() {
  try {
    for (const Command& command : program_) step(command);
  } catch (const OutOfMemory& error) {
    return error;
  }
  return std::nullopt;
}

void Simulator::step(const Command& c) {
  switch (c.kind) {
    case Command::Kind::constant: engine_.constant(c.size); break;
    case Command::Kind::alias: engine_.alias(c.storage, c.handle); break;
    case Command::Kind::release: engine_.release(c.storage, c.handle); break;
    case Command::Kind::pin: engine_.pin(c.storage, c.handle); break;
    case Command::Kind::call:
      engine_.begin(c.call, !c.outputs.empty());
      ask(c.profile);
      engine_.commit(c.outputs, c.cost);
  }
}

void Simulator::ask(const std::vector<Bytes>& profile) {
  for (const Bytes piece : profile)
    if (piece >= 0) engine_.allocate(piece);
    else engine_.free(-piece);
}

template <class F>
void Simulator::for_copies(CallId id, StorageId target, F&& f) const {
  const CallSpec& call = program_[id].call;
  for (const int32_t i : call.writes)
    if (call.inputs[i] != target) f(sizes_[call.inputs[i]]);
}

void Simulator::replay(CallId id, StorageId target, int32_t) {
  for_copies(id, target, [&](Bytes size) { engine_.allocate(size); });
  ask(program_[id].profile);
}

void Simulator::release_copies(CallId id, StorageId target) {
  for_copies(id, target, [&](Bytes size) { engine_.free(size); });
}

void Simulator::discard(CallId id, int32_t output) { engine_.free(program_[id].outputs[output]); }

}  // namespace dtr
