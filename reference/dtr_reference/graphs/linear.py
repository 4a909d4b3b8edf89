# SPDX-License-Identifier: Apache-2.0
"""The linear feedforward network of theorem 3.1, forwards and backwards, at unit costs and sizes.

    t_1 := f_1(),  t_i := f_i(t_{i-1})                                    forward, i = 2 .. N
    ^t_N := ^f_N(t_{N-1}),  ^t_i := ^f_i(t_{i-1}, ^t_{i+1}),  ^t_1 := ^f_1(^t_2)

(Kirisame et al., appendices A.1 and A.2.) A tensor is released once no call still to come reads it. t_N
is not read at all, and goes at once; ^t_1 is the result, and stays.
"""

from dtr_spec.program import Call, Command, Constant, Fresh, Program, Release

LEAST_LAYERS = 2


def linear(layers: int) -> Program:
    """The network of N = ``layers`` layers, as a program of 2 N calls. Raises ``ValueError`` below two layers."""
    if layers < LEAST_LAYERS:
        raise ValueError(f"{layers} layers: the network needs at least {LEAST_LAYERS}")
    return Program((*_forward(layers), Release(forward(layers)), *_backward(layers)))


def linear_forward(layers: int) -> Program:
    """The forward pass alone: t_1 to t_N, none released."""
    return Program(tuple(_forward(layers)))


def evicted_path(length: int, budget: int) -> Program:
    """The gradients of a path of ``length`` tensors, all evicted when the first of them is requested (lemma A.2).

    A constant gradient waits at the end of the path; then a call that asks for all of the budget but that one unit
    has every tensor evicted. So ``budget - 1`` units are free at the start.
    """
    waiting = backward(length + 2, length + 1)
    flush = Call("flush", (), profile=(budget - 1, 1 - budget))
    return Program((Constant(waiting, 1), *_forward(length), flush, *_backward(length + 1, waiting)))


def forward(layer: int) -> int:
    """The handle of t_i, and also the index of its storage."""
    return layer - 1


def backward(layer: int, layers: int) -> int:
    """The handle of ^t_i, and also the index of its storage."""
    return 2 * layers - layer


def _forward(layers: int) -> list[Command]:
    return [
        _call(f"f{layer}", (forward(layer - 1),) if layer > 1 else (), forward(layer)) for layer in range(1, layers + 1)
    ]


def _backward(layers: int, *waiting: int) -> list[Command]:
    commands: list[Command] = []
    for layer in range(layers, 0, -1):
        read = (*((forward(layer - 1),) if layer > 1 else ()), *waiting)
        waiting = (backward(layer, layers),)
        commands += [_call(f"df{layer}", read, *waiting), *map(Release, read)]
    return commands


def _call(op: str, inputs: tuple[int, ...], output: int) -> Call:
    return Call(op, inputs, (Fresh(output, 1),), profile=(1,))
