# SPDX-License-Identifier: Apache-2.0
"""Faults in the semantics: its rules, what is proved of them, the monitor."""

from dtr_spec.trace import Event

from ..planting import Edit, Mutant
from .killers import EXPLORATION, MONITOR, REFINEMENT, TERMS, THEOREM

_RULES = "dtr_spec.rules"

MUTANTS = (
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
    Mutant("commit with bytes still held", Edit(f"{_RULES}:commit", ", c.held[top] == 0)", ")"), EXPLORATION),
    Mutant(
        "collect what a recipe reads",
        Edit(f"{_RULES}:collect", ", unread(c, s, c.version[s])", ""),
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
    Mutant(
        "a constant costs no bytes",
        Edit(f"{_RULES}:constant", "used=c.used + c.facts.size(s),", "used=c.used,"),
        THEOREM,
        "accounted",
    ),
    Mutant(
        "a view is no handle",
        Edit(f"{_RULES}:alias", "c.handles[s] + 1", "c.handles[s]"),
        THEOREM,
        "named_is_alive",
    ),
    Mutant(
        "a handle is never given up",
        Edit(f"{_RULES}:release", "c.handles[s] - 1", "c.handles[s]"),
        THEOREM,
        "named_is_alive",
    ),
    Mutant(
        "a call begins while another is under way",
        Edit(f"{_RULES}:call", "client_turn(c), c.facts.kind", "no(c.stopped), c.facts.kind"),
        THEOREM,
        "stack_is_bounded",
    ),
    Mutant(
        "lock what is not in memory",
        Edit(f"{_RULES}:lock", "c.resident[s],", ""),
        THEOREM,
        "locked_is_resident",
    ),
    Mutant(
        "what is dropped stays counted",
        Edit(f"{_RULES}:drop", ", used=c.used - c.facts.size(s)", ""),
        THEOREM,
        "accounted",
    ),
    Mutant(
        "a call gives back what it owes",
        Edit(f"{_RULES}:free", "n <= spare, ", "n <= c.held[top], "),
        THEOREM,
        "owed_is_held",
    ),
    Mutant(
        "a rematerialization skips a stage",
        Edit(
            f"{_RULES}:advance", "stage=c.stage.set(top, c.stage[top] + 1)", "stage=c.stage.set(top, c.stage[top] + 2)"
        ),
        THEOREM,
        "frames_run_the_program",
    ),
    Mutant(
        "out of memory while something is evictable",
        Edit(f"{_RULES}:out_of_memory", "            facts.storages(c).every(lambda s: no(evictable(c, s))),\n", ""),
        THEOREM,
        "out_of_memory_is_the_last_resort",
    ),
    Mutant(
        "the rank counts a piece too few",
        Edit("dtr_spec.ranking:_pieces_left", "- c.cursor[d])", "- c.cursor[d] - 1)"),
        THEOREM,
        "rank_is_natural",
    ),
    Mutant(
        "the rank forgets what is in memory",
        Edit(
            "dtr_spec.ranking:_memory",
            "return copies.then(members(resident(before), resident(after)))",
            "return copies",
        ),
        THEOREM,
        "rank_falls",
    ),
    Mutant(
        "the client may run past the end",
        Edit("dtr_spec.invariants:position_is_in_the_program", " & (c.position <= c.facts.end())", ""),
        THEOREM,
        "rank_is_natural",
    ),
    Mutant(
        "a copy holds the version after",
        Edit(
            f"{_RULES}:keep",
            "c.kept_content[s].set(version, c.content[s])",
            "c.kept_content[s].set(version + 1, c.content[s])",
        ),
        THEOREM,
        "kept_is_eager",
    ),
    Mutant(
        "a pinned storage may be absent",
        Edit(f"{_RULES}:pin", ", c.resident[s])", ")"),
        THEOREM,
        "irrecoverable_is_resident",
    ),
    Mutant(
        "a constant is born with its neighbor's value",
        Edit(f"{_RULES}:constant", "c.facts.leaf(s)", "c.facts.leaf(s + 1)"),
        THEOREM,
        "resident_is_eager",
    ),
    Mutant(
        "a frame's inputs are not looked for",
        Edit(f"{_RULES}:running", " & gathered(c, c.depth)", ""),
        THEOREM,
        "every_read_is_eager",
    ),
    Mutant(
        "collect what has a handle",
        Edit(f"{_RULES}:collect", "c.handles[s] == 0, unread", "unread"),
        THEOREM,
        "collect_takes_what_is_unused",
    ),
    Mutant(
        "collect what a frame rebuilds",
        Edit(f"{_RULES}:settled", "(c.target[d] != s) & ", ""),
        EXPLORATION,
    ),
    Mutant(
        "collect what has still to be bound",
        Edit(f"{_RULES}:settled", " & no(c.unbound[d].has(s))", ""),
        THEOREM,
        "unbound_is_eager",
    ),
    Mutant(
        "hold what is being rebuilt",
        Edit(f"{_RULES}:hold", ", settled(c, s))", ")"),
        THEOREM,
        "frames_run_the_program",
    ),
    Mutant(
        "a copy is dropped while the call that overwrites it is under way",
        Edit(f"{_RULES}:drop", "client_turn(c), ", "no(c.stopped), "),
        THEOREM,
        "rank_falls",
    ),
    Mutant(
        "keep beyond the budget",
        Edit(f"{_RULES}:keep", "            c.used + c.facts.size(s) <= c.budget,\n", ""),
        THEOREM,
        "bytes_are_granted_within_the_budget",
    ),
    Mutant(
        "a storage reads what its own call overwrites",
        Edit("dtr_spec.rules:promised", "<= c.version[reader]", "< c.version[reader]"),
        THEOREM,
        "recoverable_has_its_inputs",
    ),
    Mutant(
        "the monitor takes any operand",
        Edit("dtr_spec.monitor:_follow", "(event.subject, event.detail) != (*label.operands, 0, 0)[:2]", "False"),
        f"{MONITOR}::test_what_a_rule_does_not_take_is_refused",
    ),
    Mutant(
        "the monitor accepts half a rematerialization",
        Edit("dtr_spec.step:finished", "c.depth == 0 and ", ""),
        f"{MONITOR}::test_half_a_rematerialization_at_the_end_is_refused",
    ),
    Mutant(
        "the monitor does not see a storage that is none",
        Edit("dtr_spec.monitor:_unknown_operand", "not 0 <= event.subject < ", "not event.subject < "),
        f"{MONITOR}::test_operands_that_are_none_are_named",
        (Event("evict", -1, 0, 1), "the program has no storage -1"),
    ),
    Mutant(
        "a trace may have more lines than it announces",
        Edit("dtr_spec.trace:_Reader.end", "next(self.lines, None) is not None", "False"),
        f"{MONITOR}::test_a_line_too_many_is_refused",
    ),
    Mutant(
        "a trace's numbers may be truth values",
        Edit("dtr_spec.trace:_Reader._check", "type(row.get(key)) is not kind", "not isinstance(row.get(key), kind)"),
        f"{MONITOR}::test_a_truth_value_is_no_number",
    ),
    Mutant(
        "a trace's budget may be negative",
        Edit("dtr_spec.trace:_Reader.header", "row[key] < 0", "False"),
        f"{MONITOR}::test_a_malformed_file_is_refused_with_its_line",
        (
            1,
            '{"format": "dtr-trace", "version": 1, "budget": -1, "declared": true, "configuration": {}, "commands": 5, '
            '"events": 28}',
            "1: field 'budget' cannot be negative",
        ),
    ),
    Mutant(
        "what was overwritten since is rebuilt from its creation alone",
        Edit(f"{_RULES}:replay", "c.version[s] == 0)", "True)"),
        THEOREM,
        "unbound_is_eager",
    ),
    Mutant(
        "what is evicted stays counted",
        Edit(f"{_RULES}:evict", "used=c.used - c.facts.size(s),", ""),
        THEOREM,
        "accounted",
    ),
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
    Mutant(
        "a call asks for what it likes",
        Edit(f"{_RULES}:allocate", " c.facts.asks(c.call[top], c.target[top], c.cursor[top], n),", ""),
        THEOREM,
        "profile_is_followed",
    ),
    Mutant(
        "an axiom that says more than holds",
        Edit("dtr_spec.assumptions:reads_are_current", "(f.creator(s) < k)", "(f.creator(s) < k - 1)"),
        "spec/test_witnesses.py::test_assumptions_hold_of_programs",
    ),
    *(
        Mutant(
            f"{rule} of any handle",
            Edit(f"{_RULES}:{rule}", "c.facts.handle(c.position) == h", "c.facts.handle(c.position) >= 0"),
            f"{MONITOR}::test_another_handle_is_refused",
            rule,
        )
        for rule in ("alias", "pin", "release")
    ),
    Mutant(
        "a call executes before it has asked for its scratch",
        Edit(f"{_RULES}:execute", "            facts.asked(k, CLIENT, c.cursor[top]),\n", ""),
        f"{MONITOR}::test_a_call_that_forgoes_its_scratch_is_refused",
        ("execute", 4),
    ),
    Mutant(
        "a replay needs no scratch",
        Edit(f"{_RULES}:replay", "            facts.asked(k, t, c.cursor[top]),\n", ""),
        f"{MONITOR}::test_a_call_that_forgoes_its_scratch_is_refused",
        ("replay", 14),
    ),
    Mutant(
        "the monitor does not look at what is read",
        Edit("dtr_spec.monitor:check", "tuple(observations) != meaning.observations[: len(observations)]", "False"),
        f"{MONITOR}::test_a_read_that_differs_is_refused",
    ),
    Mutant(
        "the machine's clock stands still while a call replays",
        Edit(f"{_RULES}:replay", "clock=c.clock + facts.cost(k),", ""),
        REFINEMENT,
    ),
    Mutant(
        "the machine's clock counts calls",
        Edit(f"{_RULES}:execute", "c.clock + facts.cost(k)", "c.clock + 1"),
        REFINEMENT,
    ),
    Mutant(
        "exploration takes over what another budget's comparisons led to",
        Edit("dtr_spec.explore:_Visit.holds_within", "(budget < other)", "(budget <= other)"),
        "spec/test_exploration.py::test_budgets_share_their_work_soundly",
    ),
    Mutant(
        "a rematerialization begins after the end",
        Edit(f"{_RULES}:need", "            no(c.stopped),\n", ""),
        f"{MONITOR}::test_nothing_happens_after_the_end",
    ),
    Mutant(
        "out of memory leaves the run going",
        Edit(f"{_RULES}:evict", "(no(c.stopped), evictable(c, s))", "(evictable(c, s),)"),
        THEOREM,
        "out_of_memory_is_the_end",
    ),
    Mutant(
        "terms do not say through which view they are read",
        Edit("dtr_spec.terms:seen", 'Term(("view", view), (content,))', "content"),
        f"{TERMS}::test_equal_terms_have_equal_bits",
    ),
    Mutant(
        "a write through a view is a write of everything",
        Edit("dtr_spec.terms:written", "if views else value", "if not views else value"),
        f"{TERMS}::test_views_are_read_and_written_apart",
    ),
    Mutant(
        "all results of a call are one term",
        Edit("dtr_spec.terms:results", '"output", i)', '"output", 0)'),
        f"{TERMS}::test_results_differ_from_each_other_and_by_operator_and_order",
    ),
    Mutant(
        "all that a call overwrites is one term",
        Edit("dtr_spec.terms:results", '"mutates", i)', '"mutates", 0)'),
        f"{TERMS}::test_results_differ_from_each_other_and_by_operator_and_order",
    ),
    Mutant(
        "a term forgets what it was computed from",
        Edit("dtr_spec.terms:observation", "for content, views in arguments)", "for content, views in arguments[:1])"),
        f"{TERMS}::test_results_differ_from_each_other_and_by_operator_and_order",
    ),
)
