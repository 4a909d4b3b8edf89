// SPDX-License-Identifier: Apache-2.0
#include "tournament.h"

#include <algorithm>
#include <bit>

#include "fault.h"

namespace dtr {
namespace {

int width(Wide value) {
  const auto high = static_cast<uint64_t>(value >> 64);
  return high ? 128 - std::countl_zero(high) : 64 - std::countl_zero(static_cast<uint64_t>(value));
}

Score score(const Contender& c, Cost clock, bool aging) {
  return {c.numerator, static_cast<Wide>(c.size) * static_cast<uint64_t>(aging ? clock - c.since : 1)};
}

}  // namespace

bool before(const Contender& a, const Contender& b, Cost clock, bool aging) {
  const Score x = score(a, clock, aging), y = score(b, clock, aging);
  if (less(x, y)) return true;
  if (less(y, x)) return false;
  return fault(Fault::wrong_tie_break) ? a.sequence < b.sequence : a.sequence > b.sequence;
}

// While both are finite, the winner a and the loser b have a b.m (T - b.t) <= b a.m (T - a.t), or
// p (T - b.t) <= q (T - a.t). The difference falls by p - q in a unit of time: at once is the difference D.
// Proved in proofs_tests/arithmetic/test_crossing.py.
Cost overtaken(const Contender& winner, const Contender& loser, Cost clock) {
  if (loser.size == 0 || clock == forever || fault(Fault::stale_certificate)) return forever;
  if (winner.size == 0 || clock == winner.since || clock == loser.since) {
    ++clock;  // infinite no more
    if (before(loser, winner, clock, true) || clock == forever) return clock;
  }
  const Wide p = static_cast<Wide>(winner.numerator) * static_cast<uint64_t>(loser.size);
  const Wide q = static_cast<Wide>(loser.numerator) * static_cast<uint64_t>(winner.size);
  if (p <= q) return forever;
  const auto ours = static_cast<uint64_t>(clock - winner.since), theirs = static_cast<uint64_t>(clock - loser.since);
  if (width(q) + width(ours) > 128 || width(p) + width(theirs) > 128) return clock + 1;
  const Wide lead = q * ours - p * theirs, loss = p - q;
  const bool tie_is_lost = loser.sequence > winner.sequence;
  const Wide later = lead / loss + (tie_is_lost && lead % loss == 0 ? 0 : 1) + fault(Fault::overtaken_late);
  return later < static_cast<Wide>(forever - clock) ? clock + static_cast<Cost>(later) : forever;
}

void Tournament::enter(Seat seat, const Contender& contender) {
  if (static_cast<size_t>(seat) >= contenders_.size()) grow(seat);
  contenders_[seat] = contender;
  outdate(seat);
}

void Tournament::leave(Seat seat) {
  if (static_cast<size_t>(seat) >= contenders_.size() || contenders_[seat].sequence == empty) return;
  contenders_[seat].sequence = empty;
  outdate(seat);
}

// A match that is to be played again has all later ones played again.
void Tournament::outdate(Seat seat) {
  for (size_t match = (contenders_.size() + seat) / 2; match > 0 && matches_[match].until > 0; match /= 2)
    matches_[match].until = 0;
}

void Tournament::grow(Seat seat) {
  contenders_.resize(std::bit_ceil(static_cast<size_t>(seat) + 1), Contender{0, 0, 0, empty});
  matches_.assign(contenders_.size(), Match{nobody, 0});
}

Tournament::Seat Tournament::winner(Cost clock) { return contenders_.empty() ? nobody : play(1, clock).winner; }

Tournament::Match Tournament::play(size_t match, Cost clock) {
  if (match >= contenders_.size()) {
    const auto seat = static_cast<Seat>(match - contenders_.size());
    return {contenders_[seat].sequence == empty ? nobody : seat, forever};
  }
  if (clock < matches_[match].until) return matches_[match];
  const Match left = play(2 * match, clock), right = play(2 * match + 1, clock);
  Match result{left.winner, std::min(left.until, right.until)};
  if (left.winner == nobody) {
    result.winner = right.winner;
  } else if (right.winner != nobody) {
    Contender &a = contenders_[left.winner], &b = contenders_[right.winner];
    const bool first = before(a, b, clock, aging_);
    if (!first) result.winner = right.winner;
    if (aging_) result.until = std::min(result.until, first ? overtaken(a, b, clock) : overtaken(b, a, clock));
  }
  return matches_[match] = result;
}

}  // namespace dtr
