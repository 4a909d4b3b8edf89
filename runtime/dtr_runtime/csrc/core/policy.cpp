// SPDX-License-Identifier: Apache-2.0
#include "policy.h"

#include <utility>

#include "fault.h"
#include "tournament.h"

namespace dtr {
namespace {

uint64_t unsigned_(int64_t value) { return static_cast<uint64_t>(value); }

uint64_t splitmix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Each heuristic is a / m or, if it ages, a / (m s) with the staleness s: `cost` is a, `size` is m, and `least`
// bounds a from below until the heap reports a change.
struct OfCostAndSize {
  static Bytes size(const StorageView& s) { return s.size(); }
  static Cost least(const StorageView& s) { return s.cost(); }
};
struct Dtr : OfCostAndSize {
  static constexpr bool ages = true;
  static constexpr Falls falls = Falls::of_both_directions;
  static Cost cost(const StorageView& s, Cost) { return s.cost() + s.neighborhood_cost(); }
};
struct DtrEq : OfCostAndSize {
  static constexpr bool ages = true;
  static constexpr Falls falls = Falls::of_classes;
  static Cost cost(const StorageView& s, Cost) { return s.cost() + s.watched_class_cost(); }
  static Cost least(const StorageView& s) { return cost(s, 0); }
};
struct DtrLocal : OfCostAndSize {
  static constexpr bool ages = true;
  static constexpr Falls falls = Falls::none;
  static Cost cost(const StorageView& s, Cost) { return s.cost(); }
};
struct Msps : OfCostAndSize {
  static constexpr bool ages = false;
  static constexpr Falls falls = Falls::of_readers;
  static Cost cost(const StorageView& s, Cost) { return s.cost() + s.ancestors_cost(); }
};
struct EStar : OfCostAndSize {
  static constexpr bool ages = false;
  static constexpr Falls falls = Falls::of_both_directions;
  static Cost cost(const StorageView& s, Cost) { return s.cost() + s.neighborhood_cost(); }
};
struct Lru {
  static constexpr bool ages = true;
  static constexpr Falls falls = Falls::none;
  static Bytes size(const StorageView&) { return 1; }
  static Cost least(const StorageView&) { return 1; }
  static Cost cost(const StorageView&, Cost) { return 1; }
};
struct Size {
  static constexpr bool ages = false;
  static constexpr Falls falls = Falls::none;
  static Bytes size(const StorageView& s) { return s.size(); }
  static Cost least(const StorageView&) { return 1; }
  static Cost cost(const StorageView&, Cost) { return 1; }
};
struct Random {  // another score at every clock: for a scan
  static constexpr bool ages = false;
  static Bytes size(const StorageView&) { return 1; }
  static Cost cost(const StorageView& s, Cost clock) {
    return static_cast<Cost>(splitmix64(splitmix64(unsigned_(s.index())) ^ unsigned_(clock)));
  }
};

// The least score by a tournament of lower bounds: a winner whose score turns out higher plays again.
template <class H>
class ByTournament final : public Policy {
 public:
  Falls falls() const override { return H::falls; }

  StorageId choose(Heap& heap, Cost clock) override {
    heap.take_changes([&](const Storage& s) {
      if (s.evictable_at < 0) return tournament_.leave(s.slot);
      const StorageView view(heap, s);
      tournament_.enter(s.slot, {unsigned_(H::least(view)), H::size(view), s.last_access, s.sequence});
    });
    ++choice_;
    for (;;) {
      const Tournament::Seat seat = tournament_.winner(clock);
      const Storage& winner = heap.in_slot(seat);
      if (static_cast<size_t>(seat) >= examined_.size()) examined_.resize(2 * seat + 1);
      if (std::exchange(examined_[seat], choice_) == choice_ || fault(Fault::keep_first_cost)) return winner.id;
      Contender now = tournament_[seat];
      now.numerator = unsigned_(H::cost({heap, winner}, clock));
      if (now.numerator == tournament_[seat].numerator) return winner.id;
      tournament_.enter(seat, now);
    }
  }

 private:
  Tournament tournament_{H::ages};
  int64_t choice_ = 0;
  std::vector<int64_t> examined_;  // by seat: the last choice that looked at its cost
};

// The same by definition: one look at each.
template <class H>
class ByScan final : public Policy {
 public:
  StorageId choose(Heap& heap, Cost clock) override {
    StorageId best = -1;
    Contender least{};
    for (const Storage* s : heap.evictable()) {
      const StorageView view(heap, *s);
      const Contender contender{unsigned_(H::cost(view, clock)), H::size(view), s->last_access, s->sequence};
      if (best >= 0 && !before(contender, least, clock, H::ages)) continue;
      best = s->id;
      least = contender;
    }
    return best;
  }
};

template <class H>
std::unique_ptr<Policy> made(Choice choice) {
  if (choice == Choice::by_scan) return std::make_unique<ByScan<H>>();
  return std::make_unique<ByTournament<H>>();
}

}  // namespace

std::unique_ptr<Policy> make_policy(const std::string& heuristic, Choice choice) {
  if (heuristic == "h_dtr") return made<Dtr>(choice);
  if (heuristic == "h_dtr_eq") return made<DtrEq>(choice);
  if (heuristic == "h_dtr_local") return made<DtrLocal>(choice);
  if (heuristic == "h_lru") return made<Lru>(choice);
  if (heuristic == "h_size") return made<Size>(choice);
  if (heuristic == "h_msps") return made<Msps>(choice);
  if (heuristic == "h_estar") return made<EStar>(choice);
  if (heuristic == "h_rand") return std::make_unique<ByScan<Random>>();
  throw std::invalid_argument(
      "unknown heuristic '" + heuristic +
      "'; known are h_dtr, h_dtr_eq, h_dtr_local, h_lru, h_size, h_msps, h_estar, h_rand");
}

}  // namespace dtr
