# SPDX-License-Identifier: Apache-2.0
"""An LSTM unrolled cell by cell: many small operators, one long chain."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

WIDTH, LENGTH, BATCH = 16, 24, 32


class UnrolledLSTM(nn.Module):
    """Reads a sequence and predicts its next element at every position."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(WIDTH, WIDTH)
        self.predict = nn.Linear(WIDTH, WIDTH)

    def forward(self, sequence: Tensor) -> Tensor:
        state = (sequence.new_zeros(sequence.shape[1], WIDTH), sequence.new_zeros(sequence.shape[1], WIDTH))
        predictions = []
        for element in sequence:
            state = self.cell(element, state)
            predictions.append(self.predict(state[0]))
        return torch.stack(predictions)


def loss(model: UnrolledLSTM, sequence: Tensor) -> Tensor:
    """Squared error of the next element."""
    return F.mse_loss(model(sequence[:-1]), sequence[1:])


def build(seed: int) -> Task:
    """Random sequences, time first."""
    torch.manual_seed(seed)
    model = UnrolledLSTM()
    return Task(model, [torch.randn(LENGTH + 1, BATCH, WIDTH) for _ in range(4)], loss)
