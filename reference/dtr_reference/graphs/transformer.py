# SPDX-License-Identifier: Apache-2.0
"""A Transformer encoder (Vaswani et al., 2017), with the norm before each branch and attention spelled out."""

from .images import Feature, Layers
from .training_graph import TrainingGraph


def transformer(layers: int = 4, batch: int = 1, length: int = 128, width: int = 256, heads: int = 4) -> TrainingGraph:
    """``layers`` blocks on sequences of ``length`` tokens, ``width`` numbers each."""
    net = Layers(batch, (length, width))
    x = net.add("embed", (length, width), net.input, saves="nothing")
    for _ in range(layers):
        x = net.sum(x, _attention(net, _norm(net, x), heads))
        x = net.sum(x, _perceptron(net, _norm(net, x)))
    net.loss(_norm(net, x))
    return net.training_graph()


def _norm(net: Layers, x: Feature) -> Feature:
    return net.add("norm", x.shape, x)


def _linear(net: Layers, x: Feature, width: int) -> Feature:
    """The same linear map at every token."""
    length, inputs = x.shape
    return net.add("linear", (length, width), x, weights=inputs * width, work=length * inputs * width)


def _attention(net: Layers, x: Feature, heads: int) -> Feature:
    length, width = x.shape
    projected = _linear(net, x, 3 * width)
    work = length * length * width
    scores = net.add("scores", (heads, length, length), projected, work=work)
    shares = net.add("softmax", scores.shape, scores, saves="output")
    return _linear(net, net.add("mix", x.shape, shares, projected, work=work), width)


def _perceptron(net: Layers, x: Feature) -> Feature:
    width = x.shape[-1]
    wide = _linear(net, x, 4 * width)
    return _linear(net, net.add("gelu", wide.shape, wide), width)
