# SPDX-License-Identifier: Apache-2.0
"""Values are terms of the free algebra over uninterpreted operators.

If a read yields the same term as in the eager machine, it yields the same value under every
interpretation of the operators. Terms are hash-consed, so equality is identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from weakref import WeakValueDictionary

from .program import Alias, Call, Constant, Pin, Program, Release, Version

Views = tuple[str, ...]


class Term:
    """A node of the free algebra: a symbol applied to terms. Equal terms are the same object."""

    __slots__ = ("__weakref__", "arguments", "symbol")
    _known: ClassVar["WeakValueDictionary[tuple[object, ...], Term]"] = WeakValueDictionary()

    symbol: tuple[object, ...]
    arguments: tuple["Term", ...]

    def __new__(cls, symbol: tuple[object, ...], arguments: tuple["Term", ...] = ()) -> "Term":
        key = (symbol, *map(id, arguments))
        term = cls._known.get(key)
        if term is None:
            term = super().__new__(cls)
            term.symbol, term.arguments = symbol, arguments
            cls._known[key] = term
        return term

    def __repr__(self) -> str:
        name = ".".join(map(str, self.symbol))
        return f"{name}({', '.join(map(repr, self.arguments))})" if self.arguments else name


def leaf(storage: int) -> Term:
    """The content of a constant."""
    return Term(("constant", storage))


def seen(content: Term, views: Views) -> Term:
    """What is read of a buffer's content through a path of views."""
    for view in views:
        content = Term(("view", view), (content,))
    return content


def written(content: Term, views: Views, value: Term) -> Term:
    """A buffer's content after ``value`` is written through a path of views."""
    return Term(("write", *views), (content, value)) if views else value


def results(call: Call, arguments: Sequence[tuple[Term, Views]]) -> tuple[tuple[Term, ...], dict[int, Term]]:
    """What a call computes from (content of the storage, views) of each input.

    Returns the contents of its fresh outputs, and the value written to each mutated position.
    """
    read = tuple(seen(content, views) for content, views in arguments)
    fresh = tuple(Term(("call", call.op, "output", i), read) for i in range(len(call.outputs)))
    return fresh, {i: Term(("call", call.op, "mutates", i), read) for i in call.mutates}


def observation(call: Call, arguments: Sequence[tuple[Term, Views]]) -> Term:
    """What the client learns from a call without outputs: the term over all it read."""
    return Term(("call", call.op, "read"), tuple(seen(content, views) for content, views in arguments))


def is_observation(call: Call) -> bool:
    """A call without outputs and mutations is a read by the client."""
    return not call.outputs and not call.mutates


@dataclass(frozen=True)
class Meaning:
    """What a program means: the content of every version, and what its reads yield."""

    contents: dict[Version, Term]
    observations: tuple[Term, ...]


def eager(program: Program) -> Meaning:
    """The eager machine: unlimited memory, every buffer resident, mutation in place."""
    contents: dict[Version, Term] = {}
    current: dict[int, Version] = {}
    observations: list[Term] = []

    def write(version: Version, content: Term) -> None:
        contents[version] = content
        current[version.storage] = version

    for position, command in enumerate(program.commands):
        match command:
            case Constant(handle):
                storage = program.storage(handle)
                write(Version(storage, 0), leaf(storage))
            case Call():
                tensors = [program.tensors[handle] for handle in command.inputs]
                arguments = [(contents[current[t.storage]], t.views) for t in tensors]
                if is_observation(command):
                    observations.append(observation(command, arguments))
                fresh, overwritten = results(command, arguments)
                for storage, content in merged(tensors, arguments, overwritten).items():
                    write(Version(storage, current[storage].number + 1), content)
                for storage, content in zip(program.fresh[position], fresh, strict=True):
                    write(Version(storage, 0), content)
            case Alias() | Release() | Pin():
                pass
    return Meaning(contents, tuple(observations))


def merged(
    tensors: Sequence[tuple[int, Views]], arguments: Sequence[tuple[Term, Views]], overwritten: dict[int, Term]
) -> dict[int, Term]:
    """The new content of each overwritten storage; writes through several views go in argument order."""
    after: dict[int, Term] = {}
    for i, value in sorted(overwritten.items()):
        storage, views = tensors[i]
        after[storage] = written(after.get(storage, arguments[i][0]), views, value)
    return after
