# SPDX-License-Identifier: Apache-2.0
"""Accesses to a tensor's bytes that are no operators.

Some of them hand out a raw pointer that may be used long afterwards, so the bytes must stay where they are:
within a scope these accessors pin first. Through some the bytes may be written unseen: what was computed from them,
or will be, cannot be computed again, so these accessors *expose*: they keep it as well.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

_PINNING = {
    torch.Tensor: ("tolist", "data_ptr", "__deepcopy__", "__reduce_ex__"),
    torch.UntypedStorage: ("data_ptr", "is_shared"),
}
_EXPOSING = {
    torch.Tensor: ("numpy", "__dlpack__", "share_memory_", "apply_", "map_", "map2_"),
    torch.UntypedStorage: ("share_memory_", "byteswap"),
}
_EXPOSING_ON_DEVICES = {torch.Tensor: ("data_ptr",), torch.UntypedStorage: ("resize_",)}
"""Kernels of one's own write through pointers there, and the allocator does not tell what a resized storage lost."""


class PinningAccessors:
    """Replaces the accessors while a scope lasts. ``core`` pins and exposes tensors and untyped storages."""

    def __init__(self, core: Any, *, on_device: bool) -> None:
        expose = {torch.Tensor: core.expose, torch.UntypedStorage: core.expose_storage}
        actions = [(_PINNING, {torch.Tensor: core.pin, torch.UntypedStorage: core.pin_storage}), (_EXPOSING, expose)]
        if on_device:
            actions.append((_EXPOSING_ON_DEVICES, expose))
        self._pins = [(owner, name, act[owner]) for names, act in actions for owner in names for name in names[owner]]
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
