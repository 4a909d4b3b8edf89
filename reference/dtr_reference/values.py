# SPDX-License-Identifier: Apache-2.0
"""What operators compute: terms, whose equality holds under every interpretation, or numpy words.

The machine never looks into a content. It asks an interpretation what constants hold, what calls
compute from the contents they are given, and what a write through views leaves behind.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from dtr_spec import terms
from dtr_spec.program import Call
from dtr_spec.terms import Term, Views

Value = Any
"""A content of a storage, opaque to the machine."""


class Interpretation(Protocol):
    """A meaning of the operators. An argument of a call is its storage's content and the views on it.

    Results depend on the operator's name, the arguments and the result's place alone, never on where
    in the program the call stands; contents are immutable.
    """

    def constant(self, storage: int) -> Value:
        """The content of a constant."""
        ...

    def results(
        self, call: Call, arguments: Sequence[tuple[Value, Views]]
    ) -> tuple[tuple[Value, ...], dict[int, Value]]:
        """The contents of the fresh outputs, and the value written to each mutated position."""
        ...

    def written(self, content: Value, views: Views, value: Value) -> Value:
        """The content after ``value`` is written through the views."""
        ...

    def observation(self, call: Call, arguments: Sequence[tuple[Value, Views]]) -> Value:
        """What the client learns from a call without outputs and mutations."""
        ...


class Terms:
    """The free interpretation: no two different terms are equal."""

    def constant(self, storage: int) -> Term:
        """A leaf."""
        return terms.leaf(storage)

    def results(self, call: Call, arguments: Sequence[tuple[Term, Views]]) -> tuple[tuple[Term, ...], dict[int, Term]]:
        """The operator's symbol applied to what is read, once for each result."""
        return terms.results(call, arguments)

    def written(self, content: Term, views: Views, value: Term) -> Term:
        """A write term, or the value itself if there are no views."""
        return terms.written(content, views, value)

    def observation(self, call: Call, arguments: Sequence[tuple[Term, Views]]) -> Term:
        """The term over all that is read."""
        return terms.observation(call, arguments)


Words = np.ndarray[tuple[int], np.dtype[np.uint64]]


class Mixing:
    """Numpy words, whatever the storage's size: every operator hashes, so that every bit read matters.

    Each argument is absorbed by a bijection of the words, in order; a view is a bijection by its name.
    """

    def constant(self, storage: int) -> Words:
        """Words drawn from the storage's index."""
        return _seed("constant", str(storage))

    def results(
        self, call: Call, arguments: Sequence[tuple[Words, Views]]
    ) -> tuple[tuple[Words, ...], dict[int, Words]]:
        """One hash of all that is read for each result."""
        read = self._read(arguments)
        fresh = tuple(_absorb(_seed(call.op, "output", str(i)), read) for i in range(len(call.outputs)))
        return fresh, {i: _absorb(_seed(call.op, "mutates", str(i)), read) for i in call.mutates}

    def written(self, content: Words, views: Views, value: Words) -> Words:
        """A hash of the old content and the value, or the value itself if there are no views."""
        return _absorb(_seed("write", *views), [content, value]) if views else value

    def observation(self, call: Call, arguments: Sequence[tuple[Words, Views]]) -> Words:
        """A hash of all that is read."""
        return _absorb(_seed(call.op, "read"), self._read(arguments))

    def _read(self, arguments: Sequence[tuple[Words, Views]]) -> list[Words]:
        return [_seen(content, views) for content, views in arguments]


def _seen(content: Words, views: Views) -> Words:
    for view in views:
        content = _mix(content ^ _seed("view", view))
    return content


def _absorb(state: Words, words: Sequence[Words]) -> Words:
    for word in words:
        state = _mix(state ^ word)
    return state


@cache
def _seed(*name: str) -> Words:
    digest = hashlib.blake2b(repr(name).encode(), digest_size=32).digest()
    return np.frombuffer(digest, np.dtype("<u8")).astype(np.uint64)


_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def _mix(words: Words) -> Words:
    """A bijection of the words modulo 2**64: two rounds of prefix sums, reversal and SplitMix64's finalizer."""
    for _ in range(2):
        z = np.cumsum(words, dtype=np.uint64)[::-1]
        z = (z ^ (z >> _SHIFTS[0])) * _FACTORS[0]
        z = (z ^ (z >> _SHIFTS[1])) * _FACTORS[1]
        words = z ^ (z >> _SHIFTS[2])
    return words
