// SPDX-License-Identifier: Apache-2.0
// Seeded faults: each breaks the engine in one known way, to show that the proofs' tests catch it.
// Without the compile definition DTR_FAULTS every check is the constant false.
#pragma once

#ifdef DTR_FAULTS
#include <array>
#include <cstdlib>
#include <fstream>
#endif

#define DTR_FOR_EACH_FAULT(F)                                                                \
  F(evict_locked)         /* a lock does not take its storage out of the evictable ones */   \
  F(skip_write_barrier)   /* readers of an overwritten version are not held */               \
  F(hold_without_bytes)   /* the write barrier holds a sink without rematerializing it */    \
  F(forget_unlock)        /* the last input of a frame stays locked */                       \
  F(count_sibling_twice)  /* a rebuilt sibling's bytes are charged again */                  \
  F(budget_off_by_one)    /* room is made for one byte less */                               \
  F(stale_class_cost)     /* a rematerialized storage's cost stays in its class */           \
  F(wrong_tie_break)      /* among equal scores the earliest goes */                         \
  F(forget_clock_at_bind) /* a bound storage keeps its old last access */                    \
  F(lose_kept_version)    /* a kept version is dropped although a recipe reads it */         \
  F(skip_replay_cost)     /* a replay does not advance the clock */                          \
  F(forget_descendants)   /* the evicted neighborhood is the ancestors only */                \
  F(narrow_product)       /* scores are compared by products of 64 bits */                   \
  F(swapped_sides)        /* scores are compared by the product of each, not across */         \
  F(stale_certificate)    /* a match is played again only when its contenders change */      \
  F(forget_watchers)      /* who has asked for a class's cost is not told when it falls */   \
  F(forget_falls)         /* nor when an evicted neighborhood shrinks */                     \
  F(keep_first_cost)      /* a winner's score is not looked at again */                        \
  F(hold_early)           /* a chain of as many calls as may be is held already */             \
  F(keep_nothing)         /* results that read an overwritten version are always held */      \
  F(keep_less)            /* versions as large as may be are not kept */                       \
  F(sinks_backwards)      /* the write barrier holds the youngest sink first */                \
  F(walked_forwards)      /* what the write barrier passed is collected oldest first */        \
  F(banish_less)          /* what is as large as its readers does not give way to them */      \
  F(forget_retries)       /* what waits to be banished is not tried again */                   \
  F(forget_touch)         /* the inputs of a replayed call are not touched */                  \
  F(unlock_for_all)       /* a storage that another frame has locked becomes evictable */      \
  F(bind_mutated_sibling) /* a replayed sibling serves a storage that was overwritten since */ \
  F(lock_current_version) /* an input that a copy serves is locked, too */                     \
  F(forget_peak)          /* the peak is what was in use last */                               \
  F(count_twice)          /* what several paths lead to counts for each of them */             \
  F(unchecked_sums)       /* a sum that exceeds its type wraps around */                       \
  F(overtaken_late)       /* a match is played again a unit of the clock too late */           \
  F(lock_late)            /* inputs are locked when all of them are resident */                \
  F(forget_reconsidering) /* what waits for a reader is not tried again when that is back */   \
  F(forget_to_wait)       /* what is held without handles is never banished */                 \
  F(uncounted_shortcut)   /* a node that a shortened path leads to may be reused too early */  \
  F(lose_watchers)        /* a union tells those who watched one of the classes no more */     \
  F(stay_in_class)        /* what is collected while evicted leaves its cost in its class */   \
  F(uncounted_reader)     /* who reads a kept version is not counted */                        \
  F(read_twice)           /* a version that a recipe reads twice counts twice */               \
  F(truncated_quotient)   /* simrd: quotients are rounded towards zero */                      \
  F(near_quotients)       /* simrd: quotients are compared before they are rounded */          \
  F(biased_draws)         /* simrd: a random number may be the bound itself */                 \
  F(simrd_budget_off_by_one)    /* simrd: room is made for one byte less */                    \
  F(simrd_aliases_stay_defined) /* simrd: an evicted storage's aliases stay defined */         \
  F(simrd_stale_regions)        /* simrd: regions around what becomes resident stay */

namespace dtr {

#define DTR_NAME(fault) fault,
enum class Fault : int { none, DTR_FOR_EACH_FAULT(DTR_NAME) };
#undef DTR_NAME

#define DTR_NAME(fault) #fault,
inline constexpr const char* fault_names[] = {"none", DTR_FOR_EACH_FAULT(DTR_NAME)};
#undef DTR_NAME

#ifdef DTR_FAULTS
// Which fault is on, and through whose places the program has run. Numbers beyond those above are of faults that are
// planted in a copy of the sources. A process may be told on which to start with, and where to note what it reached.
class Faults {
 public:
  Faults() {
    if (const char* number = std::getenv("DTR_FAULT")) active = std::atoi(number);
  }
  ~Faults() {
    const char* path = std::getenv("DTR_FAULTS_REACHED");
    if (!path) return;
    std::ofstream file(path, std::ios::app);
    for (size_t number = 0; number < reached.size(); ++number)
      if (reached[number]) file << number << '\n';
  }
  bool planted(int number) {
    reached.at(number) = true;
    return number == active;
  }

  int active = 0;
  std::array<bool, 256> reached{};
};

inline Faults faults;
inline bool fault(Fault f) { return faults.planted(static_cast<int>(f)); }
#else
constexpr bool fault(Fault) { return false; }
#endif

}  // namespace dtr
