# SPDX-License-Identifier: Apache-2.0
"""Faults in the C++ engine, compiled into the variant that the tests use."""

from ..planting import Fault, Mutant
from .killers import (
    BOUNDS,
    BUDGET,
    CHOICE,
    CROSSING,
    DECISIONS,
    FOLLOWED,
    HELD_WITHOUT_HANDLES,
    LOCKSTEP,
    LONG_CHAIN,
    RATIONALS,
    REFINEMENT,
    SIMRD,
    SIMRD_ARITHMETIC,
)

MUTANTS = (
    Mutant("engine: evict a locked storage", Fault("evict_locked"), REFINEMENT),
    Mutant("engine: skip the write barrier", Fault("skip_write_barrier"), REFINEMENT),
    Mutant("engine: forget an unlock", Fault("forget_unlock"), DECISIONS),
    Mutant("engine: count a sibling twice", Fault("count_sibling_twice"), BUDGET),
    Mutant("engine: budget off by one", Fault("budget_off_by_one"), BUDGET),
    Mutant("engine: stale class cost", Fault("stale_class_cost"), DECISIONS),
    Mutant("engine: wrong tie-break", Fault("wrong_tie_break"), DECISIONS),
    Mutant("engine: bind does not touch", Fault("forget_clock_at_bind"), DECISIONS),
    Mutant("engine: lose a kept version", Fault("lose_kept_version"), REFINEMENT),
    Mutant("engine: replays cost nothing", Fault("skip_replay_cost"), DECISIONS),
    Mutant("engine: neighborhoods without descendants", Fault("forget_descendants"), DECISIONS),
    Mutant("engine: hold without the bytes", Fault("hold_without_bytes"), REFINEMENT),
    Mutant("engine: scores compared in 64 bits", Fault("narrow_product"), RATIONALS),
    Mutant("engine: scores compared by the wrong products", Fault("swapped_sides"), RATIONALS),
    Mutant("engine: matches are not played again", Fault("stale_certificate"), CHOICE, "h_dtr_local"),
    Mutant("engine: watchers of a class are not told", Fault("forget_watchers"), CHOICE, "h_dtr_eq"),
    Mutant("engine: shrunk neighborhoods are not noticed", Fault("forget_falls"), CHOICE, "h_dtr"),
    Mutant("engine: a winner's cost is not looked at", Fault("keep_first_cost"), CHOICE, "h_estar"),
    Mutant("simrd: budget off by one", Fault("simrd_budget_off_by_one"), SIMRD, "eager"),
    Mutant("simrd: aliases of an evicted storage stay defined", Fault("simrd_aliases_stay_defined"), SIMRD, "eager"),
    Mutant("simrd: regions around what becomes resident stay", Fault("simrd_stale_regions"), SIMRD, "ignore"),
    Mutant(
        "engine: a chain is held a call too early",
        Fault("hold_early"),
        LONG_CHAIN,
    ),
    Mutant("engine: no version is kept", Fault("keep_nothing"), DECISIONS),
    Mutant(
        "engine: versions that are just small enough are not kept", Fault("keep_less"), LOCKSTEP, ("h_dtr_eq", "eager")
    ),
    Mutant(
        "engine: the write barrier holds the youngest first", Fault("sinks_backwards"), LOCKSTEP, ("h_dtr_eq", "eager")
    ),
    Mutant(
        "engine: the write barrier collects the oldest first",
        Fault("walked_forwards"),
        LOCKSTEP,
        ("h_dtr_eq", "ignore"),
    ),
    Mutant(
        "engine: what is as large as its readers does not give way",
        Fault("banish_less"),
        LOCKSTEP,
        ("h_dtr_eq", "eager"),
    ),
    Mutant(
        "engine: what waits to be banished is not tried again",
        Fault("forget_retries"),
        LOCKSTEP,
        ("h_dtr_eq", "banish"),
    ),
    Mutant("engine: the inputs of a replayed call are not touched", Fault("forget_touch"), DECISIONS),
    Mutant("engine: what another frame has locked becomes evictable", Fault("unlock_for_all"), REFINEMENT),
    Mutant(
        "engine: a sibling is bound where it was overwritten since",
        Fault("bind_mutated_sibling"),
        LOCKSTEP,
        ("h_dtr_eq", "eager"),
    ),
    Mutant("engine: an input that a copy serves is locked", Fault("lock_current_version"), REFINEMENT),
    Mutant("engine: the peak is what was in use last", Fault("forget_peak"), LOCKSTEP, ("h_lru", "eager")),
    Mutant("engine: what several paths lead to counts for each", Fault("count_twice"), LOCKSTEP, ("h_dtr", "eager")),
    Mutant(
        "engine: sums wrap around", Fault("unchecked_sums"), BOUNDS + "::test_sums_that_exceed_the_bounds_are_refused"
    ),
    Mutant(
        "engine: a match is played again a unit too late",
        Fault("overtaken_late"),
        f"{CROSSING}::test_a_match_holds_until_it_is_overtaken",
    ),
    Mutant("engine: inputs are locked when all are rebuilt", Fault("lock_late"), FOLLOWED),
    Mutant("engine: what waits does not hear that its reader is back", Fault("forget_reconsidering"), DECISIONS),
    Mutant("engine: what is held without handles does not wait", Fault("forget_to_wait"), HELD_WITHOUT_HANDLES),
    Mutant("engine: a shortened path is not counted", Fault("uncounted_shortcut"), DECISIONS),
    Mutant(
        "engine: a union forgets who watched one class",
        Fault("lose_watchers"),
        "core/test_choice.py::test_a_union_keeps_who_watched_either_class",
    ),
    Mutant("engine: what is collected while evicted leaves its cost", Fault("stay_in_class"), DECISIONS),
    Mutant("engine: who reads a kept version is not counted", Fault("uncounted_reader"), DECISIONS),
    Mutant("engine: what a recipe reads twice counts twice", Fault("read_twice"), LOCKSTEP, ("h_dtr_eq", "eager")),
    Mutant(
        "simrd: quotients are rounded towards zero",
        Fault("truncated_quotient"),
        f"{SIMRD_ARITHMETIC}::test_quotients_are_pythons",
    ),
    Mutant(
        "simrd: quotients are compared before they are rounded",
        Fault("near_quotients"),
        f"{SIMRD_ARITHMETIC}::test_quotients_that_nearly_agree_are_rounded_first",
    ),
    Mutant(
        "simrd: a random number may be the bound itself",
        Fault("biased_draws"),
        f"{SIMRD_ARITHMETIC}::test_random_numbers_are_pythons",
    ),
)
