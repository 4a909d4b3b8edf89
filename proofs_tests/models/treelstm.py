# SPDX-License-Identifier: Apache-2.0
"""A child-sum TreeLSTM: recursion over random trees, another program for every example."""

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

VOCABULARY, WIDTH, CLASSES = 20, 64, 5


@dataclass(frozen=True)
class Tree:
    """A labelled tree of words."""

    word: Tensor
    label: Tensor
    children: tuple["Tree", ...]


class ChildSumTreeLSTM(nn.Module):
    """One cell for every node; a node sums the states of its children (Tai et al., 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.gates = nn.Linear(2 * WIDTH, 3 * WIDTH)
        self.forget_word = nn.Linear(WIDTH, WIDTH)
        self.forget_child = nn.Linear(WIDTH, WIDTH, bias=False)
        self.classify = nn.Linear(WIDTH, CLASSES)

    def forward(self, tree: Tree) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden state, cell state and the sum of the losses of all nodes of the tree."""
        below = [self(child) for child in tree.children]
        word = self.words(tree.word)
        hidden = torch.stack([h for h, _, _ in below]) if below else word.new_zeros(0, WIDTH)
        cells = torch.stack([c for _, c, _ in below]) if below else word.new_zeros(0, WIDTH)
        gates = self.gates(torch.cat([word, hidden.sum(0, keepdim=True)], 1))
        inward, outward, update = gates.chunk(3, 1)
        forget = torch.sigmoid(self.forget_word(word) + self.forget_child(hidden.view(-1, WIDTH)))
        kept = (forget * cells.view(-1, WIDTH)).sum(0, keepdim=True)
        cell = torch.sigmoid(inward) * torch.tanh(update) + kept
        state = torch.sigmoid(outward) * torch.tanh(cell)
        loss = F.cross_entropy(self.classify(state), tree.label)
        return state[0], cell[0], sum((below_loss for _, _, below_loss in below), loss)


def random_tree(draw: random.Random, nodes: int) -> Tree:
    """A tree of the given number of nodes, of any shape."""
    rest, sizes = nodes - 1, []
    while rest:
        sizes.append(draw.randint(1, rest))
        rest -= sizes[-1]
    word, label = torch.tensor([draw.randrange(VOCABULARY)]), torch.tensor([draw.randrange(CLASSES)])
    return Tree(word, label, tuple(random_tree(draw, size) for size in sizes))


def loss(model: ChildSumTreeLSTM, trees: list[Tree]) -> Tensor:
    """Cross entropy summed over the nodes of a few trees."""
    return torch.stack([model(tree)[2] for tree in trees]).mean()


def build(seed: int) -> Task:
    """Three trees a batch, no two alike."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    model = ChildSumTreeLSTM()
    return Task(model, [[random_tree(draw, draw.randint(4, 14)) for _ in range(3)] for _ in range(4)], loss)
