// SPDX-License-Identifier: Apache-2.0
// A kinetic tournament (Basch, Guibas, Hershberger 1999): the least of many scores that change with
// the clock, exactly. The reciprocal of a score a / (m (T - t)) is a line in the clock T, so of two
// scores the lesser becomes the greater once at most; each match remembers until when its result holds.
#pragma once

#include <limits>
#include <vector>

#include "engine.h"
#include "rational.h"

namespace dtr {

// A storage in the tournament: its score is numerator / size, or numerator / (size (clock - since)) if
// scores age. Division by zero is +infinity. Of equal scores that of the highest sequence number is the least.
struct Contender {
  uint64_t numerator;
  Bytes size;
  Cost since;
  int64_t sequence;
};

// Whether a is the victim rather than b.
bool before(const Contender& a, const Contender& b, Cost clock, bool aging);

constexpr Cost forever = std::numeric_limits<Cost>::max();
// The first later clock at which the loser wins, or an earlier one; forever if there is none.
Cost overtaken(const Contender& winner, const Contender& loser, Cost clock);

class Tournament {
 public:
  using Seat = int32_t;
  static constexpr Seat nobody = -1;

  explicit Tournament(bool aging) : aging_(aging) {}

  void enter(Seat, const Contender&);
  void leave(Seat);
  const Contender& operator[](Seat seat) const { return contenders_[seat]; }
  // Whose score is the least; `clock` never goes back.
  Seat winner(Cost clock);

 private:
  // A match between the winners of two halves. Its result holds at clocks less than `until`, which is
  // at most that of both halves; 0 if someone below has changed since it was played.
  struct Match {
    Seat winner;
    Cost until;
  };
  static constexpr int64_t empty = 0;  // sequence number of an empty seat

  Match play(size_t match, Cost clock);
  void outdate(Seat);
  void grow(Seat);

  bool aging_;
  std::vector<Contender> contenders_;  // a power of two
  std::vector<Match> matches_;  // 1 is the final; 2 i and 2 i + 1 lead to i; from contenders_.size() on, the seats
};

}  // namespace dtr
