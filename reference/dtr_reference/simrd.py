# SPDX-License-Identifier: Apache-2.0
"""The paper's simulator: DTR over a schedule of tensors, with every choice as simrd makes it (``SIMRD.md``).

Its runs are runs of the machine of ``dtr_spec`` over the schedule's program, where an alias is a storage of zero
bytes that goes with the storage behind it.
"""

import math
import random
from collections.abc import Iterator
from functools import cache, partial

from dtr_spec.copies import Compute, Drop, Get, Keep, Operator, Schedule, Step, schedule
from dtr_spec.log import Log
from dtr_spec.policy import Score
from dtr_spec.simrd import Deallocation, Heuristic, Outcome, Status, heuristic
from dtr_spec.sweep import Baseline, Replay
from dtr_spec.trace import Event, Trace

from .simrd_surroundings import Storage, Tensor, require, surroundings
from .simrd_trace import Recorder, Silence

UNLIMITED = 2**62


class _OutOfMemory(Exception):
    """Nothing is evictable, and what is asked for does not fit."""


class _Thrashed(Exception):
    """Rematerialization has cost more than the limit."""


def run(
    steps: Schedule,
    budget: int,
    name: str = "h_dtr_eq",
    deallocation: Deallocation = "eager",
    limit: int = UNLIMITED,
) -> Outcome:
    """Replay a schedule within ``budget`` bytes, until rematerialization exceeds ``limit`` clock units.

    Raises ``ValueError`` for an unknown name or a combination that simrd does not have, ``SimrdStopsError`` where
    simrd stops at an assertion.
    """
    return _Machine(steps, budget, heuristic(name, deallocation), deallocation, limit, None).run()


@cache
def opened(path: str) -> tuple[Baseline, Replay]:
    """A log, ready to be replayed. Raises ``LogError``."""
    steps = schedule(Log.load(path))
    return Baseline(steps.cost, run(steps, UNLIMITED, "h_lru", "banish").peak), partial(run, steps)


def traced(
    steps: Schedule,
    budget: int,
    name: str = "h_dtr_eq",
    deallocation: Deallocation = "eager",
    limit: int = UNLIMITED,
) -> tuple[Outcome, Trace]:
    """``run``, with its trace over ``steps.program``; that of a thrashing run ends where it stops."""
    events: list[Event] = []
    outcome = _Machine(steps, budget, heuristic(name, deallocation), deallocation, limit, events).run()
    configuration = {"heuristic": name, "deallocation": deallocation, "machine": "simrd"}
    return outcome, Trace(steps.program, budget, tuple(events), configuration=configuration)


