# SPDX-License-Identifier: Apache-2.0
"""The linear feedforward network of theorem 3.1, forwards and backwards, at unit costs and sizes.

    t_1 := f_1(),  t_i := f_i(t_{i-1})                                    forward, i = 2 .. N
    ^t_N := ^f_N(t_{N-1}),  ^t_i := ^f_i(t_{i-1}, ^t_{i+1}),  ^t_1 := ^f_1(^t_2)

(Kirisame et al., appendices A.1 and A.2.) A tensor is released once no call still to come reads it. t_N
is not read at all, and goes at once; ^t_1 is the result, and stays.
"""

from dtr_spec.program import Call, Command, Fresh, Program, Release

LEAST_LAYERS = 2


def linear(layers: int) -> Program:
    """The network of N = ``layers`` layers, as a program of 2 N calls. Raises ``ValueError`` below two layers."""
    if layers < LEAST_LAYERS:
        raise ValueError(f"{layers} layers: the network needs at least {LEAST_LAYERS}")
    return Program((*_forward(layers), Release(forward(layers)), *_backward(layers)))


def linear_forward(layers: int) -> Program:
    """The forward pass alone: t_1 to t_N, none released."""
    return Program(tuple(_forward(layers)))


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


def _backward(layers: int) -> list[Command]:
    commands: list[Command] = []
    for layer in range(layers, 0, -1):
        read = [forward(layer - 1)] if layer > 1 else []
        read += [backward(layer + 1, layers)] if layer < layers else []
        commands += [_call(f"df{layer}", tuple(read), backward(layer, layers)), *map(Release, read)]
    return commands


def _call(op: str, inputs: tuple[int, ...], output: int) -> Call:
    return Call(op, inputs, (Fresh(output, 1),), profile=(1,))
