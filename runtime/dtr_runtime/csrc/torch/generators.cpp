// SPDX-License-Identifier: Apache-2.0
#include "generators.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <mutex>

namespace dtr {

namespace {

at::CPUGeneratorImpl& implementation(const at::Generator& generator) {
  return *at::check_generator<at::CPUGeneratorImpl>(generator);
}

std::shared_ptr<const RandomState> share(RandomState state, const std::shared_ptr<const RandomState>& last) {
  return last && *last == state ? last : std::make_shared<const RandomState>(std::move(state));
}

}  // namespace

bool MersenneState::operator==(const MersenneState& other) const {
  return engine.left_ == other.engine.left_ && engine.next_ == other.engine.next_ &&
      engine.seed_ == other.engine.seed_ && engine.seeded_ == other.engine.seeded_ &&
      next_float == other.next_float && next_double == other.next_double && engine.state_ == other.engine.state_;
}

at::Generator generator_or_default(const std::optional<at::Generator>& generator, c10::Device device) {
  return generator && generator->defined() ? *generator : at::globalContext().defaultGenerator(device);
}

std::shared_ptr<const RandomState> snapshot(
    const at::Generator& generator, const std::shared_ptr<const RandomState>& last) {
  std::lock_guard lock(generator.unsafeGetGeneratorImpl()->mutex_);
  if (!generator.device().is_cpu()) {
    const at::Tensor state = generator.get_state();
    const auto* bytes = static_cast<const uint8_t*>(state.const_data_ptr());
    return share(DeviceState(bytes, bytes + state.nbytes()), last);
  }
  at::CPUGeneratorImpl& source = implementation(generator);
  return share(
      MersenneState{source.engine().data(), source.next_float_normal_sample(), source.next_double_normal_sample()},
      last);
}

void restore(const at::Generator& generator, const RandomState& state) {
  std::lock_guard lock(generator.unsafeGetGeneratorImpl()->mutex_);
  if (const auto* bytes = std::get_if<DeviceState>(&state)) {
    const at::Tensor tensor = at::empty({static_cast<int64_t>(bytes->size())}, at::kByte);
    std::copy(bytes->begin(), bytes->end(), tensor.mutable_data_ptr<uint8_t>());
    at::Generator(generator).set_state(tensor);
    return;
  }
  const auto& mersenne = std::get<MersenneState>(state);
  at::CPUGeneratorImpl& target = implementation(generator);
  at::mt19937 engine;
  engine.set_data(mersenne.engine);
  target.set_engine(engine);
  target.set_next_float_normal_sample(mersenne.next_float);
  target.set_next_double_normal_sample(mersenne.next_double);
}

}  // namespace dtr
