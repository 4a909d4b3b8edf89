# SPDX-License-Identifier: Apache-2.0
"""An LSTM unrolled cell by cell: many small operators, one long chain."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task


@dataclass(frozen=True)
class Shape:
    """The sizes of a cell and of its batches of sequences."""

    width: int = 16
    length: int = 14
    batch: int = 32


SMALL = Shape()
PAPER = Shape(width=2048, length=128, batch=128)


class UnrolledLSTM(nn.Module):
    """Reads a sequence and predicts its next element at every position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(width, width)
        self.predict = nn.Linear(width, width)

    def forward(self, sequence: Tensor) -> Tensor:
        state = (torch.zeros_like(sequence[0]), torch.zeros_like(sequence[0]))
        predictions = []
        for element in sequence:
            state = self.cell(element, state)
            predictions.append(self.predict(state[0]))
        return torch.stack(predictions)


def loss(model: UnrolledLSTM, sequence: Tensor) -> Tensor:
    """Squared error of the next element."""
    return F.mse_loss(model(sequence[:-1]), sequence[1:])


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random sequences, time first."""
    torch.manual_seed(seed)
    model = UnrolledLSTM(shape.width)
    return Task(model, [torch.randn(shape.length + 1, shape.batch, shape.width) for _ in range(4)], loss)
