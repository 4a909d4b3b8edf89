# SPDX-License-Identifier: Apache-2.0
"""Accesses to a tensor's bytes that are no operators.

Some of them hand out a raw pointer that may be used long afterwards, so the bytes must stay where they are:
within a scope these accessors pin first.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

_OF_TENSORS = ("numpy", "tolist", "data_ptr", "__dlpack__", "__deepcopy__", "__reduce_ex__", "share_memory_")
_OF_STORAGES = ("data_ptr", "is_shared", "share_memory_")


class PinningAccessors:
    """Replaces the accessors while a scope lasts; ``pin`` takes a tensor, ``pin_storage`` an untyped storage."""

    def __init__(self, pin: Callable[[Any], None], pin_storage: Callable[[Any], None]) -> None:
        self._pins = (
            *((torch.Tensor, name, pin) for name in _OF_TENSORS),
            *((torch.UntypedStorage, name, pin_storage) for name in _OF_STORAGES),
        )
        self._own: list[tuple[type, str, Any]] = []

    def install(self) -> None:
        """From here on, an access pins."""
        for owner, name, pin in self._pins:
            self._own.append((owner, name, vars(owner).get(name)))
            setattr(owner, name, _pinning(getattr(owner, name), pin))

    def remove(self) -> None:
        """Puts back what was there; an attribute that was inherited is inherited again."""
        while self._own:
            owner, name, own = self._own.pop()
            if own is None:
                delattr(owner, name)
            else:
                setattr(owner, name, own)


def _pinning(access: Callable[..., Any], pin: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(access)
    def pinned(self: Any, *args: Any, **kwargs: Any) -> Any:
        pin(self)
        return access(self, *args, **kwargs)

    return pinned
