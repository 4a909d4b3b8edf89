// SPDX-License-Identifier: Apache-2.0
#include "generators.h"

#include <mutex>

namespace dtr {

namespace {

at::CPUGeneratorImpl& implementation(const at::Generator& generator) {
  return *at::check_generator<at::CPUGeneratorImpl>(generator);
}

}  // namespace

bool RandomState::operator==(const RandomState& other) const {
  return engine.left_ == other.engine.left_ && engine.next_ == other.engine.next_ &&
      engine.seed_ == other.engine.seed_ && engine.seeded_ == other.engine.seeded_ &&
      next_float == other.next_float && next_double == other.next_double && engine.state_ == other.engine.state_;
}

at::Generator generator_or_default(const std::optional<at::Generator>& generator) {
  return generator && generator->defined() ? *generator : at::detail::getDefaultCPUGenerator();
}

std::shared_ptr<const RandomState> snapshot(
    const at::Generator& generator, const std::shared_ptr<const RandomState>& last) {
  at::CPUGeneratorImpl& source = implementation(generator);
  std::lock_guard lock(source.mutex_);
  RandomState state{source.engine().data(), source.next_float_normal_sample(), source.next_double_normal_sample()};
  return last && *last == state ? last : std::make_shared<const RandomState>(state);
}

void restore(const at::Generator& generator, const RandomState& state) {
  at::CPUGeneratorImpl& target = implementation(generator);
  std::lock_guard lock(target.mutex_);
  at::mt19937 engine;
  engine.set_data(state.engine);
  target.set_engine(engine);
  target.set_next_float_normal_sample(state.next_float);
  target.set_next_double_normal_sample(state.next_double);
}

}  // namespace dtr
