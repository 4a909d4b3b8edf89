# SPDX-License-Identifier: Apache-2.0
"""The machine: one method per client command, rematerialization on an explicit stack.

It resolves every choice that the semantics leaves open as the README says, and records each small
step. ``Memory`` below it makes room and lets go.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from dtr_spec.policy import Heuristic
from dtr_spec.program import Alias, Call, Command, Constant, Pin, Program, Release, Version
from dtr_spec.terms import Views, is_observation
from dtr_spec.trace import Trace

from .heap import Storage
from .heuristics import HEURISTICS
from .memory import ExhaustedError, Memory
from .outcome import OutOfMemory, Run
from .values import Interpretation, Terms, Value

Deallocation = Literal["eager", "ignore", "banish"]
"""What happens when the last handle of a storage falls."""

DEALLOCATIONS: tuple[str, ...] = get_args(Deallocation)

LONGEST_CHAIN = 16
"""A storage that goes on being overwritten (a counter, a running mean) would grow a recipe without end."""

KEEP_RATIO = 4
"""Versions are kept if the bytes that the call only reads are at least this many times theirs."""


def run(
    program: Program,
    budget: int,
    heuristic: Heuristic | str,
    deallocation: Deallocation = "eager",
    interpretation: Interpretation | None = None,
) -> Run:
    """Run a program within a budget of bytes; values are terms unless another interpretation is given.

    Raises ``ValueError`` for an unknown heuristic or deallocation policy or a negative budget, and
    ``HeuristicError`` if the heuristic raises or returns something that cannot be compared.
    """
    return Machine(program, budget, heuristic, deallocation, interpretation).run()


@dataclass(slots=True)
class Frame:
    """A call under way: the client's (no target), or a stage of the rematerialization of ``target``."""

    target: int | None = None
    inputs: tuple[int, ...] = ()
    """What the call reads of the heap; all locked once they are gathered."""
    allocated: int = 0
    """Bytes allocated and not yet bound."""


@dataclass(slots=True)
class _Results:
    """What a call computed: the contents of its fresh outputs, and of the storages that it overwrote."""

    fresh: tuple[Value, ...]
    overwritten: dict[int, Value]


