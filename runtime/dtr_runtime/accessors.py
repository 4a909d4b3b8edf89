# SPDX-License-Identifier: Apache-2.0
"""Accesses to a tensor's bytes that are no operators.

Some of them hand out a raw pointer that may be used long afterwards, so the bytes must stay where they are:
within a scope these accessors pin first. Through some the bytes may be written unseen: what was computed from them,
or will be, cannot be computed again, so these accessors *expose*: they keep it as well. So does a slice of a storage,
which is a storage of its own over the same bytes. A few functions read the integers of tensor arguments before torch
calls any operator; these arguments are pinned. Sobol's sequences are written through raw pointers from before operators
that the same function calls.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.utils.dlpack

from .replacements import Replacements

_PINNING = {
    torch.Tensor: ("tolist", "data_ptr", "const_data_ptr", "__deepcopy__", "__reduce_ex__"),
    torch.UntypedStorage: ("data_ptr", "is_shared", "resize_", "copy_", "fill_"),
}
_EXPOSING = {
    torch: ("_sobol_engine_initialize_state_", "_sobol_engine_scramble_", "_sobol_engine_ff_", "_sobol_engine_draw"),
    torch._C: ("_to_dlpack", "_to_dlpack_versioned"),
    torch.utils.dlpack: ("to_dlpack",),
    torch.Tensor: ("numpy", "__dlpack__", "share_memory_", "apply_", "map_", "map2_"),
    torch.UntypedStorage: (
        "share_memory_",
        "_share_fd_cpu_",
        "_share_filename_cpu_",
        "_share_cuda_",
        "byteswap",
        "_set_from_file",
    ),
}
_EXPOSING_ON_DEVICES = {torch.Tensor: ("data_ptr",), torch.UntypedStorage: ("resize_",)}
"""Kernels of one's own write through pointers there, and the allocator does not tell what a resized storage lost."""
_EXPOSING_SLICES = {torch.UntypedStorage: ("__getitem__",)}
_RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_READING_INTEGERS = {
    torch: ("ctc_loss", "tensor_split", *_RECURRENT),
    torch.Tensor: ("tensor_split",),
    torch._VF: (*_RECURRENT, "_pad_packed_sequence"),
}
_IN_C = "__dlpack_c_exchange_api__"
"""Tells other libraries of C functions that hand out raw pointers; without it they call ``__dlpack__``."""


class PinningAccessors:
    """Replaces the accessors while a scope lasts. ``core`` pins and exposes tensors and untyped storages."""

    def __init__(self, core: Any, *, on_device: bool) -> None:
        def pin(*things: Any) -> None:
            act_on(things, core.pin, core.pin_storage)

        def expose(*things: Any) -> None:
            act_on(things, core.expose, core.expose_storage)

        def expose_sliced(storage: Any, index: Any) -> None:
            if isinstance(index, slice):
                expose(storage)

        def pin_integers(*things: Any) -> None:
            pin(*filter(holds_integers, things))

        actions = [
            (_PINNING, pin),
            (_EXPOSING, expose),
            (_EXPOSING_SLICES, expose_sliced),
            (_READING_INTEGERS, pin_integers),
        ]
        if on_device:
            actions.append((_EXPOSING_ON_DEVICES, expose))
        self._acts = [(owner, name, act) for names, act in actions for owner in names for name in names[owner]]
        self._replacements = Replacements()

    def install(self) -> None:
        """From here on, an access pins."""
        for owner, name, act in self._acts:
            self._replacements.replace(owner, name, functools.partial(_acting, act=act))
        self._replacements.remove(torch.Tensor, _IN_C)

    def remove(self) -> None:
        """Puts back what was there."""
        self._replacements.put_back()


def holds_integers(thing: Any) -> bool:
    """A tensor of integers, or of truth values."""
    return isinstance(thing, torch.Tensor) and not (thing.is_floating_point() or thing.is_complex())


def act_on(things: Iterable[Any], on_tensor: Callable[[Any], None], on_storage: Callable[[Any], None]) -> None:
    """On each that has bytes of its own."""
    for thing in things:
        if isinstance(thing, torch.Tensor):
            on_tensor(thing)
        elif isinstance(thing, torch.UntypedStorage):
            on_storage(thing)


def _acting(access: Callable[..., Any], act: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(access)
    def acting(*args: Any, **kwargs: Any) -> Any:
        act(*args, *kwargs.values())
        return access(*args, **kwargs)

    return acting
