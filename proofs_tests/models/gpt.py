# SPDX-License-Identifier: Apache-2.0
"""A small GPT: pre-norm blocks, dropout, GELU, embeddings tied to the output layer."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task


@dataclass(frozen=True)
class Shape:
    """The sizes of a GPT and of its batches."""

    vocabulary: int = 64
    context: int = 32
    width: int = 32
    heads: int = 4
    layers: int = 4
    batch: int = 8
    dropout: float = 0.1


SMALL = Shape()


class Attention(nn.Module):
    """Causal self-attention, by the fused kernel or spelled out as a softmax."""

    mask: Tensor

    def __init__(self, shape: Shape, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.heads, self.dropout = shape.heads, shape.dropout
        self.queries_keys_values = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.register_buffer("mask", torch.ones(shape.context, shape.context).tril().bool())

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        split = self.queries_keys_values(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.dropout if self.training else 0.0
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
            scores = scores.masked_fill(~self.mask[:length, :length], -math.inf)
            mixed = F.dropout(scores.softmax(-1), dropout) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and a two-layer perceptron, each on a residual branch."""

    def __init__(self, shape: Shape, fused: bool) -> None:
        super().__init__()
        self.attend_norm = nn.LayerNorm(shape.width)
        self.attend = Attention(shape, fused)
        self.think_norm = nn.LayerNorm(shape.width)
        self.think = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width), nn.GELU(), nn.Linear(4 * shape.width, shape.width)
        )
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attend(self.attend_norm(x)))
        return x + self.dropout(self.think(self.think_norm(x)))


class GPT(nn.Module):
    """From token indices to the logits of the next token."""

    def __init__(self, shape: Shape, fused: bool) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.context, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape, fused) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.logits = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self.logits.weight = self.tokens.weight

    def forward(self, indices: Tensor) -> Tensor:
        positions = torch.arange(indices.shape[1], device=indices.device)
        x = self.dropout(self.tokens(indices) + self.positions(positions))
        for block in self.blocks:
            x = block(x)
        return self.logits(self.norm(x))


def loss(model: GPT, text: Tensor) -> Tensor:
    """Cross entropy of every next token."""
    return F.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())


def build(seed: int, shape: Shape = SMALL, fused: bool = True) -> Task:
    """Random text, one token longer than the context."""
    torch.manual_seed(seed)
    model = GPT(shape, fused)
    text = [torch.randint(shape.vocabulary, (shape.batch, shape.context + 1)) for _ in range(4)]
    return Task(model, text, loss)


def build_softmax(seed: int) -> Task:
    """The same with attention spelled out: scores, mask, softmax, dropout."""
    return build(seed, fused=False)
