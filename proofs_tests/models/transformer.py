# SPDX-License-Identifier: Apache-2.0
"""The Transformer (Vaswani et al., 2017), encoder and decoder, on pairs of sentences."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task


@dataclass(frozen=True)
class Shape:
    """The sizes of a Transformer and of its batches."""

    vocabulary: int = 64
    length: int = 24
    width: int = 32
    heads: int = 4
    layers: int = 2
    batch: int = 4


SMALL = Shape()
BASE = Shape(37_000, 256, 512, 8, 6, 10)


class Transformer(nn.Module):
    """Embeddings shared between source, target and output; learned positions."""

    mask: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Parameter(torch.randn(shape.length, shape.width))
        self.layers = nn.Transformer(
            shape.width, shape.heads, shape.layers, shape.layers, 4 * shape.width, batch_first=True
        )
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(shape.length))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        embedded = (self.tokens(sentence) + self.positions for sentence in (source, target))
        return F.linear(self.layers(*embedded, tgt_mask=self.mask), self.tokens.weight)


def loss(model: Transformer, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy of every next token of the target."""
    source, target = batch
    return F.cross_entropy(model(source, target[:, :-1]).flatten(0, 1), target[:, 1:].flatten())


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random sentences; the target is one token longer than what the decoder reads."""
    torch.manual_seed(seed)
    sizes = ((shape.batch, shape.length), (shape.batch, shape.length + 1))
    model = Transformer(shape)
    batches = [tuple(torch.randint(shape.vocabulary, size) for size in sizes) for _ in range(4)]
    return Task(model, batches, loss)
