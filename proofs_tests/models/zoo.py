# SPDX-License-Identifier: Apache-2.0
"""The models by name."""

from . import autocast, checkpointed, custom, gan, gpt, lstm, mixture, resnet, treelstm, unet
from .task import Build

ZOO: dict[str, Build] = {
    "gpt": gpt.build,
    "gpt_softmax": gpt.build_softmax,
    "resnet": resnet.build,
    "lstm": lstm.build,
    "treelstm": treelstm.build,
    "mixture": mixture.build,
    "unet": unet.build,
    "autocast": autocast.build,
    "custom": custom.build,
    "checkpointed": checkpointed.build,
    "gan": gan.build,
}
"""Small enough for a step in well under 0.3 s on one core; activations outweigh parameters."""