class _Machine:
    def __init__(
        self,
        schedule: Schedule,
        budget: int,
        heuristic: Heuristic,
        deallocation: Deallocation,
        limit: int,
        events: list[Event] | None,
    ) -> None:
        self.schedule = schedule
        self.budget = budget
        self.heuristic = heuristic
        self.deallocation = deallocation
        self.limit = limit
        self.clock = 1
        self.used = 0
        self.peak = 0
        self.rematerialized = 0
        self.evictions = 0
        self.evaluations = 0
        self.tensors: list[Tensor] = []
        self.pool: list[Storage] = []
        self.surroundings = surroundings(heuristic.cost)
        self.random = random.Random(0)
        self.trace = Silence() if events is None else Recorder(schedule, events)

    def run(self) -> Outcome:
        status: Status = "finished"
        try:
            for number, step in enumerate(self.schedule.steps):
                self._step(number, step)
        except _OutOfMemory:
            status = "out_of_memory"
        except _Thrashed:
            status = "thrashed"
        accesses = self.evaluations + self.surroundings.accesses
        return Outcome(status, self.clock, self.rematerialized, self.peak, self.evictions, self.evaluations, accesses)

    # --- the client's steps -----------------------------------------------------------------

    def _step(self, number: int, step: Step) -> None:
        match step:
            case Compute(operator):
                self._compute(operator)
            case Get(tensor):
                storage = self.tensors[tensor].storage
                require(storage.references > 0, "a reference to a storage that has none left")
                storage.references += 1
            case Drop(tensor):
                storage = self.tensors[tensor].storage
                require(storage.references > 0, "a reference is dropped that is not there")
                storage.references -= 1
            case Keep(tensor):
                if not self.tensors[tensor].defined:
                    self._materialize(self.tensors[tensor], again=True)
                self._pin(self.tensors[tensor].storage)
        self.trace.step(number, self.used)
        if isinstance(step, Drop):
            self._deallocate(self.tensors[step.tensor].storage)

    def _compute(self, number: int) -> None:
        operator = self.schedule.operators[number]
        inputs = [self.tensors[tensor] for tensor in operator.inputs]
        made = [self._make(number, inputs) for _ in operator.outputs]
        for parent in inputs:
            parent.children += made
            parent.storage.evicted_dependents |= {t for t in made if t.storage is not parent.storage}
        self._materialize(made[0], again=False)
        for tensor in made:
            tensor.storage.last_access = self.clock

    def _make(self, number: int, inputs: list[Tensor]) -> Tensor:
        """The next tensor, undefined, with one reference."""
        index = len(self.tensors)
        root = self.schedule.root[index]
        if root == index:
            storage = Storage(index, self.schedule.size(index))
            self.surroundings.created(storage)
        else:
            storage = self.tensors[root].storage
        require(not storage.banished, "an alias of a banished storage")
        tensor = Tensor(index, storage, inputs.copy())
        self.tensors.append(tensor)
        storage.tensors.append(tensor)
        storage.references += 1
        storage.operators[number] = self.schedule.operators[number].cost
        return tensor

    def _deallocate(self, storage: Storage) -> None:
        """What the policy does when a reference has been dropped."""
        if storage.references > 0:
            return
        if self.deallocation == "banish":
            self._try_banish(storage)
        elif self.deallocation == "eager" and storage.resident and not storage.pinned:
            self._evict(storage)

    # --- materialization --------------------------------------------------------------------

    def _materialize(self, tensor: Tensor, again: bool) -> None:
        """Define a tensor, and first, recursively, the undefined ones that it is computed from."""
        stack = [self._materialization(tensor, again)]
        while stack:
            needed = next(stack[-1], None)
            if needed is None:
                stack.pop()
            else:
                stack.append(self._materialization(needed, again=True))

    def _materialization(self, tensor: Tensor, again: bool) -> Iterator[Tensor]:
        """The course of one materialization; it yields each tensor that must be materialized before it goes on."""
        require(not tensor.defined, "a tensor is materialized that is defined")
        require(tensor.storage.resident or tensor.storage.locks == 0, "a locked storage is evicted")
        require(not tensor.storage.banished, "a tensor of a banished storage is materialized")
        self.trace.begin(tensor, again, self.used)
        for parent in tensor.parents:
            if self.deallocation != "banish" or parent.storage.references > 0:
                parent.storage.last_access = self.clock
        undefined = [parent for parent in tensor.parents if not parent.defined]
        for parent in tensor.parents:
            if parent.defined:
                self._lock(parent)
        for parent in undefined:
            if not parent.defined:
                yield parent
            self._lock(parent)
        self._make_room(self._operator(tensor).size)
        defined = self._run_operator(tensor, again)
        self._unlock_parents(tensor, defined)
        if self.rematerialized > self.limit:
            raise _Thrashed

    def _make_room(self, size: int) -> None:
        while self.used + size > self.budget:
            if not self.pool:
                self.trace.out_of_memory(size, self.tensors, self.used)
                raise _OutOfMemory
            self.evictions += 1
            self._evict(self._victim())

    def _run_operator(self, tensor: Tensor, again: bool) -> list[Tensor]:
        """Charge all outputs at once, give back those that were there; the rest is defined, ``tensor`` last."""
        operator = self._operator(tensor)
        self.clock += operator.cost
        self.used += operator.size
        self.peak = max(self.peak, self.used)
        self.rematerialized += operator.cost if again else 0
        first = self.schedule.first[self.schedule.operator_of[tensor.number]]
        outputs = self.tensors[first : first + len(operator.outputs)]
        outputs = [sibling for sibling in outputs if sibling is not tensor] + [tensor]
        defined = [output for output in outputs if not output.defined]
        resident = [output.storage for output in outputs if not output.storage.resident]
        for output in defined:
            output.defined = output.storage.resident = True
        doubled = [output for output in outputs if output not in defined]
        self.used -= sum(self.schedule.size(output.number) for output in doubled)
        for storage in resident:
            require(storage.locks == 0, "a locked storage becomes evictable")
            self.pool.append(storage)
        self.surroundings.computed(resident)
        self.trace.end(tensor, again, defined, doubled, self.used)
        return defined

    def _unlock_parents(self, tensor: Tensor, defined: list[Tensor]) -> None:
        # Banishing a parent takes it out of this very list, and the next one is then passed over: it stays locked.
        locked = list(tensor.parents)
        for parent in tensor.parents:
            locked.remove(parent)
            self._unlock(parent.storage)
            if self.deallocation == "banish":
                parent.storage.evicted_dependents -= set(defined)
                self._try_banish(parent.storage)
        for parent in locked:
            if not parent.storage.banished:
                self.trace.hold(parent.storage, self.used)

    # --- locks, eviction --------------------------------------------------------------------

    def _lock(self, tensor: Tensor) -> None:
        self._lock_storage(tensor.storage)
        self.trace.lock(tensor, self.used)

    def _lock_storage(self, storage: Storage) -> None:
        require(storage.resident and not storage.banished, "an evicted storage is locked")
        if storage.locks == 0:
            require(storage in self.pool, "a storage without locks is not evictable")
            self.pool.remove(storage)
        storage.locks += 1

    def _unlock(self, storage: Storage) -> None:
        require(storage.resident and storage.locks > 0, "an evicted or unlocked storage is unlocked")
        storage.locks -= 1
        if storage.locks == 0:
            self.pool.append(storage)

    def _pin(self, storage: Storage) -> None:
        require(storage.resident, "an evicted storage is pinned")
        if not storage.pinned:
            self._lock_storage(storage)
            storage.pinned = True

    def _evict(self, storage: Storage) -> None:
        defined = [tensor for tensor in storage.tensors if tensor.defined]
        self._clear(storage)
        self.trace.evict(storage, defined, self.used)

    def _clear(self, storage: Storage) -> None:
        """The bytes are gone, and the tensors undefined."""
        require(storage.locks == 0, "a locked storage is evicted")
        if storage in self.pool:
            self.pool.remove(storage)
        storage.resident = False
        self.used -= storage.size
        for tensor in storage.tensors:
            tensor.defined = False
            for parent in tensor.parents:
                if parent.storage is not storage:
                    parent.storage.evicted_dependents.add(tensor)
        self.surroundings.evicted(storage)

    # --- the choice of a victim -------------------------------------------------------------

    def _victim(self) -> Storage:
        """The latest in the pool among those of least score; a score of 0 ends the search."""
        if self.heuristic.choice == "random":
            self.evaluations += 1
            return self.pool[self.random.randrange(len(self.pool))]
        best, least = self.pool[0], math.inf
        for storage in self.pool:
            score = self._score(storage)
            if score <= least:
                best, least = storage, score
            if score == 0:
                break
        return best

    def _score(self, storage: Storage) -> Score:
        self.evaluations += 1
        last_access = storage.last_access
        if self.heuristic.choice == "least_recent":
            return last_access
        cost = storage.cost
        match self.heuristic.cost:
            case "none":
                cost = 1
            case "estar":
                cost += sum(evicted.cost for evicted in self.surroundings.neighborhood(storage))
            case "evicted_ancestors":
                cost += sum(evicted.cost for evicted in self.surroundings.evicted_ancestors(storage))
            case "neighborhood":
                around = self.surroundings.neighborhood(storage)
                cost += sum(evicted.cost for evicted in around)
                last_access = max([last_access, *(evicted.last_access for evicted in around)])
            case _:
                cost += self.surroundings.cost(storage)
        divisor = storage.size if self.heuristic.size else 1
        if self.heuristic.staleness:
            divisor *= self.clock - int(last_access)
        return cost / divisor if divisor > 0 else math.inf

    # --- banishing --------------------------------------------------------------------------

    def _try_banish(self, storage: Storage) -> None:
        """Free for good what has no references and no evicted dependents, pinned or constant; pin its dependents."""
        if storage.references > 0 or storage.evicted_dependents:
            return
        for child in storage.children():
            if child is not storage:
                self.trace.hold(child, self.used)
        used = self.used
        if storage.resident:
            storage.locks = 0
            self._clear(storage)
        for tensor in storage.tensors:
            for parent in tensor.parents:
                if parent.storage is not storage:
                    parent.storage.evicted_dependents.discard(tensor)
                    parent.children.remove(tensor)
            for child in tensor.children:
                if child.storage is not storage:
                    child.parents.remove(tensor)
                    self._pin(child.storage)
        storage.banished = True
        self.trace.banish(storage, used, self.used)

    def _operator(self, tensor: Tensor) -> Operator:
        return self.schedule.operators[self.schedule.operator_of[tensor.number]]
