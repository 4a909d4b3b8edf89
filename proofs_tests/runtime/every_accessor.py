# SPDX-License-Identifier: Apache-2.0
"""A script: every accessor of tensors and storages that needs no argument, on an evicted tensor.

Prints the accessor before each access: after an abort of the process, the last line names the culprit. Prints
the number of accesses at the end. Raises ``AssertionError`` for an accessor whose result, or whose effect on the
tensor, differs from that on an ordinary tensor; a Python exception raised by the accessor itself is fine.
"""

import gc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import dtr_runtime as dtr

SIDE, ROOM = 8, 256
"""The tensor's side; how often it fits into the budget."""
FORGOTTEN = {"__setstate__", "__del__"}
"""Not meant to be called on a living object."""
IDENTITIES = {"data_ptr", "const_data_ptr", "__hash__", "__dir__", "__sizeof__", "__reduce_ex__", "__reduce__"}
"""Results that name the very object: no two tensors agree on them."""
HIDDEN = {"__dlpack_c_exchange_api__"}
"""Not there within a scope: programs in C that find it read memory without asking."""


def names(owner: type) -> list[str]:
    """Public attributes and methods, those with two leading underscores included."""
    return sorted(n for n in dir(owner) if (n.startswith("__") or not n.startswith("_")) and n not in FORGOTTEN)


def attempt(thing: Any, name: str) -> tuple[Any, Exception | None]:
    """The attribute, or if it is a method, what it returns; and what it raised."""
    torch.default_generator.manual_seed(0)
    try:
        found = getattr(thing, name)
        return found() if callable(found) and not isinstance(found, type | torch.Tensor) else found, None
    except Exception as error:
        return None, error


def same(a: Any, b: Any) -> bool:
    """Equal values, where the type has values; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        if a.layout != torch.strided:
            return a.layout == b.layout and same(a.to_dense(), b.to_dense())
        return a.shape == b.shape and a.dtype == b.dtype and bytes_of(a) == bytes_of(b)
    if isinstance(a, np.ndarray):
        return a.tobytes() == b.tobytes()
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b if isinstance(a, bool | int | float | str | torch.Size | torch.dtype | torch.device) else True


def bytes_of(tensor: torch.Tensor) -> bytes:
    """The elements in their logical order."""
    plain = tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    return plain.flatten().view(torch.uint8).numpy().tobytes()


def check(view: Callable[[torch.Tensor], Any], name: str, seed: torch.Tensor) -> None:
    """``name`` on an ordinary tensor, then on an evicted one; then both are compared, within and after the scope."""
    ordinary = seed.exp()
    expected, error = attempt(view(ordinary), name)
    with dtr.budget(dtr.live_bytes() + ROOM * seed.nbytes, heuristic="h_lru"):
        evicted = seed.exp()
        ballast = torch.empty(ROOM * seed.numel())
        del ballast
        assert dtr.evicted(evicted), "not evicted"
        found, refusal = attempt(view(evicted), name)
        if refusal is not None:
            hidden = name in HIDDEN and isinstance(refusal, AttributeError)
            assert hidden or error is not None or "dtr_runtime.pin" in str(refusal), repr(refusal)
            ordinary = seed.exp()
        else:
            assert error is None, error
            assert name in IDENTITIES or same(found, expected), (found, expected)
        assert same(evicted, ordinary)
    assert same(evicted, ordinary)


def main() -> None:
    warnings.simplefilter("ignore")
    gc.disable()  # cycles of earlier accesses hold tensors; freed in the middle of one, they would give it more room
    torch.manual_seed(0)
    seed = torch.randn(SIDE, SIDE)
    count = 0
    for view, owner in ((lambda t: t, torch.Tensor), (torch.Tensor.untyped_storage, torch.UntypedStorage)):
        for name in names(owner):
            print(f"{owner.__name__}.{name}", flush=True)
            check(view, name, seed)
            count += 1
    print(count)


if __name__ == "__main__":
    main()
