# SPDX-License-Identifier: Apache-2.0
"""A child-sum TreeLSTM: recursion over random trees, another program for every example."""

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .task import Task

VOCABULARY, CLASSES = 20, 5


@dataclass(frozen=True)
class Shape:
    """The width of a cell; complete binary trees of that depth, or without one three random trees a batch."""

    width: int = 64
    depth: int | None = None


SMALL = Shape()
PAPER = Shape(width=256, depth=6)


@dataclass(frozen=True)
class Tree:
    """A labelled tree of words."""

    word: Tensor
    label: Tensor
    children: tuple["Tree", ...]


class ChildSumTreeLSTM(nn.Module):
    """One cell for every node; a node sums the states of its children (Tai et al., 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.words = nn.Embedding(VOCABULARY, width)
        self.gates = nn.Linear(2 * width, 3 * width)
        self.forget_word = nn.Linear(width, width)
        self.forget_child = nn.Linear(width, width, bias=False)
        self.classify = nn.Linear(width, CLASSES)

    def forward(self, tree: Tree) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden state, cell state and the sum of the losses of all nodes of the tree."""
        below = [self(child) for child in tree.children]
        word = self.words(tree.word)
        hidden = torch.stack([h for h, _, _ in below]) if below else word.new_zeros(0, self.width)
        cells = torch.stack([c for _, c, _ in below]) if below else word.new_zeros(0, self.width)
        gates = self.gates(torch.cat([word, hidden.sum(0, keepdim=True)], 1))
        inward, outward, update = gates.chunk(3, 1)
        forget = torch.sigmoid(self.forget_word(word) + self.forget_child(hidden.view(-1, self.width)))
        kept = (forget * cells.view(-1, self.width)).sum(0, keepdim=True)
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
    return labelled(draw, tuple(random_tree(draw, size) for size in sizes))


def complete_tree(draw: random.Random, depth: int) -> Tree:
    """A binary tree of 2 ** (depth + 1) - 1 nodes."""
    return labelled(draw, tuple(complete_tree(draw, depth - 1) for _ in range(2)) if depth else ())


def labelled(draw: random.Random, children: tuple[Tree, ...]) -> Tree:
    """A node with a random word and label."""
    word, label = torch.tensor([draw.randrange(VOCABULARY)]), torch.tensor([draw.randrange(CLASSES)])
    return Tree(word, label, children)


def loss(model: ChildSumTreeLSTM, trees: list[Tree]) -> Tensor:
    """Cross entropy summed over the nodes of a few trees."""
    return torch.stack([model(tree)[2] for tree in trees]).mean()


def build(seed: int, shape: Shape = SMALL) -> Task:
    """Random trees, no two alike, or complete ones."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    model = ChildSumTreeLSTM(shape.width)
    if shape.depth is not None:
        return Task(model, [[complete_tree(draw, shape.depth)] for _ in range(4)], loss)
    return Task(model, [[random_tree(draw, draw.randint(4, 14)) for _ in range(3)] for _ in range(4)], loss)
