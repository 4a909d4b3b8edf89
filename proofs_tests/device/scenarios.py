# SPDX-License-Identifier: Apache-2.0
"""What is tried on a device, in a process of its own:

    python -m proofs_tests.device.scenarios [--thorough] DEVICE SCENARIO...

prints what it covered, one claim's scope a line. Any failed assertion fails the process.
"""

import contextlib
import gc
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import dtr_reference
import dtr_runtime as dtr
from dtr_spec.monitor import check

from ..agreement import first_difference
from ..differential.corpus import every_rule, training_program
from ..differential.test_torch_programs import evaluated
from ..models.bounded import Bounded, Eager, Training, bounded, eager, least_budget, sufficient
from ..models.training import bits
from ..models.zoo import ZOO
from ..runtime.awkward import PROGRAMS
from ..strategies.settings import SETTINGS, is_set
from . import dram

MODELS = ("gpt", "resnet", "mixture", "gan", "gpt_softmax", "treelstm", "unet", "custom", "checkpointed")
"""The first four always, all in a thorough run."""
AWKWARD = (
    *("views_of_views", "writes_through_views", "index_writes", "data_dependent_shapes", "out_variants"),
    *("resized_and_set", "saved_tensor_hooks", "exceptions_midway"),
    *("linear_algebra", "gradients_of_gradients", "custom_function_and_hooks", "memory_formats"),
    *("normalized_weights", "optimizers", "many_outputs", "mixture_with_index_add", "threads_and_scripts"),
    *("padded_and_nested", "attention_kinds"),
)
"""Those that the test device can run without a budget; the first eight always."""

SIZE = 1 << 14
"""Elements of a tensor of single precision in the smaller scenarios."""
BYTES = 4 * SIZE


def allocated() -> int:
    """Bytes, as torch's allocator counts them."""
    return torch.accelerator.memory_allocated()


def peak() -> int:
    """The most bytes allocated since the statistic was reset, which entering a scope does."""
    return torch.accelerator.max_memory_allocated()


def within(extra: int, device: str, **options: Any) -> dtr.budget:
    """A budget for so many bytes more than there are."""
    return dtr.budget(allocated() + extra, device=device, **options)


def accepted(run: Any) -> None:
    """The trace is a run of the machine."""
    verdict = check(run.trace)
    assert verdict, verdict.reason


# --- scenarios ---


def models(device: str, thorough: bool) -> Iterator[str]:
    """Training under bisected least budgets."""
    for name in MODELS if thorough else MODELS[:4]:
        training = Training(ZOO[name], "adamw", 2, device=device)
        alone = eager(training)
        least = least_budget(lambda budget: checked(training, budget, alone), alone.floor, sufficient_(training, alone))  # noqa: B023
        accepted(least.run)
        assert least.run.stats.evictions > 0
        yield f"{name} from {least.budget / alone.peak:.0%} of eager's peak"


