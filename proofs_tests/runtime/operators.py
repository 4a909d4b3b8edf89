# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own samples of its operators, as small programs, and a probe of what each kernel really does."""

import ctypes
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DTYPES = (torch.float32, torch.int64, torch.bool, torch.complex64)
"""The first that an operator supports is the one it is tried with by default."""

Push = Callable[[], None]
"""Called where everything that can be evicted should be."""


@cache
def database() -> list[Any]:
    """PyTorch's table of its operators, with generators of sample arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    # That import freezes torch.backends for the whole process, and other tests set its flags.
    torch.backends.__dict__["__allow_nonbracketed_mutation_flag"] = True
    return op_db


def name_of(info: Any) -> str:
    """Unique in the table."""
    return info.name + (f".{info.variant_test_name}" if info.variant_test_name else "")


def dtypes_of(info: Any) -> list[torch.dtype]:
    """Those of ``DTYPES`` that the operator supports on the CPU."""
    return [dtype for dtype in DTYPES if dtype in info.dtypes]


def operators() -> list[Any]:
    """The entries of the table that can be tried."""
    return [info for info in database() if dtypes_of(info)]


@dataclass(frozen=True)
class Outcome:
    """What is there at the end of a sample."""

    arguments: list[Tensor]
    results: list[Tensor]
    """Of the operator and of its gradient."""

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that a reader could look at."""
        return [*self.arguments, *self.results]


