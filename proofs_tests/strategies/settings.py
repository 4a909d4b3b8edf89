# SPDX-License-Identifier: Apache-2.0
"""PyTorch's global numeric settings, and an operator that reads one.

Left out is what this machine or build may not let be set: CPU sums of float16, cuDNN's number of trials,
preferred libraries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Setting:
    """``other`` differs from the value at the start of a process."""

    get: Callable[[], Any]
    set: Callable[[Any], Any]
    other: Any


def attribute(of: Any, name: str, other: Any) -> Setting:
    """A setting that is an attribute of a module of torch's."""
    return Setting(lambda: getattr(of, name), lambda value: setattr(of, name, value), other)


def denormals_are_zero() -> bool:
    """As the processor's flags have it."""
    return float("5e-324") * 1.0 == 0.0


def attention(kind: str) -> Setting:
    """Whether scaled dot product attention may use a kind of kernel."""
    kernels = torch.backends.cuda
    return Setting(getattr(kernels, f"{kind}_sdp_enabled"), getattr(kernels, f"enable_{kind}_sdp"), False)


def in_c(name: str, other: Any) -> Setting:
    """A setting of torch's C module, which lets itself be set although its tests forbid it to ``torch.backends``."""
    return Setting(getattr(torch._C, f"_get_{name}"), getattr(torch._C, f"_set_{name}"), other)


def precision(backend: str, operator: str, other: str) -> Setting:
    """In which precision products of float32 are computed."""
    return Setting(
        lambda: torch._C._get_fp32_precision_getter(backend, operator),
        lambda value: torch._C._set_fp32_precision_setter(backend, operator, value),
        other,
    )


BACKENDS: Any = torch.backends
ON_HOST: dict[str, Setting] = {
    "dtype": Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "threads": Setting(torch.get_num_threads, torch.set_num_threads, torch.get_num_threads() + 1),
    "denormals": Setting(denormals_are_zero, torch.set_flush_denormal, True),
    "gradients": Setting(torch.is_grad_enabled, torch.set_grad_enabled, False),
    "determinism": Setting(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 1),
    "warnings": Setting(
        torch.is_deterministic_algorithms_warn_only_enabled,
        lambda only: torch.use_deterministic_algorithms(False, warn_only=only),
        True,
    ),
    "autocast's type": Setting(
        lambda: torch.get_autocast_dtype("cpu"), lambda kind: torch.set_autocast_dtype("cpu", kind), torch.float16
    ),
    "uninitialized": attribute(torch.utils.deterministic, "fill_uninitialized_memory", False),
    "oneDNN": in_c("mkldnn_enabled", False),
    "oneDNN's determinism": in_c("mkldnn_deterministic", True),
    "NNPACK": in_c("nnpack_enabled", False),
    "quantization": attribute(BACKENDS.quantized, "engine", "qnnpack"),
    **{f"{kind} attention": attention(kind) for kind in ("flash", "math", "mem_efficient", "cudnn")},
    "sums in attention": Setting(
        BACKENDS.cuda.fp16_bf16_reduction_math_sdp_allowed, BACKENDS.cuda.allow_fp16_bf16_reduction_math_sdp, True
    ),
    "precision": precision("generic", "all", "bf16"),
    **{f"oneDNN's precision, {of}": precision("mkldnn", of, "bf16") for of in ("all", "conv", "rnn", "matmul")},
}
ON_DEVICE: dict[str, Setting] = {
    "cuDNN": in_c("cudnn_enabled", False),
    "cuDNN's determinism": in_c("cudnn_deterministic", True),
    "cuDNN's trials": in_c("cudnn_benchmark", True),
    "float16 sums": attribute(BACKENDS.cuda.matmul, "allow_fp16_reduced_precision_reduction", False),
    "bfloat16 sums": attribute(BACKENDS.cuda.matmul, "allow_bf16_reduced_precision_reduction", False),
    "float16 accumulators": attribute(BACKENDS.cuda.matmul, "allow_fp16_accumulation", True),
    **{f"CUDA's precision, {of}": precision("cuda", of, "ieee") for of in ("conv", "rnn")},
    "CUDA's precision, matmul": precision("cuda", "matmul", "tf32"),
}

SETTINGS = {"host": ON_HOST, "device": ON_DEVICE}


@torch.library.custom_op("dtr_test::is_set", mutates_args=())
def is_set(x: Tensor, where: str, name: str) -> Tensor:
    """Shaped like x: ones if the setting has its other value, else zeros."""
    setting = SETTINGS[where][name]
    return torch.full_like(x, float(setting.get() == setting.other))
