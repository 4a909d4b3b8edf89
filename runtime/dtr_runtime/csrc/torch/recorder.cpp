// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <numeric>

namespace dtr {

void Recorder::begin(const std::string& op, const CallSpec& spec) {
  if (!enabled_) return;
  Asked call{Asked::Kind::call};
  call.op = &op;
  call.inputs = spec.inputs;
  call.mutates = spec.writes;
  commands_.push_back(std::move(call));
  open_ = true;
}

void Recorder::commit(const std::vector<StorageId>& outputs, const std::vector<Bytes>& sizes, Cost cost) {
  if (!enabled_) return;
  Asked& call = commands_.back();
  call.cost = cost;
  for (size_t i = 0; i < outputs.size(); ++i) call.outputs.emplace_back(outputs[i], sizes[i]);
  open_ = false;
}

void Recorder::abandon() {
  if (!enabled_ || !open_) return;
  Asked& call = commands_.back();
  call.mutates.clear();
  const Bytes held = std::accumulate(call.profile.begin(), call.profile.end(), Bytes{0});
  if (held != 0) call.profile.push_back(-held);
  open_ = false;
}

}  // namespace dtr