@dataclass(frozen=True)
class Sample:
    """An operator with arguments: a program that can be run again and again."""

    name: str
    function: Callable[..., Any]
    arguments: Any
    variant: str
    """``function``, ``inplace`` (overwrites its first argument) or ``out`` (fills given memory)."""
    differentiable: bool

    def __str__(self) -> str:
        return f"{self.name} ({self.variant}) of {self.arguments.summary()}"

    def run(self, push: Push) -> Outcome:
        """Copies the arguments, so that they can be evicted as well, and computes results and gradients.

        ``push`` is called between these steps and at the end.
        """
        # Not torch.manual_seed: for each kind of device that is not in use it keeps the caller's stack, as text.
        torch.default_generator.manual_seed(0)
        with torch.set_grad_enabled(self.differentiable):
            given = self.arguments.transform(self._copy)
            positional, keywords = (given.input, *given.args), given.kwargs
            arguments = tensors((positional, keywords))
            push()
            results = tensors(self.function(*positional, **keywords))
            if self.variant == "out":
                results += self._filled(results, positional, keywords, push)
            push()
            results += gradients(results, arguments)
        push()
        return Outcome(arguments, results)

    def _copy(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.detach().clone().requires_grad_(self.differentiable and value.requires_grad)

    def _filled(
        self, like: list[Tensor], positional: tuple[Any, ...], keywords: dict[str, Any], push: Push
    ) -> list[Tensor]:
        out = tree_map(torch.empty_like, like[0] if len(like) == 1 else tuple(like))
        push()
        return tensors(self.function(*positional, **keywords, out=out))


def gradients(results: list[Tensor], arguments: list[Tensor]) -> list[Tensor]:
    """Of the sum of all results, if there are any."""
    ends = [t for t in results if t.requires_grad]
    leaves = [t for t in arguments if t.requires_grad]
    if not (ends and leaves):
        return []
    found = torch.autograd.grad(ends, leaves, [torch.ones_like(t) for t in ends], allow_unused=True)
    return [t for t in found if t is not None]


def tensors(tree: Any) -> list[Tensor]:
    """The tensors in nested lists, tuples and dictionaries."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def samples(info: Any, dtype: torch.dtype) -> Iterator[list[Sample]]:
    """The operator on each of its sample arguments: as a function with its gradient, in place, with ``out=``."""
    differentiable = info.supports_autograd and dtype in (torch.float32, torch.complex64)
    name = name_of(info)
    torch.manual_seed(0)
    # Not sample_inputs itself: to find the test that asks, it walks the stack, at every sample.
    for sample in info.sample_inputs_func(info, "cpu", dtype, differentiable):
        variants = [Sample(name, info.op, sample, "function", differentiable)]
        if info.inplace_variant and not sample.broadcasts_input:
            variants.append(Sample(name, info.inplace_variant, sample, "inplace", differentiable=False))
        if info.supports_out:
            variants.append(Sample(name, info.op, sample, "out", differentiable=False))
        yield variants


class Probe(TorchDispatchMode):
    """Compares what every ATen kernel does with what its schema says, and notes what schemas omit."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.writes: set[tuple[str, str]] = set()
        """Operator and argument: the argument was overwritten."""
        self.aliases: set[str] = set()
        """A result shares its storage with an argument."""
        self.copies: set[str] = set()
        """Every result should be a view of an argument, and one has a storage of its own."""
        self.draws: set[str] = set()
        """The default generator advanced."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        keywords: dict[str, Any] = kwargs or {}
        schema = func._schema
        given = dict(zip((argument.name for argument in schema.arguments), args, strict=False)) | keywords
        before = [(name, address(t), contents(t), t) for name, value in given.items() for t in strided(value)]
        random = torch.get_rng_state()
        results = func(*args, **keywords)
        self.seen.add(schema.name)
        if not (torch.equal(random, torch.get_rng_state()) or declares_draws(func)):
            self.draws.add(schema.name)
        written = {a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write}
        may_change = {where for name, where, _, _ in before if name in written}
        for name, where, was, tensor in before:
            if where not in may_change and contents(tensor) != was:
                self.writes.add((schema.name, name))
        self._see_results(schema, results, {where for _, where, _, _ in before})
        return results

    def _see_results(self, schema: Any, results: Any, arguments: set[int]) -> None:
        declared = [returned.alias_info is not None for returned in schema.returns]
        each = results if len(declared) > 1 else [results] * len(declared)
        for aliases, result in zip(declared, each, strict=True):
            for tensor in strided(result):
                if tensor.untyped_storage().nbytes() == 0:
                    continue
                shared = address(tensor) in arguments
                if shared and not aliases:
                    self.aliases.add(schema.name)
                if not shared and all(declared):
                    self.copies.add(schema.name)


def declares_draws(func: Any) -> bool:
    """Whether the operator says that it draws from a generator."""
    generator = any("Generator" in str(argument.type) for argument in func._schema.arguments)
    return generator or torch.Tag.nondeterministic_seeded in func.tags


def strided(tree: Any) -> list[Tensor]:
    """The tensors whose bytes are in sight."""
    return [t for t in tensors(tree) if t.layout == torch.strided and not t._is_zerotensor()]


def address(tensor: Tensor) -> int:
    """Which storage it is."""
    return tensor.untyped_storage()._cdata


def contents(tensor: Tensor) -> bytes:
    """All of the storage's bytes."""
    storage = tensor.untyped_storage()
    return ctypes.string_at(storage.data_ptr(), storage.nbytes()) if storage.nbytes() else b""


def shape(tensor: Tensor) -> tuple[object, ...]:
    """What a reader sees without looking at elements."""
    if tensor.layout != torch.strided:
        return tensor.dtype, tensor.layout, tensor.shape
    return tensor.dtype, tensor.layout, tensor.shape, tensor.stride(), tensor.storage_offset()


def bits(tensor: Tensor) -> list[bytes]:
    """The elements' bytes, so that NaNs and negative zeros count; of sparse tensors, also those of the indices.

    Zeros without memory, in which autograd deals, count as the zeros that they stand for.
    """
    if tensor.layout != torch.strided:
        return [part for t in sparse_parts(tensor) for part in bits(t)]
    if tensor._is_zerotensor():
        return bits(torch.zeros(tensor.shape, dtype=tensor.dtype))
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return [ctypes.string_at(plain.data_ptr(), plain.nbytes) if plain.nbytes else b""]


def sparse_parts(tensor: Tensor) -> list[Tensor]:
    """Indices and values; nothing of layouts that cannot be looked into."""
    match tensor.layout:
        case torch.sparse_coo:
            return [tensor._indices(), tensor._values()]
        case torch.sparse_csr | torch.sparse_bsr:
            return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
        case torch.sparse_csc | torch.sparse_bsc:
            return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
        case _:
            return []
