# SPDX-License-Identifier: Apache-2.0
"""Values with real aliasing: numpy arrays, views that share memory, and writes in place.

``evaluated`` is the eager machine on arrays; ``Arrays`` is what the reference machine is given, which
never writes in place. Every operator hashes, so that a single wrong bit changes all that follows.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from dtr_spec.program import Alias, Call, Constant, Pin, Program, Release
from dtr_spec.terms import Views

WORDS = 16
"""Length of every array, whatever its storage's size in bytes: values do not depend on memory."""

Array = np.ndarray[Any, np.dtype[np.uint64]]


def looked(array: Array, views: Views) -> Array:
    """The array seen through views: it shares memory with ``array``."""
    for view in views:
        match view:
            case "transpose":
                array = array[::-1]
            case "row":
                array = array[len(array) // 2 :]
            case "even":
                array = array[::2]
            case _:
                raise ValueError(f"unknown view {view!r}")
    return array


def evaluated(program: Program) -> tuple[Array, ...]:
    """The observations of the eager machine: handles are numpy views, mutation is assignment through them."""
    handles: dict[int, Array] = {}
    observations: list[Array] = []
    for command in program.commands:
        match command:
            case Constant(handle):
                handles[handle] = hashed("constant", program.storage(handle))
            case Alias(handle, of, view):
                handles[handle] = looked(handles[of], (view,)) if view else handles[of]
            case Release(handle):
                del handles[handle]
            case Pin():
                pass
            case Call(op, inputs, outputs, mutates):
                read = [handles[handle].copy() for handle in inputs]
                if not outputs and not mutates:
                    observations.append(hashed(op, "read", *read))
                for place in sorted(set(mutates)):
                    handles[inputs[place]][...] = hashed(op, "mutates", place, *read)[: len(read[place])]
                for place, output in enumerate(outputs):
                    handles[output.handle] = hashed(op, "output", place, *read)
    return tuple(observations)


class Arrays:
    """The same operators for the reference machine: contents are immutable, a write makes a new one."""

    def constant(self, storage: int) -> Array:
        """The content of a constant."""
        return hashed("constant", storage)

    def results(
        self, call: Call, arguments: Sequence[tuple[Array, Views]]
    ) -> tuple[tuple[Array, ...], dict[int, Array]]:
        """The contents of the fresh outputs, and the value written to each mutated position."""
        read = [looked(content, views) for content, views in arguments]
        fresh = tuple(hashed(call.op, "output", place, *read) for place in range(len(call.outputs)))
        return fresh, {place: hashed(call.op, "mutates", place, *read) for place in call.mutates}

    def written(self, content: Array, views: Views, value: Array) -> Array:
        """The content after ``value`` is written through the views."""
        after = content.copy()
        place = looked(after, views)
        place[...] = value[: len(place)]
        return after

    def observation(self, call: Call, arguments: Sequence[tuple[Array, Views]]) -> Array:
        """What the client learns from a call without outputs and mutations."""
        return hashed(call.op, "read", *(looked(content, views) for content, views in arguments))


def hashed(*parts: str | int | Array) -> Array:
    """``WORDS`` words that depend on every bit of every part."""
    state = hashlib.shake_128()
    for part in parts:
        data = np.ascontiguousarray(part).tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
        state.update(len(data).to_bytes(8, "little") + data)
    return np.frombuffer(state.digest(8 * WORDS), np.uint64).copy()
