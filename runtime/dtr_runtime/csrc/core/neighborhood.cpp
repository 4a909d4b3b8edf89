// SPDX-License-Identifier: Apache-2.0
#include "neighborhood.h"

#include "fault.h"

namespace dtr {
namespace {

enum class Direction : uint8_t { sources, readers };

// One search from a storage: the sum over what it meets first in this round.
class Search {
 public:
  explicit Search(const Heap& heap) : heap_(heap), round_(heap.new_round()) {}

  Cost walk(const Storage& from, Direction direction) {
    const int64_t seen = heap_.new_round();
    Cost total = 0;
    std::vector<const Storage*> pending{&from};
    const auto visit = [&](const Storage& s) {
      if (s.searched >= seen) return;
      if (s.searched < round_) total += s.cost;
      s.searched = seen;
      pending.push_back(&s);
    };
    while (!pending.empty()) {
      const Storage& s = *pending.back();
      pending.pop_back();
      if (direction == Direction::sources) for_evicted_sources(heap_, s, visit);
      else for_evicted_readers(heap_, s, visit);
    }
    return total;
  }

 private:
  const Heap& heap_;
  int64_t round_;
};

}  // namespace

Cost ancestors_cost(const Heap& heap, const Storage& s) { return Search(heap).walk(s, Direction::sources); }

Cost neighborhood_cost(const Heap& heap, const Storage& s) {
  Search search(heap);
  const Cost ancestors = search.walk(s, Direction::sources);
  if (fault(Fault::forget_descendants)) return ancestors;
  return ancestors + search.walk(s, Direction::readers);
}

Cost class_cost(const Heap& heap, const Storage& s) {
  const int64_t round = heap.new_round();
  EqClasses& classes = heap.classes();
  Cost total = 0;
  const auto add = [&](const Storage& other) { total += classes.cost_once(classes.find(other.node), round); };
  for_evicted_sources(heap, s, add);
  for_evicted_readers(heap, s, add);
  s.class_cost = total;
  s.departed_at = heap.departed();
  return total;
}

// Evictions only add to the classes beside s and only join them. What else happens takes costs out
// (no more than have departed), or takes a neighbor away, which resets what is remembered.
Cost least_class_cost(const Heap& heap, const Storage& s) {
  const Cost least = s.class_cost - (heap.departed() - s.departed_at);
  return least > 0 ? least : 0;
}

}  // namespace dtr
