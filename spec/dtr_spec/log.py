# SPDX-License-Identifier: Apache-2.0
"""Logs of the DTR prototype: what a PyTorch program did, one JSON object a line (paper, appendix C.6).

A ``CONSTANT`` is followed by its ``MEMORY``, a ``CALL`` by a ``MEMORY`` and an ``ALIAS`` for each of its
results, so an entry here may span several lines. Numbers are decimal strings: ``MEMORY`` in bytes,
``TIME`` in nanoseconds, ``ALIAS`` the position of the argument whose storage a result shares, or -1.
What precedes the annotation ``START``, which every log has, was done before the measured step.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

START = "START"
OWN = -1
"""A result that is no alias: it has a storage of its own."""
MOST = 2**60
"""All bytes that a log allocates (overwritten storages again, as simrd copies them), and all its nanoseconds (once for
each result): not more, so that sums of them fit 64 bits."""


class LogError(ValueError):
    """A malformed log; the message names the file's line and what was expected."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor from outside: a parameter, an input. ``memory`` is in bytes."""

    name: str
    memory: int


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a call: ``memory`` in bytes, ``alias`` the position of an argument, or ``OWN``."""

    name: str
    memory: int
    alias: int = OWN


@dataclass(frozen=True, slots=True)
class Call:
    """An operator call. ``time`` is in nanoseconds."""

    op: str
    args: tuple[str, ...]
    results: tuple[Result, ...]
    time: int


@dataclass(frozen=True, slots=True)
class Mutate:
    """An operator that overwrites some of its arguments, by position. ``time`` is in nanoseconds."""

    op: str
    args: tuple[str, ...]
    mutated: tuple[int, ...]
    time: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A new name for a tensor."""

    target: str
    source: str


@dataclass(frozen=True, slots=True)
class CopyFrom:
    """A name is given to another tensor; the one that it denoted loses it."""

    target: str
    source: str


@dataclass(frozen=True, slots=True)
class Release:
    """A name is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark, such as ``START`` or ``BACKWARD``."""

    text: str


Entry = Constant | Call | Mutate | Copy | CopyFrom | Release | Annotation


