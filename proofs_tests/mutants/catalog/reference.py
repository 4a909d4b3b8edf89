# SPDX-License-Identifier: Apache-2.0
"""Faults in the reference."""

from ..planting import Edit, Mutant
from .killers import (
    BUDGET,
    CLASSES,
    DECISIONS,
    FOLLOWED,
    HELD_WITHOUT_HANDLES,
    HEURISTICS,
    LOCKSTEP,
    MACHINE,
    REFINEMENT,
    SIMRD,
    SIMRD_TRACES,
    VALUES,
)

_MACHINE, _MEMORY = "dtr_reference.machine:Machine", "dtr_reference.memory:Memory"

MUTANTS = (
    Mutant(
        "evict a locked storage",
        Edit("dtr_reference.heap:Heap.lock", "self.pool.pop(index, None)", "pass"),
        REFINEMENT,
    ),
    Mutant("skip the write barrier", Edit(f"{_MACHINE}._call", "self._write_barrier(index)", "pass"), VALUES),
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
        "a chain is held a call too early",
        Edit(f"{_MACHINE}._call", "> LONGEST_CHAIN", ">= LONGEST_CHAIN"),
        f"{MACHINE}::test_a_long_chain_of_mutations_is_held",
    ),
    Mutant(
        "versions that are just small enough are not kept",
        Edit(f"{_MACHINE}._keep", "> self._bytes(only_read)", ">= self._bytes(only_read)"),
        f"{MACHINE}::test_versions_that_are_just_small_enough_are_kept",
    ),
    Mutant(
        "the write barrier holds the youngest first",
        Edit(f"{_MACHINE}._write_barrier", "sorted(sinks)", "sorted(sinks, reverse=True)"),
        LOCKSTEP,
        ("h_dtr_eq", "eager"),
    ),
    Mutant(
        "the write barrier collects the oldest first",
        Edit(f"{_MACHINE}._write_barrier", "sorted(walked, reverse=True)", "sorted(walked)"),
        LOCKSTEP,
        ("h_dtr_eq", "ignore"),
    ),
    Mutant(
        "the write barrier walks on behind a handle",
        Edit(f"{_MACHINE}._dependents", "sinks.add(reader)", "sinks.add(reader); pending += self.heap.readers(reader)"),
        f"{MACHINE}::test_write_barrier_holds_the_nearest_storages_with_handles",
    ),
    Mutant(
        "evicted inputs are gathered from the last",
        Edit(f"{_MACHINE}._gather", "for index in evicted:", "for index in reversed(evicted):"),
        DECISIONS,
    ),
    Mutant(
        "resident inputs are not locked",
        Edit(f"{_MACHINE}._gather", "if index not in evicted:", "if False:"),
        REFINEMENT,
    ),
    Mutant(
        "a sibling is bound where it was overwritten since",
        Edit(f"{_MACHINE}._bind_sibling", " and not storage.version", ""),
        LOCKSTEP,
        ("h_dtr_eq", "eager"),
    ),
    Mutant(
        "what is overwritten is not touched",
        Edit(
            f"{_MACHINE}._execute",
            "storage.content, storage.last_access = content, self.clock",
            "storage.content = content",
        ),
        DECISIONS,
    ),
    Mutant(
        "a pin lets nothing go",
        Edit(f"{_MACHINE}._pin", "self.let_go(self.heap.forget(index))", "self.heap.forget(index)"),
        f"{MACHINE}::test_a_pin_lets_go_of_what_only_its_recipe_read",
    ),
    Mutant(
        "replays are not counted",
        Edit(f"{_MACHINE}._replay", "self.replayed_cost += call.cost", "self.replayed_cost += 1"),
        LOCKSTEP,
        ("h_lru", "eager"),
    ),
    Mutant(
        "the peak is what was in use last",
        Edit(f"{_MACHINE}._outcome", "max((event.used for event in self.events), default=0)", "self.used"),
        LOCKSTEP,
        ("h_lru", "eager"),
    ),
    Mutant(
        "what is as large as its readers does not give way",
        Edit(f"{_MEMORY}.banish", "> self.heap[index].size", ">= self.heap[index].size"),
        LOCKSTEP,
        ("h_dtr_eq", "eager"),
    ),
    Mutant(
        "what waits to be banished is tried once",
        Edit(f"{_MEMORY}.banish", "self.waiting.add(index)", "pass"),
        f"{MACHINE}::test_banishing_waits_for_the_dependents_and_holds_them",
    ),
    Mutant(
        "collected last in, first out",
        Edit(f"{_MEMORY}.collect", "queue.popleft()", "queue.pop()"),
        LOCKSTEP,
        ("h_dtr_eq", "eager"),
    ),
    Mutant(
        "what is rematerialized is not touched",
        Edit(
            "dtr_reference.heap:Heap.fill",
            "storage.content, storage.resident, storage.last_access = content, True, clock",
            "storage.content, storage.resident = content, True",
        ),
        DECISIONS,
    ),
    Mutant(
        "a storage that another frame has locked becomes evictable",
        Edit("dtr_reference.heap:Heap._pool", " and not storage.locks", ""),
        REFINEMENT,
    ),
    Mutant(
        "a kept version makes an edge",
        Edit("dtr_reference.heap:Heap.evicted_reads", " and source.current == read", ""),
        "reference/test_classes.py::test_a_kept_version_makes_no_edge",
    ),
    Mutant(
        "a neighborhood contains its storage",
        Edit("dtr_reference.neighborhood:_reachable", "found - {start}", "found"),
        DECISIONS,
    ),
    Mutant(
        "a class counts once for each neighbor in it",
        Edit(
            "dtr_reference.eqclass:Classes.cost",
            "{self._root(self._node[neighbor]) for neighbor in neighbors}",
            "[self._root(self._node[neighbor]) for neighbor in neighbors]",
        ),
        CLASSES,
    ),
    Mutant(
        "h_MSPS looks at descendants too",
        Edit("dtr_reference.heuristics:HMsps.score", "storage.ancestors_cost", "storage.neighborhood_cost"),
        LOCKSTEP,
        ("h_msps", "eager"),
    ),
    Mutant(
        "h_DTR^eq ages twice",
        Edit(
            "dtr_reference.heuristics:HDtrEq.score",
            "(clock - storage.last_access)",
            "(clock - storage.last_access) ** 2",
        ),
        DECISIONS,
    ),
    Mutant(
        "a quotient by zero is zero",
        Edit("dtr_reference.heuristics:_quotient", 'float("inf")', "0"),
        f"{HEURISTICS}::test_division_by_zero_is_infinite",
    ),
    Mutant(
        "a hash loses its last step",
        Edit("dtr_reference.heuristics:splitmix64", "z ^ (z >> 31)", "z"),
        f"{HEURISTICS}::test_splitmix64",
    ),
    Mutant(
        "inputs are locked when all are rebuilt",
        Edit(
            f"{_MACHINE}._gather",
            "yield index\n        self._lock(index)",
            "yield index\n    for index in evicted:\n        self._lock(index)",
        ),
        FOLLOWED,
    ),
    Mutant(
        "what is held without handles does not wait",
        Edit(f"{_MEMORY}.hold", "self.waiting.add(index)", "pass"),
        HELD_WITHOUT_HANDLES,
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
    Mutant(
        "simrd: a parent that is passed over is not held",
        Edit("dtr_reference.simrd:_Machine._unlock_parents", "self.trace.hold(parent.storage, self.used)", "pass"),
        "simrd/test_artefacts.py::test_banishing_passes_over_a_parent",
    ),
    Mutant(
        "simrd: banished storages that came back are counted",
        Edit("dtr_reference.simrd_trace:Recorder._tell", "used - self.back", "used"),
        SIMRD_TRACES,
        "banish",
    ),
)
