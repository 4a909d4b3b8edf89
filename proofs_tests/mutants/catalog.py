# SPDX-License-Identifier: Apache-2.0
"""The mutants: each a way in which a machine for rematerialization is easily got wrong."""

from .planting import Edit, Fault, Mutant

VALUES = "differential/test_values.py::test_every_read_on_the_corpus"
BUDGET = "differential/test_budget.py::test_bytes_on_the_corpus"
REFINEMENT = "differential/test_refinement.py::test_traces_of_the_corpus"
CHOICE = "core/test_choice.py::test_tournament_is_scan"
FOLLOWED = "differential/test_followed.py::test_on_the_corpus"
DECISIONS = "differential/test_decisions.py::test_decisions_on_the_corpus"
THEOREM = "spec/test_theorems.py::test_theorem"
EXPLORATION = "spec/test_exploration.py::test_all_small_programs_under_all_policies_and_budgets"
MONITOR = "spec/test_monitor.py"
PLANS = "baselines/test_plans.py::test_any_plan_is_a_run_of_the_machine"
OPTIMUM = "baselines/test_checkmate.py::test_the_optimum_is_the_exhaustive_one_at_every_budget"
CLASSES = "classes/test_conservation.py::test_the_partition_is_the_references"
LEAST = "reference/test_optimum.py::test_both_searches_agree"
ADVERSARY = "theorems/test_theorem_3_2.py::test_the_adversary_wins"
STACK = "theorems/test_theorem_3_1.py::test_the_stack_is_the_machine"
TIES = "theorems/test_lemmas.py::test_lemmas_whichever_of_equals_is_evicted"
RATIONALS = "core/test_rational.py::test_less_is_less"
SIMRD = "simrd/test_reference.py::test_reference_and_engine_agree"
SIMRD_TRACES = "simrd/test_reference.py::test_traces_are_runs_of_the_machine"

_RULES, _MACHINE, _MEMORY = "dtr_spec.rules", "dtr_reference.machine:Machine", "dtr_reference.memory:Memory"

