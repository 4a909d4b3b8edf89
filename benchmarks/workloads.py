# SPDX-License-Identifier: Apache-2.0
"""The paper's models (Kirisame et al., 2021, section 4), and logs of a training step of each.

A model is the one that the tests train, at two sizes: ``narrow``, of full depth and few channels, which a
CPU runs in about a second, and ``paper``, near the published logs (how near, ``README.md`` says of those recorded). A
log is recorded while PyTorch runs the step (on the CPU, so ``paper`` needs as much memory and patience as the step
itself: on the meta device there is no memory for the runtime to see). Costs are counts of work, and scratch memory,
which depends on the processor, is left out: everybody gets the same log.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from proofs_tests.models import densenet, inception, lstm, resnet, transformer, treelstm, unet, unrolled_gan
from proofs_tests.models.task import Task

import dtr_runtime as dtr
from dtr_spec.program import Call, Command, Constant, Pin, Program, Release

PLENTY = 1 << 44
"""A budget in bytes that never binds."""


@dataclass(frozen=True)
class Workload:
    """A model at two sizes."""

    build: Callable[[int, Any], Task]
    narrow: Any
    paper: Any

    def log(self, shape: Any = None) -> Program:
        """One training step at a size (``narrow`` unless said otherwise), from the same seed."""
        return record(self.build(0, shape or self.narrow))


WORKLOADS: dict[str, Workload] = {
    "ResNet-32": Workload(resnet.build, resnet.Shape(5, (4, 8, 16), 16, 32), resnet.RESNET_32),
    "ResNet-1202": Workload(resnet.build, resnet.Shape(200, (1, 2, 4), 16, 16), resnet.RESNET_1202),
    "DenseNet-121": Workload(
        densenet.build, replace(densenet.DENSENET_121, growth=4, batch=8, side=64, classes=10), densenet.DENSENET_121
    ),
    "Inception-v4": Workload(
        inception.build,
        replace(inception.SMALL, blocks=inception.INCEPTION_V4.blocks, batch=12),
        inception.INCEPTION_V4,
    ),
    "U-Net": Workload(unet.build, unet.Shape((4, 8, 16, 32, 64), 8, 64), unet.PAPER),
    "Transformer": Workload(transformer.build, replace(transformer.SMALL, layers=6, batch=8), transformer.BASE),
    "LSTM": Workload(lstm.build, lstm.Shape(width=16, length=64, batch=64), lstm.PAPER),
    "TreeLSTM": Workload(treelstm.build, treelstm.Shape(width=16, depth=5), treelstm.PAPER),
    "Unrolled GAN": Workload(unrolled_gan.build, unrolled_gan.Shape(16, 32, 64, 10), unrolled_gan.PAPER),
}


def record(task: Task) -> Program:
    """The program of one step on the first batch: forward pass, loss, backward pass.

    What is left, gradients and the loss, is pinned at the end, so that no run can leave it evicted (appendix C.6).
    """
    with dtr.budget(PLENTY) as run:
        loss = task.loss(task.model, task.batches[0])
        loss.backward()
    commands = [_without_scratch(command) for command in run.program.commands]
    return Program((*commands, *map(Pin, _left(commands))))


def _without_scratch(command: Command) -> Command:
    if not isinstance(command, Call):
        return command
    return replace(command, profile=tuple(output.size for output in command.outputs if output.size))


def _left(commands: list[Command]) -> list[int]:
    """The handles that were never released, but for the constants'."""
    handles: dict[int, None] = {}
    for command in commands:
        match command:
            case Call():
                handles |= dict.fromkeys(output.handle for output in command.outputs)
            case Release(handle):
                handles.pop(handle, None)
    return list(handles)


def constant_bytes(program: Program) -> int:
    """Bytes of parameters, batches and other constants."""
    return sum(command.size for command in program.commands if isinstance(command, Constant))
