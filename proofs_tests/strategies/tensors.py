# SPDX-License-Identifier: Apache-2.0
"""Programs of PyTorch operators on real tensors: aliases, writes through them, random draws, releases.

Every instruction is well-formed on whatever tensors there are: its operands are chosen modulo their number, and
brought to one shape. Words are mixed by operations in which every bit of every operand matters, so that a wrong
bit anywhere reaches what is read; floats go through the kernels of real models.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor

ROWS, COLUMNS = 16, 32
SIZE = ROWS * COLUMNS

ODD = -7046029254386353131
OTHER = -4658895280553007687
"""Odd multipliers: no single bit of a factor is lost modulo 2**64."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """``op`` names a function of this module's tables; ``first`` and ``second`` choose its operands."""

    op: str
    first: int
    second: int
    number: int


@dataclass(frozen=True, slots=True)
class TensorProgram:
    """Instructions, carried out in order on tensors of which two exist beforehand."""

    instructions: tuple[Instruction, ...]

    def prepared(self) -> "Running":
        """What exists before any budget."""
        return Running([words_of(1), floats(words_of(2))], (torch.zeros(ROWS), torch.ones(ROWS)))

    def run(self, running: "Running") -> list[Tensor]:
        """All that was read, at the end every tensor that is left; the same for every budget."""
        torch.default_generator.manual_seed(0)
        for instruction in self.instructions:
            running.carry_out(instruction)
        while running.tensors:
            running.seen.append(int(digest(running.tensors.pop())))
        return [torch.tensor(running.seen, dtype=torch.long), *running.statistics]


@dataclass
class Running:
    """A program under way."""

    tensors: list[Tensor]
    statistics: tuple[Tensor, Tensor]
    """Batch normalization's running mean and variance."""

    def __post_init__(self) -> None:
        self.seen: list[int] = []

    def carry_out(self, instruction: Instruction) -> None:
        a = self.tensors[instruction.first % len(self.tensors)]
        b = self.tensors[instruction.second % len(self.tensors)]
        k, op = instruction.number, instruction.op
        if op in FRESH:
            self.tensors.extend(FRESH[op](a, b, k))
        elif op in VIEWS:
            self.tensors.append(VIEWS[op](a))
        elif op in WRITES:
            WRITES[op](a, b, k)
        elif op == "normalize":
            columns = floats(a).t()
            self.tensors.append(F.batch_norm(columns, *self.statistics, training=True))
        elif op == "release":
            if len(self.tensors) > 2:
                del self.tensors[instruction.first % len(self.tensors)]
        elif op == "pin":
            a.data_ptr()
        else:
            self.seen.append(int(digest(a)))


def words_of(k: int) -> Tensor:
    """Words that depend on a number."""
    return (torch.arange(SIZE) * ODD + k).view(ROWS, COLUMNS)


def words(tensor: Tensor) -> Tensor:
    """Every bit of any tensor, as words of the one shape."""
    flat = tensor.flatten()
    if flat.dtype == torch.float32:
        flat = flat.view(torch.int32).long()
    return flat[torch.arange(SIZE) % len(flat)].view(ROWS, COLUMNS) * OTHER + len(flat)


def floats(tensor: Tensor) -> Tensor:
    """Numbers between -1 and 1 that depend on any tensor, in the one shape."""
    return words(tensor).bitwise_right_shift(40).float() / 2**23


def digest(tensor: Tensor) -> Tensor:
    """A word that differs if one bit of the tensor does: a sum with odd weights, modulo 2**64."""
    mixed = words(tensor).flatten()
    return (mixed * (2 * torch.arange(SIZE) + ODD)).sum()


def descended(a: Tensor, b: Tensor, k: int) -> list[Tensor]:
    """The gradients of a small network."""
    x, weight = floats(a).detach().requires_grad_(), floats(b).detach().requires_grad_()
    hidden = F.layer_norm(x @ weight.t(), (ROWS,)).relu_()
    gelu = F.gelu(hidden * (k % 5 + 1)) + hidden
    return list(torch.autograd.grad(gelu.softmax(0).square().sum(), (x, weight)))


