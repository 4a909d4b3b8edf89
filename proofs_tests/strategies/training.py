# SPDX-License-Identifier: Apache-2.0
"""Programs that look like training: a forward pass that saves, a backward pass that uses, an optimizer.

They evict a lot under a tight budget, and contain what breaks naive rematerialization: updates in
place, views written through, batch norm's running statistics, random masks, and an optimizer that
overwrites parameters which live results still depend on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hypothesis import strategies as st

from dtr_spec.program import Program

from ..reference.programs import Builder

Kind = Literal["linear", "in-place", "view", "norm", "dropout", "residual", "split"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: ``width`` is the bytes of its activation, ``cost`` in clock units, ``scratch`` in bytes."""

    kind: Kind = "linear"
    width: int = 4
    cost: int = 1
    scratch: int = 0
    tied: bool = False
    """Whether it has no parameter of its own but the previous layer's."""


@dataclass(slots=True)
class _Taped:
    """What the backward pass of one layer needs."""

    layer: Layer
    weight: int
    before: int
    after: int
    saved: tuple[int, ...]


def training(layers: Sequence[Layer], steps: int = 1, early: bool = False, watched: bool = False) -> Program:
    """``steps`` of training. ``early``: parameters are updated within the backward pass; ``watched``: activations
    are released only after the update, so that they depend on parameters that are overwritten."""
    return _Training(layers, early, watched).program(steps)


class _Training:
    def __init__(self, layers: Sequence[Layer], early: bool, watched: bool) -> None:
        self.build = Builder()
        self.layers = tuple(layers)
        self.early, self.watched = early, watched
        self.data = self.build.constant(self.layers[0].width if self.layers else 1)
        self.generator = self.build.constant(0)
        self.weights: list[int] = []
        for layer in self.layers:
            own = not (layer.tied and self.weights)
            self.weights.append(self.build.constant(layer.width) if own else self.weights[-1])
        self.statistics = [self.build.constant(1) if layer.kind == "norm" else None for layer in self.layers]

    def program(self, steps: int) -> Program:
        for _ in range(steps):
            self.step()
        for weight in dict.fromkeys(self.weights):
            self.build.read(weight)
        return self.build.program()

    def step(self) -> None:
        tape: list[_Taped] = []
        hidden = self.data
        for number in range(len(self.layers)):
            taped = self.forward(number, hidden, tape)
            tape.append(taped)
            hidden = taped.after
        loss = self.build.call("loss", hidden)
        self.build.read(loss)
        gradient = self.build.call("seed", loss)
        self.build.release(loss)
        self.backward(tape, gradient)

    def forward(self, number: int, x: int, tape: list[_Taped]) -> _Taped:
        layer, weight, build = self.layers[number], self.weights[number], self.build
        scratch = layer.scratch
        profile = (scratch, layer.width, -scratch) if scratch else (layer.width,)
        saved: tuple[int, ...] = ()
        match layer.kind:
            case "linear":
                y = build.call("linear", x, weight, sizes=(layer.width,), cost=layer.cost, profile=profile)
            case "in-place":
                y = build.call("linear", x, weight, sizes=(layer.width,), cost=layer.cost, profile=profile)
                build.write("relu_", y)
            case "view":
                y = build.call("linear", x, weight, sizes=(layer.width,), cost=layer.cost, profile=profile)
                part = build.alias(y, "even")
                build.write("add_", part, weight, cost=layer.cost)
                saved = (part,)
            case "norm":
                statistics = self.statistics[number]
                assert statistics is not None
                y = build.call("norm", x, weight, statistics, sizes=(layer.width, 1), mutates=(2,), cost=layer.cost)
                saved = (y + 1,)
            case "dropout":
                y = build.call("dropout", x, self.generator, sizes=(layer.width, 1), mutates=(1,), cost=layer.cost)
                saved = (y + 1,)
            case "residual":
                skipped = tape[0].after if tape else x
                y = build.call("add", x, skipped, sizes=(layer.width,), cost=layer.cost, profile=profile)
            case "split":
                y = build.call("split", x, weight, sizes=(layer.width, layer.width), cost=layer.cost)
                saved = (y + 1,)
        return _Taped(layer, weight, x, y, saved)

    def backward(self, tape: list[_Taped], gradient: int) -> None:
        build = self.build
        updates: list[tuple[int, int]] = []
        spent: list[int] = []
        for taped in reversed(tape):
            inputs = (gradient, taped.before, taped.after, taped.weight, *taped.saved)
            sizes = (taped.layer.width, taped.layer.width)
            following = build.call(f"{taped.layer.kind}'", *inputs, sizes=sizes, cost=2 * taped.layer.cost)
            build.release(gradient)
            gradient, update = following, following + 1
            spent += (*taped.saved, taped.after)
            updates.append((taped.weight, update))
            if self.early:
                self.update(updates)
            if not self.watched:
                self.release(spent)
        build.release(gradient)
        self.update(updates)
        self.release(spent)

    def release(self, handles: list[int]) -> None:
        """Drop handles; what remains of ``handles`` is none."""
        self.build.release(*handles)
        handles.clear()

    def update(self, updates: list[tuple[int, int]]) -> None:
        """Overwrite parameters; what remains of ``updates`` is none."""
        for weight, update in updates:
            self.build.write("sgd_", weight, update)
            self.build.release(update)
        updates.clear()


_LAYERS = st.builds(
    Layer,
    kind=st.sampled_from(get_args(Kind)),
    width=st.integers(1, 6),
    cost=st.integers(0, 4),
    scratch=st.one_of(st.just(0), st.integers(0, 3)),
    tied=st.booleans(),
)


def directed_programs(max_layers: int = 7) -> st.SearchStrategy[Program]:
    """Training programs of up to two steps."""
    layers = st.lists(_LAYERS, min_size=1, max_size=max_layers)
    return st.builds(training, layers, steps=st.integers(1, 2), early=st.booleans(), watched=st.booleans())
