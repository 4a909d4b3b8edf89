# SPDX-License-Identifier: Apache-2.0
"""A small GPT: pre-norm blocks, dropout, GELU, embeddings tied to the output layer."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

VOCABULARY, CONTEXT, WIDTH, HEADS, LAYERS, DROPOUT = 64, 32, 32, 4, 4, 0.1


class Attention(nn.Module):
    """Causal self-attention, by the fused kernel or spelled out as a softmax."""

    mask: Tensor

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("mask", torch.ones(CONTEXT, CONTEXT).tril().bool())

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        split = self.queries_keys_values(x).view(batch, length, 3, HEADS, WIDTH // HEADS)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = DROPOUT if self.training else 0.0
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
            scores = scores.masked_fill(~self.mask[:length, :length], -math.inf)
            mixed = F.dropout(scores.softmax(-1), dropout) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH))


class Block(nn.Module):
    """Attention and a two-layer perceptron, each on a residual branch."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.attend_norm = nn.LayerNorm(WIDTH)
        self.attend = Attention(fused)
        self.think_norm = nn.LayerNorm(WIDTH)
        self.think = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attend(self.attend_norm(x)))
        return x + self.dropout(self.think(self.think_norm(x)))


class GPT(nn.Module):
    """From token indices to the logits of the next token."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.dropout = nn.Dropout(DROPOUT)
        self.blocks = nn.ModuleList(Block(fused) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.logits = nn.Linear(WIDTH, VOCABULARY, bias=False)
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


def build(seed: int, fused: bool = True) -> Task:
    """Random text of ``CONTEXT`` tokens, 8 sequences a batch."""
    torch.manual_seed(seed)
    model = GPT(fused)
    return Task(model, [torch.randint(VOCABULARY, (8, CONTEXT + 1)) for _ in range(4)], loss)


def build_softmax(seed: int) -> Task:
    """The same with attention spelled out: scores, mask, softmax, dropout."""
    return build(seed, fused=False)