Fresh = Callable[[Tensor, Tensor, int], list[Tensor]]
FRESH: dict[str, Fresh] = {
    "mix": lambda a, b, k: [words(a).mul(ODD).bitwise_xor(words(b) + k)],
    "scan": lambda a, b, k: [words(a).cumsum(k % 2).bitwise_xor_(words(b))],
    "gather": lambda a, b, k: [words(a).gather(1, words(b).remainder(COLUMNS))],
    "sort": lambda a, b, k: list(words(a).sort(k % 2)),
    "scatter": lambda a, b, k: [words(a).scatter_add(0, words(b).remainder(ROWS), words(b))],
    "fill": lambda a, b, k: [torch.full((COLUMNS,), k), torch.zeros(ROWS, COLUMNS).add_(k)],
    "product": lambda a, b, k: [(floats(a) @ floats(b).t()).tanh()],
    "convolve": lambda a, b, k: [F.conv1d(floats(a)[None], floats(b).flatten()[:240].view(5, 16, 3), padding=1)[0]],
    "softmax": lambda a, b, k: [floats(a).softmax(k % 2), floats(b).exp().log1p()],
    "drop": lambda a, b, k: [F.dropout(floats(a), 0.25) + floats(b)],
    "draw": lambda a, b, k: [torch.randn(ROWS), torch.randint(k + 1, (SIZE,)), torch.randperm(COLUMNS)],
    "each": lambda a, b, k: list(torch.ops.aten._foreach_mul.Scalar([words(a), words(b)], OTHER)),
    "statistics": lambda a, b, k: [*torch.var_mean(floats(a), 1), *floats(b).aminmax(dim=0)],
    "descend": descended,
}

VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "transpose": lambda a: a.t() if a.dim() == 2 else a.view(-1),
    "even": lambda a: a[::2],
    "rest": lambda a: a[len(a) // 2 :],
    "line": lambda a: a.flatten() if a.is_contiguous() else a.unflatten(0, (1, -1))[0],
    "detach": lambda a: a.detach(),
}


def add_everywhere(a: Tensor, b: Tensor, k: int) -> None:
    """To two distinct lists' elements, if their types allow it."""
    torch.ops.aten._foreach_add_.Scalar([a] if b.dtype != a.dtype or shares(a, b) else [a, b], k % 3 + 1)


def shares(a: Tensor, b: Tensor) -> bool:
    """Whether they lie in one storage."""
    return a.untyped_storage()._cdata == b.untyped_storage()._cdata


def like(a: Tensor, b: Tensor) -> Tensor:
    """Of the shape and type of ``a``, from the bits of ``b``."""
    source = (words(b) if a.dtype == torch.long else floats(b)).flatten()
    return source[torch.arange(a.numel()) % SIZE].view(a.shape)


WRITES: dict[str, Callable[[Tensor, Tensor, int], object]] = {
    "scale in place": lambda a, b, k: a.mul_(OTHER if a.dtype == torch.long else 0.5).add_(k % 7),
    "copy into": lambda a, b, k: a.copy_(like(a, b)),
    "write even": lambda a, b, k: a[::2].add_(like(a[::2], b)),
    "mask": lambda a, b, k: a.masked_fill_(like(a, b) > 0, k % 5),
    "fill in place": lambda a, b, k: a.fill_(k % 11),
    "draw in place": lambda a, b, k: a.random_(0, 100),
    "into out": lambda a, b, k: torch.add(like(a, b), k, out=a) if a.is_contiguous() else a.neg_(),
    "each in place": add_everywhere,
}

OPS = (*FRESH, *VIEWS, *WRITES, "normalize", "release", "release", "pin", "read", "read")


def tensor_programs(longest: int = 25) -> st.SearchStrategy[TensorProgram]:
    """Programs of up to so many instructions."""
    small = st.integers(0, 15)
    instruction = st.builds(Instruction, st.sampled_from(OPS), small, small, small)
    return st.lists(instruction, min_size=4, max_size=longest).map(lambda some: TensorProgram(tuple(some)))
