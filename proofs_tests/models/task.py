# SPDX-License-Identifier: Apache-2.0
"""What it takes to train a model: the module, its batches and its loss."""

from collections.abc import Callable, Sequence
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


Build = Callable[[int], Task]
"""From a seed to a task. Sets the global generator's seed: dropout draws from it."""