@dataclass(frozen=True, slots=True)
class Log:
    """A well-formed log: whatever an entry names is a tensor at that point."""

    entries: tuple[Entry, ...]

    @property
    def measured(self) -> tuple[Entry, ...]:
        """The entries from ``START`` on; all of them if there is none, as may be in a log that was not read.

        Releases of names from before ``START`` are left out: their tensors are not part of the step.
        """
        if Annotation(START) not in self.entries:
            return self.entries
        begin = self.entries.index(Annotation(START)) + 1
        known: set[str] = set()
        kept: list[Entry] = []
        for entry in self.entries[begin:]:
            known.update(_bound(entry))
            if not (isinstance(entry, Release) and entry.name not in known):
                kept.append(entry)
        return tuple(kept)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Log":
        """Read a log; raises ``LogError`` with the line number if it is malformed."""
        with Path(path).open("rb") as file:
            return cls.parse((line.decode() for line in file), str(path))

    @classmethod
    def parse(cls, lines: Iterable[str], name: str = "log") -> "Log":
        """Read a log from its lines; ``name`` is what errors call it."""
        return cls(tuple(_Reader(lines, name)))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the log as the prototype does."""
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in self.lines())

    def lines(self) -> Iterator[str]:
        """The lines of the log, keys in alphabetical order as the prototype writes them."""
        for entry in self.entries:
            for row in _rows(entry):
                yield json.dumps(row, sort_keys=True, separators=(",", ":"))


def _bound(entry: Entry) -> tuple[str, ...]:
    """The names that an entry introduces."""
    match entry:
        case Constant(name):
            return (name,)
        case Call(_, _, results):
            return tuple(result.name for result in results)
        case Copy(target):
            return (target,)
    return ()


def _rows(entry: Entry) -> Iterator[dict[str, Any]]:
    match entry:
        case Constant(name, memory):
            yield {"INSTRUCTION": "CONSTANT", "NAME": name}
            yield {"INSTRUCTION": "MEMORY", "NAME": name, "MEMORY": str(memory)}
        case Call(op, args, results, time):
            names = [result.name for result in results]
            yield {"INSTRUCTION": "CALL", "NAME": op, "ARGS": list(args), "RESULT": names, "TIME": str(time)}
            for result in results:
                yield {"INSTRUCTION": "MEMORY", "NAME": result.name, "MEMORY": str(result.memory)}
                yield {"INSTRUCTION": "ALIAS", "NAME": result.name, "ALIAS": str(result.alias)}
        case Mutate(op, args, mutated, time):
            row = {"NAME": op, "ARGS": list(args), "MUTATE": list(mutated), "TIME": str(time)}
            yield {"INSTRUCTION": "MUTATE", **row}
        case Copy(target, source):
            yield {"INSTRUCTION": "COPY", "DST": target, "SRC": source}
        case CopyFrom(target, source):
            yield {"INSTRUCTION": "COPY_FROM", "DST": target, "SRC": source}
        case Release(name):
            yield {"INSTRUCTION": "RELEASE", "NAME": name}
        case Annotation(text):
            yield {"INSTRUCTION": "ANNOTATE", "ANNOTATION": text}


_FIELDS: dict[str, dict[str, type]] = {
    "CONSTANT": {"NAME": str},
    "MEMORY": {"NAME": str, "MEMORY": str},
    "ALIAS": {"NAME": str, "ALIAS": str},
    "CALL": {"NAME": str, "ARGS": list, "RESULT": list, "TIME": str},
    "MUTATE": {"NAME": str, "ARGS": list, "MUTATE": list, "TIME": str},
    "COPY": {"DST": str, "SRC": str},
    "COPY_FROM": {"DST": str, "SRC": str},
    "RELEASE": {"NAME": str},
    "ANNOTATE": {"ANNOTATION": str},
}


class _Reader:
    """Reads entries from lines, knows where it is, and which names denote tensors."""

    def __init__(self, lines: Iterable[str], name: str) -> None:
        self.lines = iter(lines)
        self.name = name
        self.number = 0
        self.started = False
        self.tensor: dict[str, int] = {}
        """The tensor that each live name denotes, by the order of their making."""
        self.seen: set[str] = set()
        self.made = 0
        self.earlier: set[str] = set()
        """Names that were live at ``START``; they denote nothing after it, but may be released."""
        self.size: dict[int, int] = {}
        """Bytes of the storage behind each tensor."""
        self.bytes = self.time = 0
        self.read: dict[str, Callable[[dict[str, Any]], Entry]] = {
            "CONSTANT": self._constant,
            "CALL": self._call,
            "MUTATE": self._mutate,
            "COPY": self._copy,
            "COPY_FROM": self._copy_from,
            "RELEASE": self._release,
            "ANNOTATE": self._annotate,
        }

    def __iter__(self) -> Iterator[Entry]:
        while (row := self._row()) is not None:
            instruction = row.pop("INSTRUCTION")
            if instruction not in self.read:
                self.fail(f"{instruction} must follow the CONSTANT or CALL that it belongs to")
            yield self.read[instruction](row)
        if not self.started:
            self.fail(f"the log ends without the annotation {START}")

    def fail(self, why: str) -> Any:
        raise LogError(f"{self.name}:{self.number}: {why}")

    # --- entries ----------------------------------------------------------------------------

    def _constant(self, row: dict[str, Any]) -> Constant:
        name = self._fresh(row["NAME"])
        memory = self._detail("MEMORY", name)
        self._bind(name, self._allocated(memory))
        return Constant(name, memory)

    def _call(self, row: dict[str, Any]) -> Call:
        args = self._live_names(row["ARGS"])
        names = self._names(row["RESULT"], "RESULT")
        time = self._number(row["TIME"], "TIME")
        if not (names and row["NAME"]):
            self.fail("a CALL needs a NAME and a RESULT")
        self._spent(time * len(names))
        results = tuple(self._result(self._fresh(name), args) for name in names)
        return Call(row["NAME"], args, results, time)

    def _result(self, name: str, args: tuple[str, ...]) -> Result:
        memory = self._detail("MEMORY", name)
        alias = self._detail("ALIAS", name, least=OWN)
        if alias >= len(args):
            self.fail(f"ALIAS {alias}, but the call has {len(args)} arguments")
        self._bind(name, self._allocated(memory) if alias == OWN else self.size[self.tensor[args[alias]]])
        return Result(name, memory, alias)

    def _mutate(self, row: dict[str, Any]) -> Mutate:
        args = self._live_names(row["ARGS"])
        mutated = tuple(row["MUTATE"])
        if any(type(i) is not int or not 0 <= i < len(args) for i in mutated):
            self.fail(f"MUTATE {row['MUTATE']} must list positions among {len(args)} arguments")
        if not (mutated and row["NAME"]):
            self.fail("a MUTATE needs a NAME and a position")
        if len({self.tensor[args[i]] for i in mutated}) < len(mutated):
            self.fail("MUTATE lists one tensor twice")
        time = self._number(row["TIME"], "TIME")
        self._spent(time * len(mutated))
        for i in mutated:
            self._denote_new(args[i], self._allocated(self.size[self.tensor[args[i]]]))
        return Mutate(row["NAME"], args, mutated, time)

    def _copy(self, row: dict[str, Any]) -> Copy:
        source, target = self._live(row["SRC"]), self._fresh(row["DST"])
        self.seen.add(target)
        self.tensor[target] = self.tensor[source]
        return Copy(target, source)

    def _copy_from(self, row: dict[str, Any]) -> CopyFrom:
        source, target = self._live(row["SRC"]), self._live(row["DST"])
        if source == target:
            self.fail(f"{source!r} cannot be copied from itself")
        self.tensor[target] = self.tensor[source]
        return CopyFrom(target, source)

    def _release(self, row: dict[str, Any]) -> Release:
        name = row["NAME"]
        if name in self.earlier:
            self.earlier.remove(name)
        else:
            del self.tensor[self._live(name)]
        return Release(name)

    def _annotate(self, row: dict[str, Any]) -> Annotation:
        if row["ANNOTATION"] == START:
            if self.started:
                self.fail("a second START")
            self.started = True
            self.earlier, self.tensor = set(self.tensor), {}
        return Annotation(row["ANNOTATION"])

    # --- names and numbers ------------------------------------------------------------------

    def _bind(self, name: str, size: int) -> None:
        self.seen.add(name)
        self._denote_new(name, size)

    def _denote_new(self, name: str, size: int) -> None:
        self.made += 1
        self.tensor[name] = self.made
        self.size[self.made] = size

    def _allocated(self, size: int) -> int:
        self.bytes += size
        return (
            size if self.bytes <= MOST else self.fail(f"up to here {self.bytes} bytes, more than {MOST}, are allocated")
        )

    def _spent(self, time: int) -> None:
        self.time += time
        if self.time > MOST:
            self.fail(f"up to here {self.time} ns, more than {MOST}, are spent")

    def _fresh(self, name: str) -> str:
        return self.fail(f"{name!r} is already in use") if name in self.seen else name

    def _live(self, name: str) -> str:
        if name in self.tensor:
            return name
        if name in self.earlier:
            return self.fail(f"{name!r} is from before START")
        return self.fail(f"{name!r} was released" if name in self.seen else f"{name!r} denotes no tensor")

    def _names(self, items: list[Any], key: str) -> tuple[str, ...]:
        if any(not isinstance(item, str) for item in items):
            self.fail(f"field {key!r} must list names")
        if key == "RESULT" and len(set(items)) < len(items):
            self.fail("a result is named twice")
        return tuple(items)

    def _live_names(self, items: list[Any]) -> tuple[str, ...]:
        return tuple(map(self._live, self._names(items, "ARGS")))

    def _number(self, text: str, key: str, least: int = 0) -> int:
        """A decimal string as it would be written, not below ``least``."""
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18 or str(int(text)) != text:
            return self.fail(f"field {key!r} must be a decimal string of at most 18 digits, found {text!r}")
        return int(text) if int(text) >= least else self.fail(f"field {key!r} cannot be {text}")

    def _detail(self, instruction: str, name: str, least: int = 0) -> int:
        """The number on the line that must come next: a result's or constant's MEMORY or ALIAS."""
        row = self._row()
        if row is None:
            return self.fail(f"the log ends before the {instruction} of {name!r}")
        if (row["INSTRUCTION"], row.get("NAME")) != (instruction, name):
            return self.fail(f"the {instruction} of {name!r} was expected")
        return self._number(row[instruction], instruction, least)

    # --- lines ------------------------------------------------------------------------------

    def _row(self) -> dict[str, Any] | None:
        self.number += 1
        try:
            line = next(self.lines, None)
        except UnicodeDecodeError as error:
            return self.fail(f"not UTF-8 text: {error}")
        if line is None:
            return None
        try:
            row = json.loads(line, object_pairs_hook=self._object)
        except LogError:
            raise
        except (ValueError, RecursionError) as error:
            return self.fail(f"not JSON: {error}")
        if not isinstance(row, dict):
            return self.fail("a JSON object was expected")
        if not isinstance(row.get("INSTRUCTION"), str) or row["INSTRUCTION"] not in _FIELDS:
            return self.fail(f"unknown INSTRUCTION {row.get('INSTRUCTION')!r}; known are {', '.join(_FIELDS)}")
        fields = {"INSTRUCTION": str, **_FIELDS[row["INSTRUCTION"]]}
        if unknown := set(row) - set(fields):
            self.fail(f"unknown field {min(unknown)!r}")
        for key, kind in fields.items():
            if type(row.get(key)) is not kind:
                self.fail(f"field {key!r} must be of type {kind.__name__}, found {row.get(key)!r}")
        return row

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        return row if len(row) == len(pairs) else self.fail("a field is given twice")
