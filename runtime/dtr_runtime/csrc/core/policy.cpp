// SPDX-License-Identifier: Apache-2.0
#include "policy.h"

#include "fault.h"

namespace dtr {
namespace {

uint64_t unsigned_(int64_t value) { return static_cast<uint64_t>(value); }

// 1 / 0 is +infinity, and so is 0 / 0: a storage that frees nothing is the last to go.
Score ratio(int64_t numerator, int64_t a, int64_t b = 1) {
  return {unsigned_(numerator), static_cast<Wide>(unsigned_(a)) * unsigned_(b)};
}

int64_t staleness(const StorageView& s, Cost clock) { return clock - s.last_access(); }

uint64_t splitmix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Each heuristic: its score, and a cheaper lower bound (or the score itself).
struct Dtr {
  static Score bound(const StorageView& s, Cost clock) { return ratio(s.cost(), s.size(), staleness(s, clock)); }
  static Score score(const StorageView& s, Cost clock) {
    return ratio(s.cost() + s.neighborhood_cost(), s.size(), staleness(s, clock));
  }
};
struct DtrEq {
  static Score bound(const StorageView& s, Cost clock) {
    return ratio(s.cost() + s.least_class_cost(), s.size(), staleness(s, clock));
  }
  static Score score(const StorageView& s, Cost clock) {
    return ratio(s.cost() + s.class_cost(), s.size(), staleness(s, clock));
  }
};
struct Msps {
  static Score bound(const StorageView& s, Cost) { return ratio(s.cost(), s.size()); }
  static Score score(const StorageView& s, Cost) { return ratio(s.cost() + s.ancestors_cost(), s.size()); }
};
struct EStar {
  static Score bound(const StorageView& s, Cost) { return ratio(s.cost(), s.size()); }
  static Score score(const StorageView& s, Cost) { return ratio(s.cost() + s.neighborhood_cost(), s.size()); }
};
struct DtrLocal {
  static Score score(const StorageView& s, Cost clock) { return Dtr::bound(s, clock); }
};
struct Lru {
  static Score score(const StorageView& s, Cost clock) { return ratio(1, staleness(s, clock)); }
};
struct Size {
  static Score score(const StorageView& s, Cost) { return ratio(1, s.size()); }
};
struct Random {
  static Score score(const StorageView& s, Cost clock) {
    return {splitmix64(splitmix64(unsigned_(s.index())) ^ unsigned_(clock)), 1};
  }
};

template <class H>
concept Bounded = requires(const StorageView& s, Cost clock) { H::bound(s, clock); };

// The least score by one pass over the evictable storages. A storage whose bound exceeds the least
// score so far is passed over without a look at its neighborhood.
template <class H>
class Least final : public Policy {
 public:
  StorageId choose(const Heap& heap, Cost clock) override {
    StorageId best = -1;
    Score least{};
    int64_t sequence = 0;
    for (const Storage* storage : heap.evictable()) {
      const StorageView view(heap, *storage);
      if constexpr (Bounded<H>)
        if (best >= 0 && less(least, H::bound(view, clock))) continue;
      const Score score = H::score(view, clock);
      if (best >= 0 && less(least, score)) continue;
      const bool later = fault(Fault::wrong_tie_break) ? view.sequence() < sequence : view.sequence() > sequence;
      if (best >= 0 && !later && !less(score, least)) continue;
      best = storage->id;
      least = score;
      sequence = view.sequence();
    }
    return best;
  }
};

}  // namespace

std::unique_ptr<Policy> make_policy(const std::string& heuristic) {
  if (heuristic == "h_dtr") return std::make_unique<Least<Dtr>>();
  if (heuristic == "h_dtr_eq") return std::make_unique<Least<DtrEq>>();
  if (heuristic == "h_dtr_local") return std::make_unique<Least<DtrLocal>>();
  if (heuristic == "h_lru") return std::make_unique<Least<Lru>>();
  if (heuristic == "h_size") return std::make_unique<Least<Size>>();
  if (heuristic == "h_msps") return std::make_unique<Least<Msps>>();
  if (heuristic == "h_estar") return std::make_unique<Least<EStar>>();
  if (heuristic == "h_rand") return std::make_unique<Least<Random>>();
  throw std::invalid_argument(
      "unknown heuristic '" + heuristic +
      "'; known are h_dtr, h_dtr_eq, h_dtr_local, h_lru, h_size, h_msps, h_estar, h_rand");
}

}  // namespace dtr