def decisions(device: str, _thorough: bool) -> Iterator[str]:
    """Where blocks have the sizes asked for, what is replayed asks for the same bytes as the first time."""
    if device == "dram":
        torch.get_device_module(device).set_slack(0)
    for name, percent in (("gpt", 50), ("resnet", 70), ("mixture", 90), ("gan", 80)):
        training = Training(ZOO[name], "adamw", 1, device=device)
        result = bounded(training, eager(training).peak * percent // 100)
        assert result.snapshot is not None, name
        assert result.run.stats.rematerializations > 0
        expected = dtr_reference.run(result.run.program, result.budget, "h_dtr_eq").trace
        difference = first_difference(expected.events, result.run.trace.events)
        assert difference is None, f"{name}: {difference}"
        yield f"{name}: {len(expected.events):,} events at {percent}% of eager's peak"


def sufficient_(training: Training, alone: Eager) -> Bounded:
    return sufficient(lambda budget: checked(training, budget, alone), alone)


def checked(training: Training, budget: int, alone: Eager) -> Bounded:
    """If the budget suffices: eager's bits, and no byte more than the budget but what the runtime owns up to."""
    result = bounded(training, budget)
    if result.snapshot is not None:
        assert result.snapshot.differences(alone.snapshot) == []
        assert result.observation.peak <= budget + max(result.run.stats.overshoots.values(), default=0)
    return result


def programs(device: str, thorough: bool) -> Iterator[str]:
    """Random programs with views and updates in place."""
    finished = evictions = 0
    with torch.device(device):
        for program in (every_rule(), *(training_program(seed, 3 + seed % 6) for seed in range(20 if thorough else 3))):
            expected = evaluated(program)
            with dtr.budget("1GiB", device=device) as run:
                evaluated(program)
            for tenths in (9, 7, 5):
                try:
                    with dtr.budget(run.stats.peak * tenths // 10, device=device) as tight:
                        seen = evaluated(program)
                        assert peak() <= run.stats.peak * tenths // 10
                except dtr.BudgetExceeded:
                    continue
                assert len(seen) == len(expected)
                assert all(map(torch.equal, seen, expected))
                accepted(tight)
                finished += 1
                evictions += tight.stats.evictions
    assert finished >= 4
    assert evictions >= 50
    yield f"{finished} random programs, {evictions:,} evictions"


def awkward(device: str, thorough: bool) -> Iterator[str]:
    """Awkward PyTorch, down to a sixteenth of the peak."""
    for name in AWKWARD if thorough else AWKWARD[:8]:
        expected = outcome(name, device)
        with dtr.budget("1GiB", device=device) as run:
            found = outcome(name, device)
        assert found == expected, name
        low, high = 0, run.stats.peak
        for _ in range(4):
            middle = (low + high) // 2
            try:
                with dtr.budget(middle, device=device) as run:
                    found = outcome(name, device)
                    highest = peak()
            except dtr.BudgetExceeded:
                low = middle
                continue
            high = middle
            assert found == expected, name
            assert highest <= middle + max(run.stats.overshoots.values(), default=0), name
            accepted(run)
        yield "1 awkward program"


def outcome(name: str, device: str) -> list[Any]:
    torch.manual_seed(0)
    gc.collect()
    with torch.device(device):
        return [bits(tensor) for tensor in PROGRAMS[name]()]


def small(device: str, _thorough: bool) -> Iterator[str]:
    """Everything below that works on any device."""
    for each in SMALL:
        each(device)
        gc.collect()
        yield "1 small scenario"


def bytes_are_the_allocators(device: str) -> None:
    """M is the allocator's own count, between calls."""
    a = torch.randn(SIZE, device=device)
    with within(4 * BYTES, device, heuristic="h_lru") as run:
        kept = [a * i for i in range(8)]
        for i in range(len(kept)):
            kept[i].sum()
            assert run.stats.used == allocated()
        assert run.stats.evictions > 0
        assert run.stats.reserved >= run.stats.peak
        assert peak() <= run.stats.budget
        assert all(torch.equal(tensor, a * i) for i, tensor in enumerate(kept))
        del kept


def what_dies_makes_room(device: str) -> None:
    """Temporaries that were dropped are noticed, and nothing else goes."""
    a = torch.randn(SIZE, device=device)
    with within(5 * BYTES, device, heuristic="h_lru") as run:
        oldest = a + 1
        for i in range(50):
            a = (a * 0.5 + i).tanh()
            assert not dtr.evicted(oldest)
        del a
        long_since = [oldest + 1]
        oldest.sum()
        oldest.sum()
        long_since.clear()
        pair = [oldest * 2, oldest * 3]
        assert not any(map(dtr.evicted, [oldest, *pair]))
        assert run.stats.rematerializations == 0


def an_input_outlives_its_last_tensor(device: str) -> None:
    """What a recipe reads stays, although the client has dropped it."""
    x = torch.arange(SIZE, dtype=torch.float32).to(device)
    expected = (x * 2).cpu()
    with within(5 * BYTES, device, heuristic="h_lru") as run:
        y, z = x * 2, x * 3  # more bytes than x: it is not given up for them
        del x
        ballast = [y.new_ones(SIZE) + i for i in range(6)]
        assert dtr.evicted(y)
        assert dtr.evicted(z)
        del ballast
        assert torch.equal(y.cpu(), expected)
    assert run.stats.rematerializations > 0


def the_host_reads_and_writes(device: str) -> None:
    """Host tensors are not managed: a recipe keeps the values of small ones, and large ones end recipes."""
    a = torch.arange(SIZE, dtype=torch.float32).to(device)
    scalar, batch = torch.tensor(3.0), torch.arange(SIZE, dtype=torch.float32)
    with within(6 * BYTES, device, heuristic="h_lru") as run:
        x, y, overwritten = a * scalar, batch.to(device), a * 2
        overwritten.copy_(batch)
        z = y + 1
        scalar.zero_()
        batch.zero_()
        ballast = [a + i for i in range(8)]
        assert dtr.evicted(x)
        assert dtr.evicted(z)
        assert x[2].item() == 6.0
        assert z[5].item() == 6.0
        assert overwritten[7].item() == 7.0
        copied = torch.empty(SIZE)
        copied.copy_(x)
        assert torch.equal(copied, x.cpu())
        del ballast
    assert run.stats.rematerializations > 0


def results_go_where_they_are_told(device: str) -> None:
    """``out=`` with memory to be found, resized, and written in place."""
    a = torch.arange(SIZE, dtype=torch.float32).to(device)
    with within(6 * BYTES, device, heuristic="h_lru"):
        out = torch.empty(0, device=device)
        torch.add(a, 1, out=out)
        doubled = out * 2
        torch.mul(a, 3, out=out)
        out.resize_(2 * SIZE)
        out[SIZE:] = 7
        ballast = [a + i for i in range(5)]
        del ballast
        assert torch.equal(doubled.cpu(), (a.cpu() + 1) * 2)
        assert torch.equal(out.cpu()[:SIZE], a.cpu() * 3)
        assert (out.cpu()[SIZE:] == 7).all()


def draws_are_repeated(device: str) -> None:
    """From the default generator and one of the user's; both end where they end without a budget."""

    def draw() -> tuple[list[Tensor], Tensor, Tensor]:
        torch.manual_seed(0)
        own = torch.Generator(device).manual_seed(1)
        ones = torch.ones(SIZE, device=device)
        drawn = [torch.nn.functional.dropout(ones, 0.5) for _ in range(4)]
        drawn += [torch.rand(SIZE, device=device, generator=own) for _ in range(4)]
        state = torch.get_device_module(device).get_rng_state()
        return [tensor.cpu() for tensor in drawn], state, own.get_state()

    expected = draw()
    with within(5 * BYTES, device, heuristic="h_lru") as run:
        found = draw()
    assert run.stats.rematerializations > 0
    assert all(map(torch.equal, found[0], expected[0]))
    assert all(map(torch.equal, found[1:], expected[1:]))


def replays_use_the_settings_of_the_first_run(device: str) -> None:
    """The host's and the device's; afterwards those of the moment hold again."""
    a = torch.randn(SIZE, device=device)
    for where, settings in SETTINGS.items():
        for name, setting in settings.items():
            at_first = setting.get()
            with within(5 * BYTES, device, heuristic="h_lru"):
                zeros = is_set(a, where, name)
                setting.set(setting.other)
                try:
                    ballast = [a + i for i in range(8)]
                    assert dtr.evicted(zeros), name
                    del ballast
                    assert not zeros.any().item(), name
                    assert setting.get() == setting.other, name
                finally:
                    setting.set(at_first)


def precisions_are_inherited_as_before(device: str) -> None:
    """After a replay; a default that comes with the device is such again."""
    read, write = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    a = torch.randn(SIZE, device=device)
    assert read("cuda", "conv") == "tf32"
    try:
        with within(5 * BYTES, device, heuristic="h_lru"):
            write("generic", "all", "ieee")
            first = a + 1
            write("generic", "all", "none")
            ballast = [a + i for i in range(8)]
            assert dtr.evicted(first)
            del ballast
            first.sum()
        assert read("cuda", "conv") == "tf32"
        write("generic", "all", "bf16")
        assert read("cuda", "conv") == "none"
    finally:
        write("generic", "all", "none")


def packed_data_can_be_evicted(device: str) -> None:
    """The sizes of the steps, which are read through a pointer, are the host's."""
    a = torch.randn(16, 8, SIZE // 128, device=device)
    with within(5 * BYTES, device, heuristic="h_lru"):
        data, sizes = torch.ops.aten._pack_padded_sequence(a, torch.tensor([16] * 8), False)
        ballast = [a + i for i in range(8)]
        assert dtr.evicted(data)
        del ballast
        assert torch.equal(data, a.view(data.shape))
        assert sizes.tolist() == [8] * 16


@torch.library.custom_op("dtr_device::increment_", mutates_args={"x"})
def increment_(x: Tensor) -> None:
    """Of another library: it may write before it asks for memory."""
    x.add_(1)


def copies_are_no_scratch(device: str) -> None:
    """What a call overwrites is copied, each time, and not taken for what the operator asks for."""
    a = torch.zeros(SIZE, device=device)
    with within(BYTES + BYTES // 2, device) as run:
        for _ in range(3):
            increment_(a)
    assert a.unique().tolist() == [3]
    accepted(run)


def what_is_shared_stays(device: str) -> None:
    """Other processes may write it."""
    a = torch.ones(SIZE, device=device)
    with within(6 * BYTES, device, heuristic="h_lru"):
        shared = a * 2
        before = shared * 3
        ballast = [a + i for i in range(8)]
        del ballast
        assert dtr.evicted(shared)
        assert dtr.evicted(before)
        with contextlib.suppress(RuntimeError):
            shared.untyped_storage()._share_cuda_()
        ballast = [a + i for i in range(3)]
        del ballast
        assert not dtr.evicted(shared)
        assert not dtr.evicted(before)


def tensors_are_set(device: str) -> None:
    """To what was evicted, and to more than it held."""
    a = torch.ones(SIZE, device=device)
    with within(6 * BYTES, device, heuristic="h_lru") as run:
        evicted = a * 2
        ballast = [a + i for i in range(8)]
        del ballast
        assert dtr.evicted(evicted)
        view = torch.empty(0, device=device).set_(evicted.untyped_storage(), 0, (SIZE + 8,), (1,))
        view[SIZE:] = 1
        ballast = [a + i for i in range(6)]
        del ballast
        assert view.sum().item() == 2 * SIZE + 8
        assert evicted.unique().tolist() == [2]
        assert run.stats.used == allocated()
    accepted(run)


def a_step_out_of_memory_is_undone(device: str) -> None:
    """What a call that does not fit had before is what it has afterwards."""
    a = torch.randn(SIZE, device=device)
    kept = a.cpu()
    with within(2 * BYTES, device):
        b = a + 1
        with pytest.raises(dtr.BudgetExceeded, match="cat") as raised:
            torch.cat([a, b, a, b])
        assert raised.value.need >= 4 * BYTES
        b.add_(a)
    assert torch.equal(b.cpu(), kept + 1 + kept)


def every_option_works(device: str) -> None:
    a = torch.randn(SIZE, device=device)
    options: list[dict[str, Any]] = [
        {"verify": True},
        {"clock": "measured"},
        {"deallocation": "ignore"},
        {"deallocation": "banish"},
        {"record": False},
        *({"heuristic": name} for name in dtr_reference.HEURISTICS),
    ]
    for option in options:
        with within(6 * BYTES, device, **option) as run:
            kept = [a * i for i in range(9)]
            assert torch.equal(kept[4], a * 4), option
            del kept
        assert run.stats.evictions > 0, option


def other_streams_are_refused(device: str) -> None:
    a = torch.randn(SIZE, device=device)
    with within(4 * BYTES, device):
        before = change_stream(device)
        with pytest.raises(RuntimeError, match="stream"):
            a.add(1)
        with pytest.raises(RuntimeError, match="stream"):
            torch.ops.aten.set_(a)
        before()
        assert torch.isfinite(a + 1).all()


def change_stream(device: str) -> Callable[[], object]:
    """Make another stream current; what makes the former current again."""
    if device == "dram":
        module = torch.get_device_module(device)
        before = module.exchange_stream(1)
        return lambda: module.exchange_stream(before)
    context = torch.cuda.stream(torch.cuda.Stream())
    context.__enter__()
    return lambda: context.__exit__(None, None, None)


SMALL = (
    bytes_are_the_allocators,
    what_dies_makes_room,
    an_input_outlives_its_last_tensor,
    the_host_reads_and_writes,
    results_go_where_they_are_told,
    draws_are_repeated,
    packed_data_can_be_evicted,
    precisions_are_inherited_as_before,
    replays_use_the_settings_of_the_first_run,
    copies_are_no_scratch,
    what_is_shared_stays,
    tensors_are_set,
    a_step_out_of_memory_is_undone,
    every_option_works,
    other_streams_are_refused,
)


def unseen_scratch(device: str, _thorough: bool) -> Iterator[str]:
    """The first product exceeds the budget by its scratch and the runtime says so; the next has room made for it."""
    side = 128
    bytes_ = 4 * side * side
    with torch.device(device):
        x = torch.randn(side, side)
        torch.get_device_module(device).manual_seed_all(0)
        with within(4 * bytes_, device, heuristic="h_lru") as run:
            ballast = [x + i for i in range(3)]
            first = x @ x  # its result fits; of its scratch, as large as one and a half of them, nothing is known
            over = peak() - run.stats.budget
            assert over == bytes_ * 3 // 2
            assert run.stats.overshoots == {"aten::mm": over}
            torch.accelerator.reset_peak_memory_stats()
            second = (x + 1) @ x
            assert peak() <= run.stats.budget
            assert run.stats.overshoots == {"aten::mm": over}
            del ballast
        accepted(run)
        assert torch.equal(first, x @ x)
        assert torch.equal(second, (x + 1) @ x)
    yield "one operator with scratch"


@torch.library.custom_op("dtr_device::repeated", mutates_args=())
def repeated(x: Tensor, times: int) -> Tensor:
    """Written in Python: what runs out of memory inside comes as Python's exception."""
    return torch.cat([x] * times)


@torch.library.custom_op("dtr_device::increment_and_repeat", mutates_args={"x"})
def increment_and_repeat(x: Tensor, times: int) -> Tensor:
    """Written in Python, and has overwritten before memory is out."""
    x.add_(1)
    return torch.cat([x] * times)


def an_allocator_out_of_memory(device: str, _thorough: bool) -> Iterator[str]:
    """The device has less than the budget: the runtime evicts and tries again, or lets torch say so."""
    module = torch.get_device_module(device)
    a = torch.randn(SIZE, device=device)
    module.set_capacity(allocated() + 6 * BYTES)
    with within(64 * BYTES, device, heuristic="h_lru") as run:
        kept = [a * i for i in range(12)]
        assert run.stats.evictions >= 6
        kept = [tensor.sum().item() for tensor in kept]
        with pytest.raises(torch.OutOfMemoryError) as raised:
            a.repeat(16)
        assert not isinstance(raised.value, dtr.BudgetExceeded)
        del raised
        ballast = [a + i for i in range(6)]
        assert torch.equal(repeated(a, 3), torch.cat([a, a, a]))
        del ballast
        ones = torch.ones_like(a)
        with pytest.raises(torch.OutOfMemoryError):
            increment_and_repeat(ones, 16)
        assert ones.unique().tolist() == [1]
    module.set_capacity(1 << 34)
    assert kept == [(a * i).sum().item() for i in range(12)]
    accepted(run)
    yield "a device smaller than its budget"


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (models, decisions, programs, awkward, small, unseen_scratch, an_allocator_out_of_memory)
}

if __name__ == "__main__":
    thorough = "--thorough" in sys.argv
    device, *chosen = (argument for argument in sys.argv[1:] if argument != "--thorough")
    warnings.simplefilter("ignore")
    if device == "dram":
        dram.register()
    gc.freeze()  # what was imported is no garbage, and need not be looked through each time
    for scenario in chosen:
        for covered in SCENARIOS[scenario](device, thorough):
            print(covered, flush=True)
