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
    engine_.end_where_refused();
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
    case Command::Kind::call: {
      const CallId id = engine_.begin(c.call, !c.outputs.empty());
      if (!c.profile.empty()) ask(id, kClient);
      engine_.commit(c.outputs, c.cost);
    }
  }
}

// The profile, between copies of what the call overwrites besides its target.
void Simulator::ask(CallId id, StorageId target) {
  const Command& c = program_[id];
  const auto for_copies = [&](auto&& ask_for) {
    for (const int32_t i : c.call.writes)
      if (c.call.inputs[i] != target) ask_for(sizes_[c.call.inputs[i]]);
  };
  for_copies([&](Bytes size) { engine_.allocate(size); });
  for (const Bytes piece : c.profile)
    if (piece >= 0) engine_.allocate(piece);
    else engine_.free(-piece);
  for_copies([&](Bytes size) { engine_.free(size); });
}

void Simulator::replay(CallId id, StorageId target, int32_t) { ask(id, target); }

void Simulator::discard(CallId id, int32_t output) { engine_.free(program_[id].outputs[output]); }

}  // namespace dtr