SPEC = (
    Mutant(
        "evict takes a locked storage",
        Edit(f"{_RULES}:evictable", " & c.frames.every(lambda d: no(c.locked[d].has(s)))", ""),
        THEOREM,
        "locked_is_resident",
    ),
    Mutant(
        "allocate beyond the budget",
        Edit(f"{_RULES}:allocate", ", c.used + n <= c.budget),", ",),"),
        THEOREM,
        "within_budget",
    ),
    Mutant(
        "hold an evicted storage", Edit(f"{_RULES}:hold", "c.resident[s], ", ""), THEOREM, "irrecoverable_is_resident"
    ),
    Mutant(
        "a kept copy costs no bytes",
        Edit(f"{_RULES}:keep", "used=c.used + c.facts.size(s),", "used=c.used,"),
        EXPLORATION,
    ),
    Mutant(
        "execute without the write barrier",
        Edit(f"{_RULES}:execute", "c.kept[w].has(c.version[w]) | unread(c, w, c.version[w])", "c.alive[w]"),
        EXPLORATION,
    ),
    Mutant("an alias is no handle", Edit(f"{_RULES}:alias", "c.handles[s] + 1", "c.handles[s]"), EXPLORATION),
    Mutant(
        "out of memory with a byte to spare",
        Edit(f"{_RULES}:out_of_memory", "c.budget < c.used + n", "c.budget <= c.used + n"),
        EXPLORATION,
    ),
    Mutant(
        "a stage runs the first mutation again",
        Edit(f"{_RULES}:advance", "c.facts.chain(t, c.stage[top] + 1)", "c.facts.chain(t, 1)"),
        THEOREM,
        "frames_run_the_program",
    ),
    Mutant("commit with bytes still held", Edit(f"{_RULES}:commit", ", c.held[top] == 0)", ")"), EXPLORATION),
    Mutant(
        "collect what a recipe reads",
        Edit(f"{_RULES}:collect", ", unread(c, s, c.version[s]))", ")"),
        EXPLORATION,
    ),
    Mutant(
        "bind counts the bytes again",
        Edit(
            f"{_RULES}:bind",
            "resident=c.resident.set(s, True),",
            "resident=c.resident.set(s, True), used=c.used + size,",
        ),
        THEOREM,
        "accounted",
    ),
    Mutant(
        "overwriting gives a recipe back",
        Edit(f"{_RULES}:execute", "c.recoverable[s] & overwritten_only_here(s)", "overwritten_only_here(s)"),
        THEOREM,
        "irrecoverable_stays_so",
    ),
    Mutant(
        "hold leaves the recipe",
        Edit(f"{_RULES}:hold", "c.recoverable.set(s, False)", "c.recoverable"),
        THEOREM,
        "constants_and_what_is_held_have_no_recipe",
    ),
    Mutant(
        "pin leaves the recipe",
        Edit(f"{_RULES}:pin", "c.recoverable.set(s, False)", "c.recoverable"),
        THEOREM,
        "what_is_pinned_has_no_recipe",
    ),
    Mutant(
        "no rematerialization within another",
        Edit(f"{_RULES}:need", "no(c.resident[s]),", "no(c.resident[s]), top == 0,"),
        THEOREM,
        "progress",
    ),
    Mutant(
        "a call may read what is created later",
        Edit("dtr_spec.assumptions:reads_are_current", "(f.creator(s) < k) & ", ""),
        THEOREM,
        "recipes_descend",
    ),
    Mutant(
        "a sum changes by members past its bound",
        Edit("dtr_spec.lemmas:_change", "ite(inside, new - f[i], 0)", "new - f[i]"),
        THEOREM,
        "sums_change_by_one_member",
    ),
    Mutant(
        "a replay reads the current version",
        Edit(
            "dtr_spec.rules:seen",
            "ite(version == c.version[s], c.content[s], c.kept_content[s][version])",
            "c.content[s]",
        ),
        EXPLORATION,
    ),
    Mutant(
        "the monitor does not count bytes",
        Edit("dtr_spec.monitor:_follow", "after.used != event.used", "False"),
        f"{MONITOR}::test_a_wrong_byte_count_is_refused",
    ),
    Mutant(
        "the monitor accepts half a run",
        Edit("dtr_spec.monitor:check", "not (finished(c) or c.stopped)", "False"),
        f"{MONITOR}::test_an_unfinished_run_is_refused",
    ),
)

