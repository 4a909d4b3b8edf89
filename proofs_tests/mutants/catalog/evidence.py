# SPDX-License-Identifier: Apache-2.0
"""Faults in what evidence is made with: optima, static schemes, lemmas, models of proofs, logs."""

from ...counterexamples.examples import dearer_with_more
from ..planting import Edit, Mutant
from .killers import (
    ADVERSARY,
    CONSERVATION,
    CROSSING,
    IN_PLACE,
    LEAST,
    LEMMAS,
    LOG,
    MONITOR,
    MONOTONE,
    NEIGHBORHOODS,
    OPTIMUM,
    PLANS,
    SCORES,
    SOLVING,
    STACK,
    SWEEP,
    TIES,
)

_FORGETTING = """entry = self.read[instruction](row)
        if instruction != "RELEASE":
            yield entry"""

MUTANTS = (
    Mutant(
        "a plan frees what it still reads",
        Edit("dtr_reference.baselines.plan:Plan._steps", "last_use[used] == node", "True"),
        PLANS,
    ),
    Mutant(
        "a plan frees what stays",
        Edit("dtr_reference.baselines.plan:Plan._steps", "if used not in kept", "if True"),
        PLANS,
    ),
    Mutant(
        "the integer program frees what stays",
        Edit("dtr_reference.baselines.integer_program:IntegerProgram._frees", "[self._s[t + 1, i]]", "[]"),
        OPTIMUM,
    ),
    Mutant(
        "the integer program frees what is read again",
        Edit("dtr_reference.baselines.integer_program:IntegerProgram._frees", "if k < j <= t", "if False"),
        OPTIMUM,
    ),
    Mutant(
        "treeverse holds a snapshot too few",
        Edit("dtr_reference.baselines.treeverse:_held", "snapshots > 1", "snapshots > 2"),
        "baselines/test_treeverse.py::test_treeverse_takes_as_many_advances_as_the_binomial_formula_says",
    ),
    Mutant(
        "optimum: no recipe is given up",
        Edit("dtr_reference.optimum:_Game.moves", "yield from self._banish(state)", "pass"),
        LEAST,
    ),
    Mutant(
        "optimum: room for a byte too many",
        Edit("dtr_reference.optimum:_Game._evictions", "+ need - self.budget", "+ need - self.budget + 1"),
        LEAST,
    ),
    Mutant(
        "optimum: rematerialization is free",
        Edit("dtr_reference.optimum:_Game._rematerialize", "self.program.call(call).cost, after", "0, after"),
        LEAST,
    ),
    Mutant(
        "adversary: extend a path that holds something",
        Edit("dtr_reference.adversary:_emptied", "max(empty, key=len)", "max(paths, key=len)"),
        ADVERSARY,
        "h_lru",
    ),
    Mutant(
        "stack of checkpoints: look at the gap below only",
        Edit("dtr_reference.theory.stack:_Stack._enter", "self.above[m] - self.below[m] - 2", "m - self.below[m] - 1"),
        STACK,
    ),
    Mutant(
        "stack of checkpoints: the first of equals goes",
        Edit("dtr_reference.theory.stack:_Stack._enter", "-self.turn[m]", "self.turn[m]"),
        STACK,
    ),
    Mutant(
        "ties: what is not least may go",
        Edit("dtr_reference.theory.ties:_victims", "if size == min(sizes)", "if size <= min(sizes) + 2"),
        TIES,
    ),
    Mutant(
        "the optimum is measured from the clock's first unit",
        Edit("dtr_reference.competitive:record", "Fraction(ended.clock - 1,", "Fraction(ended.clock,"),
        "reference/test_competitive.py::test_a_ratio_is_of_what_the_calls_cost",
    ),
    Mutant(
        "Chen's segments are one layer longer",
        Edit("dtr_reference.baselines.chen:chen_sqrt", "isqrt(len(cuts))", "isqrt(len(cuts)) + 1"),
        "baselines/test_chen.py::test_sqrt_costs_one_more_forward_pass_in_sqrt_memory",
    ),
    Mutant(
        "lemmas: the bound after the forward pass is half of what it is",
        Edit("dtr_reference.theory.lemmas:forward_gap", "2 * (layers - 2)", "layers - 2"),
        f"{LEMMAS}::test_gaps_after_the_forward_pass",
    ),
    Mutant(
        "lemmas: A.1 with half of its bound",
        Edit("dtr_reference.theory.lemmas:checkpoint_gap", "4 * (layers - 2)", "2 * (layers - 2)"),
        f"{LEMMAS}::test_surviving_checkpoints",
        "banish",
    ),
    Mutant(
        "lemmas: A.3 with half of its bound",
        Edit("dtr_reference.theory.lemmas:rematerialization_gap", "2 * (distance - 1)", "distance - 1"),
        f"{LEMMAS}::test_rematerialized_gaps",
        "banish",
    ),
    Mutant(
        "lemmas: A.4 with a unit more",
        Edit("dtr_reference.theory.lemmas:intermediate_gap", "extra + 1)", "extra + 2)"),
        f"{LEMMAS}::test_intermediate_checkpoints",
        "banish",
    ),
    Mutant(
        "lemmas: A.2 as printed",
        Edit(
            "dtr_reference.theory.lemmas:path_replays_repaired",
            "length**2 * (1 + log2(extra + 1)) / (extra + 1) ** 2",
            "length**2 * log2(extra) / extra**2",
        ),
        f"{LEMMAS}::test_replays_of_an_evicted_path",
    ),
    Mutant(
        "checkpoints: a gap is measured from what is evicted",
        Edit("dtr_reference.theory.checkpoints:longest_gap", "prepend=-1", "prepend=0"),
        f"{LEMMAS}::test_the_longest_gap_is_what_its_name_says",
    ),
    Mutant(
        "checkpoints: early evictions are those of one gradient",
        Edit(
            "dtr_reference.theory.checkpoints:_Measure._early_evictions",
            "gradients == EARLY_GRADIENTS",
            "gradients == 1",
        ),
        f"{LEMMAS}::test_two_checkpoints_are_evicted_by_the_first_two_gradients",
    ),
    Mutant(
        "growth: a budget of the logarithm, not of the root",
        Edit("dtr_reference.theory.growth:root_budget", "isqrt(layers - 1) + 1", "layers.bit_length()"),
        "theorems/test_theorem_3_1.py::test_linear_in_every_depth",
    ),
    Mutant(
        "growth: a logarithmic budget is the root of the depth",
        Edit("dtr_reference.theory.growth:logarithmic_budget", "factor * ceil(log2(layers))", "factor * isqrt(layers)"),
        "theorems/test_theorem_3_1.py::test_logarithmic_memory_is_not_enough",
    ),
    Mutant(
        "a rehearsal takes the dearest",
        Edit("dtr_reference.theory.monotone:rehearsed", "-min(finished)[1]", "-max(finished)[1]"),
        f"{MONOTONE}::test_a_rehearsal_is_never_worse_with_more",
        (dearer_with_more(),),
    ),
    Mutant(
        "a rehearsal may exceed what is allowed by a byte",
        Edit("dtr_reference.theory.monotone:rehearsed", "other <= budget", "other <= budget + 1"),
        f"{MONOTONE}::test_rehearsals_of_any_program",
    ),
    Mutant(
        "a ranking that changes with the clock",
        Edit(
            "dtr_reference.theory.monotone:Oldest.score", "return storage.index", "return (storage.index * clock) % 3"
        ),
        f"{MONOTONE}::test_a_fixed_ranking_without_cascades",
    ),
    Mutant(
        "classes: a union forgets what is proved to be counted",
        Edit("proofs_tests.classes.partition:unite", "p.cost[one] + p.cost[other]", "p.cost[other]"),
        f"{CONSERVATION}::test_each_class_costs_its_members",
        "unite",
    ),
    Mutant(
        "classes: what leaves leaves its cost",
        Edit("proofs_tests.classes.partition:leave", "p.cost[label] - cost", "p.cost[label]"),
        f"{CONSERVATION}::test_the_classes_cost_what_is_evicted",
        "leave",
    ),
    Mutant(
        "classes: a union moves the storage evicted last alone",
        Edit("proofs_tests.classes.partition:unite", "lambda s: p.label[s] == one", "lambda s: s == p.latest"),
        f"{NEIGHBORHOODS}::test_joined_storages_share_a_class",
        "unite",
    ),
    Mutant(
        "classes: what is evicted joins a class that was there",
        Edit(
            "proofs_tests.classes.partition:join", "label=p.label.set(s, p.fresh)", "label=p.label.set(s, p.fresh - 1)"
        ),
        f"{NEIGHBORHOODS}::test_classes_are_components_until_something_leaves",
        "join",
    ),
    Mutant(
        "classes: storages that nothing joins share a class",
        Edit(
            "proofs_tests.classes.test_neighborhoods:joined_share_a_class",
            "EDGE(a, b), a != b",
            "z3.Not(EDGE(a, b)), a != b",
        ),
        f"{NEIGHBORHOODS}::test_edges_that_disappear_do_no_harm",
    ),
    Mutant(
        "a replay takes the next version",
        Edit(
            "dtr_spec.rules:replay",
            "owed=c.owed.set(top, facts.size(t)),",
            "owed=c.owed.set(top, facts.size(t)), version=c.version.set(t, c.version[t] + 1),",
        ),
        f"{CONSERVATION}::test_what_is_evicted_keeps_its_version",
        "replay",
    ),
    Mutant(
        "scores: a product of 192 bits loses its carry",
        Edit(
            "proofs_tests.arithmetic.comparison:multiply",
            "high + low.shifted(WORD).low(WORD).widened(WIDE)",
            "high",
        ),
        f"{SCORES}::test_the_order_is_that_of_the_rationals",
    ),
    Mutant(
        "scores: denominators of 64 bits",
        Edit("proofs_tests.arithmetic.comparison:ratio", "a.widened(WIDE) * b.widened(WIDE)", "(a * b).widened(WIDE)"),
        f"{SCORES}::test_nothing_wraps",
    ),
    Mutant(
        "crossing: only the winner grows older",
        Edit("proofs_tests.arithmetic.test_crossing:later", "x.theirs + elapsed", "x.theirs"),
        f"{CROSSING}::test_the_order_changes_exactly_at_the_computed_clock",
    ),
    Mutant(
        "crossing: who wins is asked of the other's age",
        Edit(
            "proofs_tests.arithmetic.test_crossing:wins",
            "x.p * x.theirs < x.q * x.ours",
            "x.p * x.ours < x.q * x.theirs",
        ),
        f"{CROSSING}::test_nothing_wraps",
    ),
    Mutant(
        "crossing: a guard of a bit too much",
        Edit("proofs_tests.arithmetic.crossing:fit", "<= BITS", "<= BITS + 1"),
        f"{CROSSING}::test_the_guard_admits_only_what_fits",
    ),
    Mutant(
        "crossing: a tie that is lost is lost a unit late",
        Edit("proofs_tests.arithmetic.crossing:overtaken", "(0 if tie_is_lost and rest == 0 else 1)", "1"),
        f"{CROSSING}::test_a_match_holds_until_it_is_overtaken",
    ),
    Mutant(
        "logs: a name may be used again",
        Edit("dtr_spec.log:_Reader._fresh", "if name in self.seen else", "if name in self.tensor else"),
        f"{LOG}::test_a_malformed_log_is_refused",
        "a name used again",
    ),
    Mutant(
        "logs: an alias of an argument too far",
        Edit("dtr_spec.log:_Reader._result", "alias >= len(args)", "alias > len(args)"),
        f"{LOG}::test_a_malformed_log_is_refused",
        "an alias of no argument",
    ),
    Mutant(
        "logs: a copy is written the wrong way",
        Edit(
            "dtr_spec.log:_rows",
            '"COPY", "DST": target, "SRC": source',
            '"COPY", "DST": source, "SRC": target',
        ),
        f"{IN_PLACE}::test_programs_of_logs_round_trip",
    ),
    Mutant(
        "logs: a copy onto a name leaves the old tensor",
        Edit("dtr_spec.in_place:_Reading.commands_of", "yield Release(old)", "pass"),
        f"{IN_PLACE}::test_programs_of_logs_round_trip",
    ),
    Mutant(
        "logs: what a call overwrites is written by handles",
        Edit(
            "dtr_spec.in_place:_entries",
            "tuple(map(storages.index, program.writes[position]))",
            "tuple(program.writes[position])",
        ),
        f"{IN_PLACE}::test_programs_of_logs_round_trip",
    ),
    Mutant(
        "sweeps: an unfinished line stays",
        Edit("dtr_spec.sweep:stored", "file.truncate(len(whole))", "pass"),
        "simrd/test_sweep.py::test_an_unfinished_line_is_cut_off",
    ),
    Mutant(
        "sweeps: a budget is rounded up",
        Edit(
            "dtr_spec.sweep:run",
            "int(min(point.ratio * baseline.peak, UNLIMITED))",
            "1 + int(point.ratio * baseline.peak)",
        ),
        "simrd/test_sweep.py::test_a_budget_is_a_share_of_the_peak",
    ),
    Mutant(
        "sweeps: an executor is not given the first run",
        Edit(
            "dtr_spec.sweep:_computed",
            "point) for point in missing]",
            "point) for point in missing[1:]]",
        ),
        "simrd/test_sweep.py::test_an_executor_is_given_every_run",
    ),
    Mutant(
        "logs: releases are read and forgotten",
        Edit("dtr_spec.log:_Reader.__iter__", "yield self.read[instruction](row)", _FORGETTING),
        f"{IN_PLACE}::test_programs_of_logs_round_trip",
    ),
    Mutant(
        "solving: what is added to a set is removed",
        Edit("dtr_spec.symbolic:SymbolicSet.add", "True", "False"),
        SOLVING,
    ),
    Mutant(
        "inclusion: anything may go",
        Edit("dtr_reference.theory.inclusion:least", "(score(victim) <= score(s))", "(score(s) <= score(s))"),
        f"{MONOTONE}::test_inclusion_is_inductive",
    ),
    Mutant(
        "inclusion: what is dropped stays",
        Edit("dtr_reference.theory.inclusion:drop", "r.storages.remove(dropped)", "r.storages"),
        f"{MONOTONE}::test_residents_are_counted",
    ),
    Mutant(
        "operators: bytes that a kernel overwrites go unseen",
        Edit("proofs_tests.runtime.operators:contents", "if storage.nbytes() else", "if False else"),
        "runtime/test_operators.py::test_the_probe_sees_what_schemas_omit",
    ),
    Mutant(
        "traces: another version is read",
        Edit("dtr_spec.trace:_Reader.header", '(row["format"], row["version"]) != (FORMAT, VERSION)', "False"),
        f"{MONITOR}::test_another_version_of_the_format_is_refused",
    ),
    Mutant(
        "monitor: the command's status does not tell a refusal",
        Edit("dtr_spec.__main__:_check", "0 if verdict else 1", "0"),
        f"{MONITOR}::test_the_command_tells_a_refusal_by_its_status",
    ),
    Mutant(
        "proofs: the command's status does not tell what is unproved",
        Edit("dtr_spec.__main__:_prove", "0 if all(verdicts) else 1", "0"),
        "spec/test_theorems.py::test_what_is_not_proved_is_told_on_the_command_line",
    ),
    Mutant(
        "sweeps: a result is taken for one under another limit",
        Edit("dtr_spec.sweep:_identity", ', "limit"', ""),
        f"{SWEEP}::test_a_result_is_one_of_its_point_alone",
        ("limit", 2.0),
    ),
    Mutant(
        "sweeps: what has not begun is computed for nobody",
        Edit("dtr_spec.sweep:_computed", "future.cancel()", "pass"),
        f"{SWEEP}::test_what_has_not_begun_is_cancelled_when_the_caller_stops",
    ),
    Mutant(
        "sweeps: a limit is a multiple of the peak",
        Edit("dtr_spec.sweep:run", "point.limit * baseline.cost", "point.limit * baseline.peak"),
        f"{SWEEP}::test_a_limit_is_a_multiple_of_the_cost",
    ),
    Mutant(
        "sweeps: the table shows overheads for slowdowns",
        Edit("dtr_spec.report:slowdown", "1 + row", "row"),
        f"{SWEEP}::test_the_table_shows_slowdowns_or_why_there_is_none",
    ),
    Mutant(
        "check: a peak over the budget agrees",
        Edit("proofs_tests.models.verdict:Row.agrees", "self.within_budget and not", "not"),
        "test_check.py::test_a_verdict_agrees_only_if_nothing_is_wrong",
        ("peak", 401),
    ),
    Mutant(
        "check: a training's trace is not judged",
        Edit("proofs_tests.models.verdict:compare", "None if verdict else", "None if True else"),
        "test_check.py::test_a_training_is_compared_with_the_machine_and_with_the_reference",
    ),
)
