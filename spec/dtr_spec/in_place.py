# SPDX-License-Identifier: Apache-2.0
"""Logs and programs: a log in the machine's own language, where mutation is in place and views are free, and back.

From log to program, the time of an operator whose results are all views is lost, and what is named at the end is
pinned. From program to log, reads and pins are lost, and a call that both returns and overwrites becomes
two entries, the second without time.
"""

from collections.abc import Iterator

from . import log as entries
from .log import OWN, START, Log
from .program import Alias, Call, Command, Constant, Fresh, Pin, Program, Release


def program_of(log: Log) -> Program:
    """The log's measured step; a name is a handle, calls ask for their outputs at once."""
    reading = _Reading()
    for entry in log.measured:
        reading.commands += list(reading.commands_of(entry))
    pins = (Pin(handle) for handle in reading.handles.values())
    return Program((*reading.commands, *pins))


class _Reading:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.handles: dict[str, int] = {}
        self.count = 0

    def bound(self, name: str) -> int:
        """A new handle, which the name denotes from now on."""
        self.handles[name] = self.count
        self.count += 1
        return self.count - 1

    def commands_of(self, entry: entries.Entry) -> Iterator[Command]:
        match entry:
            case entries.Constant(name, memory):
                yield Constant(self.bound(name), memory)
            case entries.Call(op, args, results, time):
                inputs = tuple(self.handles[name] for name in args)
                fresh = tuple(Fresh(self.bound(r.name), r.memory) for r in results if r.alias == OWN)
                if fresh:
                    size = sum(output.size for output in fresh)
                    yield Call(op, inputs, fresh, cost=time, profile=(size,) if size else ())
                for result in results:
                    if result.alias != OWN:
                        yield Alias(self.bound(result.name), inputs[result.alias], op)
            case entries.Mutate(op, args, mutated, time):
                yield Call(op, tuple(self.handles[name] for name in args), mutates=mutated, cost=time)
            case entries.Copy(target, source):
                of = self.handles[source]
                yield Alias(self.bound(target), of)
            case entries.CopyFrom(target, source):
                old, of = self.handles[target], self.handles[source]
                yield Alias(self.bound(target), of)
                yield Release(old)
            case entries.Release(name):
                yield Release(self.handles.pop(name))


def log_of(program: Program) -> Log:
    """The program as a log; handle h is the name ``xh``."""
    found = (entry for position in range(len(program.commands)) for entry in _entries(program, position))
    return Log((entries.Annotation(START), *found))


def _entries(program: Program, position: int) -> Iterator[entries.Entry]:
    match program.commands[position]:
        case Constant(handle, size):
            yield entries.Constant(_name(handle), size)
        case Call(op, inputs, outputs, _, cost):
            args = tuple(map(_name, inputs))
            storages = [program.storage(handle) for handle in inputs]
            mutated = tuple(map(storages.index, program.writes[position]))
            if outputs:
                results = tuple(entries.Result(_name(output.handle), output.size) for output in outputs)
                yield entries.Call(op, args, results, cost)
            if mutated:
                yield entries.Mutate(op, args, mutated, 0 if outputs else cost)
        case Alias(handle, of, ""):
            yield entries.Copy(_name(handle), _name(of))
        case Alias(handle, of, view):
            yield entries.Call(view, (_name(of),), (entries.Result(_name(handle), 0, 0),), 0)
        case Release(handle):
            yield entries.Release(_name(handle))


def _name(handle: int) -> str:
    return f"x{handle}"
