# SPDX-License-Identifier: Apache-2.0
"""Traces: a program, a budget and the events of one run, and their JSON Lines form.

The first line is the header (format, version, budget, what made it), then one line a command,
then one line an event. A trace is self-contained: the monitor needs nothing else to judge it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from .program import Alias, Call, Command, Constant, Fresh, Pin, Program, ProgramError, Release

FORMAT = "dtr-trace"
VERSION = 1


class Event(NamedTuple):
    """One small step: the rule's name, its operands, and the bytes in use after it.

    ``subject`` is the storage the rule takes (for ``call``, ``execute``, ``replay``: the position of the
    call; for ``allocate``, ``free``, ``out_of_memory``: bytes; for ``release``, ``alias``,
    ``pin``: the handle; for ``commit``, ``advance``: 0). ``detail`` is a version number for
    ``drop`` and 0 elsewhere.
    """

    rule: str
    subject: int
    detail: int
    used: int


class TraceError(ValueError):
    """A malformed trace file; the message names the file's line and what was expected."""


@dataclass(frozen=True)
class Trace:
    """One run: what was asked (program, budget in bytes) and what happened (events).

    ``declared`` says that every execution of a call asks for exactly the bytes in its profile;
    a runtime on real kernels observes them instead, and a replay may ask for other scratch.
    ``configuration`` is free text for readers (heuristic, deallocation policy, device).
    """

    program: Program
    budget: int
    events: tuple[Event, ...]
    declared: bool = True
    configuration: dict[str, str] = field(default_factory=dict)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the trace as JSON Lines."""
        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in self.lines())

    def lines(self) -> Iterator[str]:
        """The lines of the JSON Lines form."""
        yield json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "budget": self.budget,
                "declared": self.declared,
                "configuration": self.configuration,
                "commands": len(self.program.commands),
                "events": len(self.events),
            }
        )
        for command in self.program.commands:
            yield json.dumps({"command": type(command).__name__.lower(), **asdict(command)})
        for event in self.events:
            yield json.dumps(event._asdict())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Trace":
        """Read a trace; raises ``TraceError`` with the line number if it is malformed."""
        with Path(path).open(encoding="utf-8") as file:
            try:
                return cls.parse(file, str(path))
            except UnicodeDecodeError as error:
                raise TraceError(f"{path}: not UTF-8 text: {error}") from None

    @classmethod
    def parse(cls, lines: Iterable[str], name: str = "trace") -> "Trace":
        """Read a trace from its lines; ``name`` is what errors call it."""
        reader = _Reader(lines, name)
        header = reader.header()
        commands = tuple(reader.command() for _ in range(header["commands"]))
        events = tuple(reader.event() for _ in range(header["events"]))
        reader.end()
        try:
            program = Program(commands)
        except ProgramError as error:
            raise TraceError(f"{name}: {error}") from None
        return cls(program, header["budget"], events, header["declared"], header["configuration"])


_COMMANDS: dict[str, type[Command]] = {c.__name__.lower(): c for c in (Constant, Call, Alias, Release, Pin)}
_HEADER: dict[str, type] = {
    "format": str,
    "version": int,
    "budget": int,
    "declared": bool,
    "configuration": dict,
    "commands": int,
    "events": int,
}
_FIELDS: dict[str, dict[str, type]] = {
    "constant": {"handle": int, "size": int},
    "call": {"op": str, "inputs": list, "outputs": list, "mutates": list, "cost": int, "profile": list},
    "alias": {"handle": int, "of": int, "view": str},
    "release": {"handle": int},
    "pin": {"handle": int},
}


class _Reader:
    """Reads typed JSON objects line by line and knows where it is."""

    def __init__(self, lines: Iterable[str], name: str) -> None:
        self.lines = iter(lines)
        self.name = name
        self.number = 0

    def fail(self, why: str) -> Any:
        raise TraceError(f"{self.name}:{self.number}: {why}")

    def header(self) -> dict[str, Any]:
        row = self._object()
        self._check(row, _HEADER)
        if (row["format"], row["version"]) != (FORMAT, VERSION):
            self.fail(f"format {FORMAT} version {VERSION} expected")
        for key in ("budget", "commands", "events"):
            if row[key] < 0:
                self.fail(f"field {key!r} cannot be negative")
        return row

    def command(self) -> Command:
        row = self._object()
        name = row.pop("command", None)
        if name not in _COMMANDS:
            self.fail(f"unknown command {name!r}; known are {', '.join(_COMMANDS)}")
        self._check(row, _FIELDS[name])
        if name == "call":
            row["outputs"] = tuple(self._fresh(o) for o in row["outputs"])
            row |= {key: self._integers(row[key], key) for key in ("inputs", "mutates", "profile")}
        return _COMMANDS[name](**row)

    def event(self) -> Event:
        row = self._object()
        self._check(row, {"rule": str, "subject": int, "detail": int, "used": int})
        return Event(**row)

    def end(self) -> None:
        if next(self.lines, None) is not None:
            self.number += 1
            self.fail("more lines than the header announces")

    def _object(self) -> dict[str, Any]:
        self.number += 1
        line = next(self.lines, None)
        if line is None:
            return self.fail("the file ends before the lines that the header announces")
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            return self.fail(f"not JSON: {error.msg} at column {error.colno}")
        return row if isinstance(row, dict) else self.fail("a JSON object was expected")

    def _check(self, row: dict[str, Any], fields: dict[str, type]) -> None:
        if unknown := set(row) - set(fields):
            self.fail(f"unknown field {min(unknown)!r}")
        for key, kind in fields.items():
            if type(row.get(key)) is not kind:
                self.fail(f"field {key!r} must be of type {kind.__name__}, found {row.get(key)!r}")

    def _fresh(self, row: Any) -> Fresh:
        if not isinstance(row, dict):
            return self.fail("an output must be an object with handle and size")
        self._check(row, {"handle": int, "size": int})
        return Fresh(**row)

    def _integers(self, items: list[Any], key: str) -> tuple[int, ...]:
        if any(type(item) is not int for item in items):
            self.fail(f"field {key!r} must list integers")
        return tuple(items)
