# SPDX-License-Identifier: Apache-2.0
"""The test device "dram" (``dram.cpp``), compiled on first use.

To be registered before the process's first backward pass: autograd counts devices once. So tests that use it run
in processes of their own (``scenarios.py``).
"""

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch.utils import cpp_extension
from torch.utils.backend_registration import rename_privateuse1_backend

from dtr_runtime import _build

SOURCE = Path(__file__).with_name("dram.cpp")
FLAGS = ("-O1", "-std=c++20")


def build() -> ModuleType:
    """The compiled module, which registers the device when it is imported."""
    content = SOURCE.read_bytes() + repr((FLAGS, torch.__version__, sys.version)).encode()
    name = f"dram_{hashlib.sha256(content).hexdigest()[:16]}"
    directory = _build.cache_directory() / name
    directory.mkdir(parents=True, exist_ok=True)
    with _build.alone(directory), _build.ninja_on_path():
        module = cpp_extension.load(name, [str(SOURCE)], extra_cflags=list(FLAGS), build_directory=str(directory))
    assert isinstance(module, ModuleType)
    return module


class Device(ModuleType):
    """What torch looks for at ``torch.dram``."""

    def __init__(self, core: Any) -> None:
        super().__init__("dram")
        self.set_capacity = core.set_capacity
        self.set_slack = core.set_slack
        self.exchange_stream = core.exchange_stream
        self.manual_seed_all = core.manual_seed
        self.get_rng_state = lambda device="dram": core.get_rng_state()

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def device_count() -> int:
        return 1

    @staticmethod
    def current_device() -> int:
        return 0

    @staticmethod
    def get_amp_supported_dtype() -> list[torch.dtype]:
        return [torch.bfloat16]

    @staticmethod
    def _is_in_bad_fork() -> bool:
        return False


def register() -> Any:
    """Make the device known to torch; its module."""
    rename_privateuse1_backend("dram")
    device = Device(build())
    torch._register_device_module("dram", device)
    return device
