// SPDX-License-Identifier: Apache-2.0
// Seeded faults: each breaks the engine in one known way, to show that the proofs' tests catch it.
// Without the compile definition DTR_FAULTS every check is the constant false.
#pragma once

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
inline Fault active_fault = Fault::none;
inline bool fault(Fault f) { return f == active_fault; }
#else
constexpr bool fault(Fault) { return false; }
#endif

}  // namespace dtr
