# SPDX-License-Identifier: Apache-2.0
"""Accesses that are no operators, to an evicted tensor: in a process of their own, since some could kill it."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.utils.dlpack

import dtr_runtime

PROGRAM = """
import copy, gc, io, json, pickle, sys, warnings
import numpy as np
import torch
import torch.utils.dlpack
import dtr_runtime as dtr
warnings.simplefilter("ignore")
a = torch.arange(4096.0)
expected = a * 2

def access_evicted(access, outcome):
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes, heuristic="h_lru"):
        x = a * 2
        ballast = [a + i for i in range(6)]
        del ballast
        assert dtr.evicted(x)
        try:
            result = eval(access, globals(), {"x": x})
        except RuntimeError as error:
            assert "dtr_runtime.pin" in str(error) and outcome == "raises", error
            result = None
        else:
            assert outcome == "works"
            ballast = [a + i for i in range(6)]
            del ballast
            if isinstance(result, np.ndarray):
                assert (result == expected.numpy()).all()
            elif isinstance(result, torch.Tensor) and result.shape == expected.shape:
                assert torch.equal(result, expected)
    assert torch.equal(x, expected)

gc.freeze()
for access, outcome in json.loads(sys.argv[1]):
    print(access, flush=True)
    access_evicted(access, outcome)
    gc.collect()
"""

WORKS = [
    *("x.numpy()", "np.asarray(x)", "x.detach().numpy()", "x.tolist()", "x.data_ptr()", "x[1].item()", "repr(x)"),
    *("x.is_shared()", "x.untyped_storage().is_shared()", "x.untyped_storage().data_ptr()", "x.share_memory_()"),
    *("pickle.dumps(x)", "copy.deepcopy(x)", "torch.save(x, io.BytesIO())", "torch.from_dlpack(x)", "hash(x)"),
    *("len(x)", "list(x)[:2]", "x.is_pinned()", "x.is_set_to(x)", "x.untyped_storage().nbytes()", "x.new_tensor(x)"),
    *("torch.tensor(x)", "torch.as_tensor(x)", "x.sum()", "x.resize_(4096)", "bool((x > 0).any())"),
    *(
        "x.apply_(lambda v: v)",
        "x.untyped_storage().resize_(2 * x.nbytes)",
        "torch.utils.dlpack.to_dlpack(x)",
        "torch._C._to_dlpack_versioned(x)",
        "torch.empty(0).set_(x)",
        "x.untyped_storage()._share_fd_cpu_()",
    ),
    *("bytes(x.untyped_storage())", "x.untyped_storage().tolist()", "x.untyped_storage()[0]"),
    *("x.untyped_storage().clone()", "x.const_data_ptr()"),
]
RAISES = ["torch._C._data_address(x)", "x.untyped_storage()._shared_incref()"]


def test_access_to_an_evicted_tensor() -> None:
    """Each brings the bytes back or says how to; what was being accessed when the process died closes its output."""
    assert dtr_runtime.live_bytes() >= 0  # compiled, so that the process need not
    cases = [(access, "works") for access in WORKS] + [(access, "raises") for access in RAISES]
    command = [sys.executable, "-c", PROGRAM, json.dumps(cases)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-100:] + done.stderr[-2000:]
    assert done.stdout.splitlines() == [access for access, _ in cases]


def test_a_pinned_tensor_stays_where_numpy_sees_it() -> None:
    a = torch.randn(1 << 12)
    with dtr_runtime.budget(dtr_runtime.live_bytes() + 4 * a.nbytes, heuristic="h_lru") as run:
        x = a * 2
        seen = x.numpy()
        ballast = [a + i for i in range(6)]
        del ballast
        assert run.stats.evictions > 0
        assert not dtr_runtime.evicted(x)
        assert (seen == (a + a).numpy()).all()


def test_integers_that_are_read_before_any_operator() -> None:
    """The lengths for a CTC loss, the places where a tensor is split: computed, evicted, and still known."""
    scores, targets = torch.randn(40, 4, 8).log_softmax(-1), torch.randint(1, 8, (4, 10))

    def loss_and_parts(push_out: Callable[[], None]) -> list[torch.Tensor]:
        lengths = (torch.arange(1 << 12) % 3 + 5)[:4]
        places = torch.arange(1 << 12)[3:12:4] * 3
        push_out()
        loss = torch.nn.functional.ctc_loss(scores, targets, lengths * 0 + 40, lengths)
        parts = torch.tensor_split(scores, tensor_indices_or_sections=places)
        return [loss, *parts, *scores.tensor_split(places)]

    def push_out() -> None:
        with contextlib.suppress(dtr_runtime.BudgetExceeded):
            torch.empty(1 << 20)

    expected = loss_and_parts(lambda: None)
    with dtr_runtime.budget(dtr_runtime.live_bytes() + (1 << 18)) as run:
        found = loss_and_parts(push_out)
    assert run.stats.rematerializations > 0
    assert all(map(torch.equal, found, expected))


def rests(x: torch.Tensor) -> bool:
    """Whether the bytes are resident and stay so when everything evictable goes."""
    with contextlib.suppress(dtr_runtime.BudgetExceeded):
        torch.empty(1 << 20)
    return not dtr_runtime.evicted(x)


def after_access(owner: Any, name: str) -> tuple[bool, bool]:
    """Do the bytes stay that the function was given, and does what was computed from them?"""
    with dtr_runtime.budget(dtr_runtime.live_bytes() + (1 << 18)):
        x = torch.ones(1 << 12, dtype=torch.int64) * 2
        y = x * 3
        assert not rests(x)
        with contextlib.suppress(TypeError):  # it may need more; whatever it does, it has been given these bytes
            getattr(owner, name)(x.untyped_storage() if owner is torch.UntypedStorage else x)
        return rests(x), rests(y)


STAYS, EXPOSED = (True, False), (True, True)
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


@pytest.mark.parametrize(
    ("owner", "names", "kept"),
    [
        (torch.Tensor, ("tolist", "data_ptr", "__deepcopy__", "__reduce_ex__", "tensor_split"), STAYS),
        (torch.UntypedStorage, ("data_ptr", "is_shared", "resize_"), STAYS),
        (torch, ("ctc_loss", "tensor_split", *RECURRENT), STAYS),
        (torch._VF, (*RECURRENT, "_pad_packed_sequence"), STAYS),
        (torch, [f"_sobol_engine_{name}" for name in ("initialize_state_", "scramble_", "ff_", "draw")], EXPOSED),
        (torch._C, ("_to_dlpack", "_to_dlpack_versioned"), EXPOSED),
        (torch.utils.dlpack, ("to_dlpack",), EXPOSED),
        (torch.Tensor, ("numpy", "__dlpack__", "share_memory_", "apply_", "map_", "map2_"), EXPOSED),
        (torch.UntypedStorage, ("share_memory_", "_share_fd_cpu_", "_share_filename_cpu_"), EXPOSED),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bytes_stay_where_raw_pointers_are_taken(owner: Any, names: Sequence[str], kept: tuple[bool, bool]) -> None:
    """One by one: a function that nobody misses elsewhere would be missed here."""
    assert {name: after_access(owner, name) for name in names} == dict.fromkeys(names, kept)


def test_no_other_library_is_offered_functions_that_evade_the_accessors() -> None:
    assert hasattr(torch.Tensor, "__dlpack_c_exchange_api__")
    with dtr_runtime.budget("1GiB"):
        assert not hasattr(torch.Tensor, "__dlpack_c_exchange_api__")
    assert hasattr(torch.Tensor, "__dlpack_c_exchange_api__")
