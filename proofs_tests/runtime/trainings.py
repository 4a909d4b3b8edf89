# SPDX-License-Identifier: Apache-2.0
"""A few training steps of small networks, and everything that they leave behind."""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dtr_runtime as dtr

STEPS = 2
Watch = Callable[[], AbstractContextManager[Any]]


class Unrolled(nn.Module):
    """An LSTM cell, one call per time step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(8, 16)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        h, c = x.new_zeros(len(x), 16), torch.zeros(len(x), 16)
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
        return self.head(h)


class Fused(nn.Module):
    """Two layers of PyTorch's own LSTM, with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, num_layers=2, batch_first=True, dropout=0.2)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def perceptron() -> tuple[nn.Module, Tensor]:
    """Dropout between layers."""
    layers = (nn.Linear(32, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
    return nn.Sequential(*layers), torch.randn(STEPS, 256, 32)


def convolutional() -> tuple[nn.Module, Tensor]:
    """Batch normalization, an activation in place, dropout of channels."""
    layers = (
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
        *(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Dropout2d(0.2), nn.Flatten(), nn.Linear(8 * 36, 10)),
    )
    return nn.Sequential(*layers), torch.randn(STEPS, 16, 3, 12, 12)


def unrolled() -> tuple[nn.Module, Tensor]:
    """Many small operators."""
    return Unrolled(), torch.randn(STEPS, 8, 12, 8)


def fused() -> tuple[nn.Module, Tensor]:
    """One operator with much scratch, and dropout."""
    return Fused(), torch.randn(STEPS, 8, 12, 8)


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    f.__name__: f for f in (perceptron, convolutional, unrolled, fused)
}


def sgd(parameters: Any) -> torch.optim.Optimizer:
    """With momentum."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def adam(parameters: Any) -> torch.optim.Optimizer:
    """As it comes."""
    return torch.optim.Adam(parameters)


OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {"sgd": sgd, "adam": adam}
AT_ONCE: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd_fused": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, fused=True),
    "adam_fused": lambda parameters: torch.optim.Adam(parameters, amsgrad=True, fused=True),
    "adamw_fused": lambda parameters: torch.optim.AdamW(parameters, fused=True),
    "adagrad_fused": lambda parameters: torch.optim.Adagrad(parameters, fused=True),
    "sgd_foreach": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, foreach=True),
    "adamw_foreach": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True, foreach=True),
}
"""Each operator steps with all parameters."""


@dataclass(frozen=True)
class Outcome:
    """Losses, parameters, buffers, gradients, optimizer state and the generator's state."""

    tensors: tuple[Tensor, ...]
    run: Any

    def same_bits(self, other: "Outcome") -> bool:
        """Bit for bit."""
        return len(self.tensors) == len(other.tensors) and all(map(torch.equal, self.tensors, other.tensors))


def train(network: str, optimizer: str, room: int | None = None, watch: Watch = nullcontext, **options: Any) -> Outcome:
    """Always the same training; all of it within ``room`` bytes besides what was alive before, if given.

    ``watch`` is entered around the steps. ``options`` are those of ``dtr_runtime.budget``.
    """
    gc.collect()
    before = dtr.live_bytes()
    torch.manual_seed(0)
    model, batches = NETWORKS[network]()
    labels = torch.randint(10, batches.shape[:2])
    descent = (OPTIMIZERS | AT_ONCE)[optimizer](model.parameters())
    losses: list[Tensor] = []
    with watch(), nullcontext() if room is None else dtr.budget(before + room, **options) as run:
        for x, y in zip(batches, labels, strict=True):
            descent.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            descent.step()
            losses.append(loss.detach())
    state = [t for entry in descent.state.values() for t in entry.values() if isinstance(t, Tensor)]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    left = (*losses, *model.parameters(), *model.buffers(), *gradients, *state, torch.get_rng_state())
    return Outcome(tuple(t.detach().clone() for t in left), run)


@cache
def least_room(network: str, optimizer: str, tightness: float = 1.03) -> int:
    """Room that suffices, at most ``tightness`` times room that does not, in bytes."""
    gc.collect()
    before = dtr.live_bytes()
    enough, too_little = train(network, optimizer, 1 << 40, record=False).run.stats.peak - before, 1
    while enough > too_little * tightness:
        middle = (enough + too_little) // 2
        try:
            train(network, optimizer, middle, record=False)
            enough = middle
        except dtr.BudgetExceeded:
            too_little = middle
    return enough