class Machine(Memory):
    """One run in progress."""

    def __init__(
        self,
        program: Program,
        budget: int,
        heuristic: Heuristic | str,
        deallocation: Deallocation = "eager",
        interpretation: Interpretation | None = None,
    ) -> None:
        super().__init__(budget, heuristic, thrifty=deallocation == "eager")
        if deallocation not in DEALLOCATIONS:
            raise ValueError(f"unknown deallocation policy {deallocation!r}; known are {', '.join(DEALLOCATIONS)}")
        self.program = program
        self.deallocation: Deallocation = deallocation
        self.interpretation: Interpretation = interpretation or Terms()
        self.frames: list[Frame] = []
        self.observations: list[Value] = []
        self.replayed_cost = 0

    def run(self) -> Run:
        """Carry out the commands until the program or the memory ends."""
        out_of_memory = None
        try:
            for position, command in enumerate(self.program.commands):
                self.position = position
                self._carry_out(command)
                self.retry_banishing()
        except ExhaustedError as exhausted:
            self.step("out_of_memory", exhausted.need)
            out_of_memory = self._out_of_memory(exhausted.need)
        return self._outcome(out_of_memory)

    def _outcome(self, out_of_memory: OutOfMemory | None) -> Run:
        rules = [event.rule for event in self.events]
        return Run(
            trace=Trace(self.program, self.budget, tuple(self.events), configuration=self._configuration()),
            status="out_of_memory" if out_of_memory else "finished",
            clock=self.clock,
            peak=max((event.used for event in self.events), default=0),
            evictions=rules.count("evict"),
            rematerializations=rules.count("replay"),
            rematerialization_cost=self.replayed_cost,
            observations=tuple(self.observations),
            out_of_memory=out_of_memory,
        )

    # Commands.

    def _carry_out(self, command: Command) -> None:
        match command:
            case Constant(handle, size):
                self._constant(self.program.storage(handle), size)
            case Call():
                self._call(self.position, command)
            case Alias(handle):
                self.heap[self.program.storage(handle)].handles += 1
                self.step("alias", handle)
            case Release(handle):
                self._release(handle)
            case Pin(handle):
                self._pin(handle)

    def _constant(self, index: int, size: int) -> None:
        self.room(size)
        content = self.interpretation.constant(index)
        self.heap.create(Storage(index, size, content, self.clock, recoverable=False))
        self.step("constant", index, taken=size)

    def _release(self, handle: int) -> None:
        storage = self.heap[self.program.storage(handle)]
        storage.handles -= 1
        self.step("release", handle)
        if storage.handles:
            return
        match self.deallocation:
            case "eager":
                if storage.index in self.heap.pool:
                    self.evict(storage.index)
                self.collect([storage.index])
                if storage.alive and not storage.recoverable:
                    self.banish(storage.index)
            case "banish":
                self.banish(storage.index)
            case "ignore":
                pass

    def _pin(self, handle: int) -> None:
        index = self.program.storage(handle)
        self._materialize(index)
        self.step("pin", handle)
        self.let_go(self.heap.forget(index))

    def _call(self, position: int, call: Call) -> None:
        inputs = [read.storage for read in self.program.reads[position]]
        self._touch(inputs)
        for index in self.program.writes[position]:
            self._write_barrier(index)
        self.step("call", position)
        frame = Frame()
        self.frames.append(frame)
        self._drive(self._gather(frame, inputs))
        recoverable = self._keep(position, call)
        if call.profile:
            self._ask(position, call, frame)
        forgotten = self._execute(position, call, recoverable)
        self._commit()
        for reads in forgotten:
            self.let_go(reads)
        for index in self.program.writes[position]:
            if self.heap[index].recoverable and len(self.program.chain(self.heap[index].current)) > LONGEST_CHAIN:
                self.hold(index)

    # The client's call.

    def _write_barrier(self, index: int) -> None:
        """Let no promised recipe read the current version of a storage that is about to be overwritten."""
        walked, sinks = self._dependents(index)
        for sink in sorted(sinks):
            self._materialize(sink)
            self.hold(sink)
        for storage in sorted(walked, reverse=True):
            self.collect([storage])

    def _dependents(self, index: int) -> tuple[set[int], set[int]]:
        """The dependents without handles, and those with handles at which the walk stops."""
        walked: set[int] = set()
        sinks: set[int] = set()
        pending = self.heap.readers(index)
        while pending:
            reader = pending.pop()
            if self.heap[reader].handles:
                sinks.add(reader)
            elif reader not in walked:
                walked.add(reader)
                pending += self.heap.readers(reader)
        return walked, sinks

    def _keep(self, position: int, call: Call) -> bool:
        """Copy aside what the results would read and the call overwrites, or say that it is too much."""
        writes = self.program.writes[position]
        read_again = [w for w in writes if call.outputs or any(self.heap[x].recoverable for x in writes if x != w)]
        only_read = [read.storage for read in self.program.reads[position] if read.storage not in writes]
        if KEEP_RATIO * self._bytes(read_again) > self._bytes(only_read):
            return False
        for index in read_again:
            storage = self.heap[index]
            self.room(storage.size)
            self.heap.kept[storage.current] = storage.content
            self.step("keep", index, taken=storage.size)
        return True

    def _execute(self, position: int, call: Call, kept: bool) -> list[tuple[Version, ...]]:
        """Compute and bind the results; returns what the recipes read that are forgotten hereby.

        A result whose recipe would read an overwritten version that was not kept has no recipe.
        """
        arguments = self._arguments(call)
        if is_observation(call):
            self.observations.append(self.interpretation.observation(call, arguments))
        results = self._results(call, arguments)
        self.clock += call.cost
        self.step("execute", position)
        forgotten: list[tuple[Version, ...]] = []
        for index, content in results.overwritten.items():
            storage = self.heap[index]
            storage.content, storage.last_access = content, self.clock
            storage.version += 1
            if storage.recoverable and (kept or len(results.overwritten) == 1):
                self.heap.extend(index, call.cost, self._reads_of_others(position, index))
            elif storage.recoverable:
                forgotten.append(self.heap.forget(index))
        recoverable = kept or not results.overwritten
        for output, index, content in zip(call.outputs, self.program.fresh[position], results.fresh, strict=True):
            self.frames[-1].allocated -= output.size
            storage = Storage(index, output.size, content, self.clock, recoverable)
            self.heap.create(storage, call.cost, self._reads_of_others(position, index))
            self.step("bind", index)
        return forgotten

    # Frames.

    def _materialize(self, index: int) -> None:
        if not self.heap[index].resident:
            self._drive(self._rematerialize(index))

    def _drive(self, work: Iterator[int]) -> None:
        """Do ``work``, which yields the storages that it needs rematerialized before it can go on."""
        stack = [work]
        while stack:
            needed = next(stack[-1], None)
            if needed is None:
                stack.pop()
            else:
                stack.append(self._rematerialize(needed))

    def _gather(self, frame: Frame, inputs: Iterable[int]) -> Iterator[int]:
        """Lock the inputs, resident ones first; yields each that must be rematerialized before."""
        frame.inputs = tuple(inputs)
        evicted = [index for index in frame.inputs if not self.heap[index].resident]
        for index in frame.inputs:
            if index not in evicted:
                self._lock(index)
        for index in evicted:
            if not self.heap[index].resident:
                yield index
            self._lock(index)

    def _rematerialize(self, target: int) -> Iterator[int]:
        """Replay the chain of an evicted storage, one call a stage; yields what must be rematerialized before."""
        self.step("need", target)
        frame = Frame(target)
        self.frames.append(frame)
        content: Value = None
        for stage, position in enumerate(self.program.chain(self.heap[target].current)):
            if stage:
                self.step("advance")
                self._unlock(frame)
            versions = self._reads_of_others(position, target)
            self._touch(version.storage for version in versions)
            yield from self._gather(frame, (v.storage for v in versions if v == self.heap[v.storage].current))
            content = self._replay(position, frame, target, content)
        frame.allocated -= self.heap[target].size
        self.heap.fill(target, content, self.clock)
        self.step("bind", target)
        self._commit()

    def _replay(self, position: int, frame: Frame, target: int, content: Value) -> Value:
        """One call of the target's chain, from the content so far to the content after."""
        call = self.program.call(position)
        self._ask(position, call, frame)
        results = self._results(call, self._replayed_arguments(position, target, content))
        self.clock += call.cost
        self.replayed_cost += call.cost
        self.step("replay", position)
        fresh = dict(zip(self.program.fresh[position], results.fresh, strict=True))
        for index in fresh:
            if index != target:
                self._bind_sibling(frame, index, fresh[index])
        return (results.overwritten | fresh)[target]

    def _bind_sibling(self, frame: Frame, index: int, content: Value) -> None:
        """Give a replayed output to the storage that lacks it, or throw it away."""
        storage = self.heap[index]
        under_way = any(other.target == index for other in self.frames)
        if storage.evicted and not storage.version and not under_way:
            frame.allocated -= storage.size
            self.heap.fill(index, content, self.clock)
            self.step("bind", index)
        else:
            self._free(frame, storage.size)

    def _ask(self, position: int, call: Call, frame: Frame) -> None:
        """The profile, between copies of what the call overwrites besides the frame's target."""
        copies = [self.heap[index].size for index in self.program.writes[position] if index != frame.target]
        for piece in (*copies, *call.profile, *(-size for size in copies)):
            if piece > 0:
                self._allocate(frame, piece)
            else:
                self._free(frame, -piece)

    def _allocate(self, frame: Frame, size: int) -> None:
        if size:
            self.room(size)
            frame.allocated += size
            self.step("allocate", size, taken=size)

    def _free(self, frame: Frame, size: int) -> None:
        if size:
            frame.allocated -= size
            self.step("free", size, taken=-size)

    def _lock(self, index: int) -> None:
        self.heap.lock(index)
        self.step("lock", index)

    def _unlock(self, frame: Frame) -> None:
        for index in frame.inputs:
            self.heap.unlock(index)

    def _commit(self) -> None:
        frame = self.frames.pop()
        assert not frame.allocated
        self.step("commit")
        self._unlock(frame)

    def _touch(self, storages: Iterable[int]) -> None:
        for index in storages:
            self.heap[index].last_access = self.clock

    # Computing.

    def _arguments(self, call: Call) -> list[tuple[Value, Views]]:
        """The contents that the client's call reads."""
        tensors = [self.program.tensors[handle] for handle in call.inputs]
        return [(self.heap.content(self.heap[tensor.storage].current), tensor.views) for tensor in tensors]

    def _replayed_arguments(self, position: int, target: int, content: Value) -> list[tuple[Value, Views]]:
        """The contents that a call reads when replayed: versions of the past, and the target's so far."""
        contents = {v.storage: self.heap.content(v) for v in self._reads_of_others(position, target)}
        contents[target] = content
        tensors = [self.program.tensors[handle] for handle in self.program.call(position).inputs]
        return [(contents[tensor.storage], tensor.views) for tensor in tensors]

    def _results(self, call: Call, arguments: list[tuple[Value, Views]]) -> _Results:
        """The contents after the call; writes into one storage happen in argument order."""
        fresh, values = self.interpretation.results(call, arguments)
        overwritten: dict[int, Value] = {}
        for place in sorted(values):
            content, views = arguments[place]
            index = self.program.storage(call.inputs[place])
            overwritten[index] = self.interpretation.written(overwritten.get(index, content), views, values[place])
        return _Results(fresh, overwritten)

    def _reads_of_others(self, position: int, index: int) -> tuple[Version, ...]:
        """What a call in a storage's chain reads of other storages."""
        return tuple(version for version in self.program.reads[position] if version.storage != index)

    # Reports.

    def _bytes(self, storages: Iterable[int]) -> int:
        return sum(self.heap[index].size for index in storages)

    def _out_of_memory(self, need: int) -> OutOfMemory:
        resident = [storage for storage in self.heap.storages if storage.resident]
        return OutOfMemory(
            position=self.position,
            need=need,
            used=self.used,
            budget=self.budget,
            locked=sum(storage.size for storage in resident if storage.recoverable),
            held=sum(storage.size for storage in resident if not storage.recoverable),
            kept=self._bytes(version.storage for version in self.heap.kept),
            allocated=sum(frame.allocated for frame in self.frames),
        )

    def _configuration(self) -> dict[str, str]:
        name = next((n for n, kind in HEURISTICS.items() if isinstance(self.heuristic, kind)), None)
        return {"heuristic": name or type(self.heuristic).__name__, "deallocation": self.deallocation}