REFERENCE = (
    Mutant(
        "evict a locked storage",
        Edit("dtr_reference.heap:Heap.lock", "self.pool.pop(index, None)", "pass"),
        REFINEMENT,
    ),
    Mutant("skip the write barrier", Edit(f"{_MACHINE}._call", "self._write_barrier(index)", "pass"), VALUES),
    Mutant(
        "inputs are locked when all are rebuilt",
        Edit(
            f"{_MACHINE}._gather",
            "yield index\n        self._lock(index)",
            "yield index\n    for index in evicted:\n        self._lock(index)",
        ),
        FOLLOWED,
    ),
    Mutant("forget an unlock", Edit(f"{_MACHINE}._unlock", "in frame.inputs:", "in frame.inputs[1:]:"), DECISIONS),
    Mutant(
        "count a shared output twice",
        Edit(f"{_MACHINE}._bind_sibling", 'self.step("bind", index)', 'self.step("bind", index, taken=storage.size)'),
        BUDGET,
    ),
    Mutant(
        "drop a version that is still read",
        Edit(f"{_MEMORY}._drop_unread", " and not self.heap.promised(version)", ""),
        REFINEMENT,
    ),
    Mutant(
        "restore the wrong random state",
        Edit("dtr_reference.heap:Heap.content", "version != storage.current", "False"),
        VALUES,
    ),
    Mutant(
        "results that read what their call overwrote stay recoverable",
        Edit(f"{_MACHINE}._execute", "recoverable = kept or not results.overwritten", "recoverable = True"),
        REFINEMENT,
    ),
    Mutant(
        "replay the creation without the mutations",
        Edit(
            f"{_MACHINE}._rematerialize",
            "self.program.chain(self.heap[target].current)",
            "self.program.chain(Version(target, 0))",
        ),
        VALUES,
    ),
    Mutant(
        "stale class cost",
        Edit(
            "dtr_reference.eqclass:Classes.leave",
            "self._cost[self._root(self._node.pop(storage))] -= self._own.pop(storage)",
            "del self._node[storage], self._own[storage]",
        ),
        DECISIONS,
    ),
    Mutant(
        "a union forgets a cost",
        Edit("dtr_reference.eqclass:Classes._union", "self._cost[other] += self._cost[one]", "pass"),
        CLASSES,
    ),
    Mutant("budget off by one", Edit(f"{_MEMORY}.room", "> self.budget:", "> self.budget + 1:"), BUDGET),
    Mutant(
        "lost alias",
        Edit(f"{_MACHINE}._carry_out", "self.heap[self.program.storage(handle)].handles += 1", "pass"),
        REFINEMENT,
    ),
    Mutant(
        "wrong tie-break",
        Edit(f"{_MEMORY}._victim", "self._score(index, size), sequence", "self._score(index, size), -sequence"),
        DECISIONS,
    ),
    Mutant(
        "inputs are not touched", Edit(f"{_MACHINE}._touch", "last_access = self.clock", "last_access += 0"), DECISIONS
    ),
    Mutant(
        "neighborhoods without descendants",
        Edit("dtr_reference.neighborhood:evicted_neighborhood", " | evicted_descendants(graph, index)", ""),
        DECISIONS,
    ),
    Mutant(
        "simrd: among equal scores the earliest goes",
        Edit("dtr_reference.simrd:_Machine._victim", "score <= least", "score < least"),
        SIMRD,
        "eager",
    ),
    Mutant(
        "simrd: a parent that is passed over is unlocked all the same",
        Edit("dtr_reference.simrd:_Machine._unlock_parents", "in tensor.parents:", "in list(tensor.parents):"),
        SIMRD,
        "banish",
    ),
    Mutant(
        "simrd: evicting a storage leaves its aliases",
        Edit("dtr_reference.simrd_trace:Recorder.evict", "in defined:", "in ():"),
        SIMRD_TRACES,
        "eager",
    ),
    Mutant(
        "simrd: what is banished goes before its aliases",
        Edit("dtr_reference.simrd_trace:Recorder.banish", "reversed(storage.tensors)", "storage.tensors"),
        SIMRD_TRACES,
        "banish",
    ),
    Mutant(
        "simrd: the dependents of what is banished are not held",
        Edit("dtr_reference.simrd:_Machine._try_banish", "self.trace.hold(child, self.used)", "pass"),
        SIMRD_TRACES,
        "banish",
    ),
)

BASELINES = (
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
)

SCHEDULES = (
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
)

RUNTIME = (
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
)

THEOREMS = (
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
        "inclusion: anything may go",
        Edit("dtr_reference.theory.inclusion:least", "(score(victim) <= score(s))", "(score(s) <= score(s))"),
        "counterexamples/test_monotone.py::test_inclusion_is_inductive",
    ),
    Mutant(
        "inclusion: what is dropped stays",
        Edit("dtr_reference.theory.inclusion:drop", "r.storages.remove(dropped)", "r.storages"),
        "counterexamples/test_monotone.py::test_residents_are_counted",
    ),
    Mutant(
        "ties: what is not least may go",
        Edit("dtr_reference.theory.ties:_victims", "if size == min(sizes)", "if size <= min(sizes) + 2"),
        TIES,
    ),
)

MUTANTS = (*SPEC, *REFERENCE, *BASELINES, *SCHEDULES, *THEOREMS, *RUNTIME)
