# SPDX-License-Identifier: Apache-2.0
"""What it takes to train a model: the module, its batches and its loss."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Task(NamedTuple):
    """A training problem, ready to run. Two builds from one seed are bitwise the same."""

    model: nn.Module
    batches: Sequence[Any]
    loss: Callable[[Any, Any], Tensor]
    """From the model and one batch to the scalar to descend."""
    generators: tuple[torch.Generator, ...] = ()
    """The random generators that the task made for itself, besides the global one."""

    def constants(self) -> Iterator[Tensor]:
        """What exists before training: parameters, buffers and batches."""
        yield from self.model.parameters()
        yield from self.model.buffers()
        yield from tensors_in(self.batches)


Build = Callable[[int], Task]
"""From a seed to a task, on torch's default device. Sets the global generators' seed: dropout draws from them."""


def tensors_in(structure: Any) -> Iterator[Tensor]:
    """The tensors in nested sequences and dataclasses."""
    if isinstance(structure, Tensor):
        yield structure
    elif isinstance(structure, list | tuple):
        for part in structure:
            yield from tensors_in(part)
    elif is_dataclass(structure):
        for part in fields(structure):
            yield from tensors_in(getattr(structure, part.name))
