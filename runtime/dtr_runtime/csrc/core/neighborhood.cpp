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
      if (s.searched >= seen && !fault(Fault::count_twice)) return;
      if (s.searched < round_ || fault(Fault::count_twice)) total += s.cost;
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
  Cost total = 0;
  for_adjacent_classes(heap, s, [&](EqClasses::Node root) { total += heap.classes().cost(root); });
  return total;
}

Cost watched_class_cost(const Heap& heap, const Storage& s) {
  Cost total = 0;
  s.watching = heap.new_round();
  for_adjacent_classes(heap, s, [&](EqClasses::Node root) {
    total += heap.classes().cost(root);
    heap.watch(s, root);
  });
  return total;
}

}  // namespace dtr
