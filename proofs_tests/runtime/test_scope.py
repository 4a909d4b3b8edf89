# SPDX-License-Identifier: Apache-2.0
"""The promises of the scope itself: what it raises, what it leaves behind, and what may happen inside it."""

import copy
import gc
import io
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torch.utils.dlpack
from torch import Tensor, nn
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils.data import DataLoader, TensorDataset

import dtr_runtime as dtr
from dtr_runtime.replacements import Replacements
from dtr_spec import __main__ as spec
from dtr_spec.policy import HeuristicError, StorageView

from ..claims import claim

pytestmark = pytest.mark.usefixtures("uncollected")

SIZE = 1 << 12

SLACK = 1 << 10
"""Bytes for the numbers that operators take; less than one tensor of ``SIZE`` floats."""


def within(extra: int, **options: Any) -> dtr.budget:
    """A budget of ``extra`` bytes for what is not alive yet."""
    return dtr.budget(dtr.live_bytes() + extra, **options)


def room(times: int) -> dtr.budget:
    """A budget for so many tensors of ``SIZE`` floats, which evicts what was not used for longest."""
    return within(times * SIZE * 4 + SLACK, heuristic="h_lru")


def push_out(times: int) -> None:
    """Evict whatever can be evicted under ``room(times)``."""
    torch.empty(times * SIZE)


@dataclass
class Training:
    """Batch norm, dropout and momentum: a failing step could leave a trace in any of them."""

    model: nn.Module
    descent: torch.optim.Optimizer
    x: Tensor
    y: Tensor

    @classmethod
    def new(cls) -> "Training":
        """Always the same."""
        torch.manual_seed(0)
        stages = (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh()) for _ in range(3))
        model = nn.Sequential(*stages, nn.Flatten(), nn.Dropout(0.3), nn.Linear(256, 10))
        descent = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return cls(model, descent, torch.randn(16, 4, 8, 8), torch.randint(10, (16,)))

    def backward(self) -> None:
        """The gradients."""
        self.descent.zero_grad()
        F.cross_entropy(self.model(self.x), self.y).backward()

    def step(self) -> None:
        """One step."""
        self.backward()
        self.descent.step()

    def modified(self) -> list[Tensor]:
        """What a step overwrites."""
        return [*self.model.parameters(), *self.model.buffers(), torch.get_rng_state()]

    def saved(self) -> Any:
        """All that ``restore`` needs."""
        return copy.deepcopy((self.model.state_dict(), self.descent.state_dict(), torch.get_rng_state()))

    def restore(self, saved: Any) -> None:
        """As it was."""
        self.model.load_state_dict(saved[0])
        self.descent.load_state_dict(saved[1])
        torch.set_rng_state(saved[2])

    def state(self) -> list[Tensor]:
        """All that a step leaves behind."""
        momentum = (t for entry in self.descent.state.values() for t in entry.values() if isinstance(t, Tensor))
        return [*self.modified(), *momentum]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    """Bit for bit."""
    return len(a) == len(b) and all(map(torch.equal, a, b))


def exceeded(step: Callable[[], object], extra: int) -> dtr.BudgetExceeded | None:
    """Take a step within ``extra`` bytes besides what is alive, and give the error that it raised."""
    try:
        with within(extra):
            step()
    except dtr.BudgetExceeded as error:
        return error
    return None


# What is raised


def test_the_error_names_all_bytes_and_the_least_budget_known() -> None:
    a, error = torch.randn(SIZE), None
    with room(3) as run:
        kept = a * 2
        with pytest.raises(torch.OutOfMemoryError) as caught:
            torch.empty(4 * SIZE)
    error = caught.value
    assert isinstance(error, dtr.BudgetExceeded)
    assert error.need == 4 * a.nbytes
    assert error.budget == run.stats.budget
    assert error.evictable == 0
    assert error.used + error.need > error.budget
    assert error.locked + error.pinned <= error.used
    assert error.least == error.used - error.evictable + error.need > error.budget
    assert dtr.BudgetExceeded("an operator", 1, 10, 2, 3, 5, 12).least == 10 - 5 + 1
    for number in (error.need, error.used, error.locked, error.pinned, error.evictable, error.budget, error.least):
        assert str(number) in str(error)
    assert torch.equal(kept, a + a)


def test_errors_travel_between_processes() -> None:
    with pytest.raises(dtr.BudgetExceeded) as raised, within(1000):
        torch.empty(5000)
    for error in (raised.value, dtr.NondeterministicOperator("aten::mul", "other bits")):
        arrived = pickle.loads(pickle.dumps(error))
        assert (type(arrived), str(arrived)) == (type(error), str(error))


def test_the_error_tells_the_bytes_in_use_apart() -> None:
    """An input that can be computed again is locked, a parameter cannot be, and what could go has gone."""
    a = torch.randn(SIZE)
    before = dtr.live_bytes()
    with within(4 * a.nbytes):
        locked, spare = a[: SIZE // 2].sin(), a.cos()
        with pytest.raises(dtr.BudgetExceeded) as caught:
            locked.expand(9, -1).contiguous()
        del locked, spare
    error = caught.value
    assert (error.where, error.need) == ("aten::clone", 9 * a.nbytes // 2)
    assert (error.pinned, error.locked, error.evictable) == (before, a.nbytes // 2, 0)
    assert error.used == error.pinned + error.locked
    assert f"locked by calls under way: {error.locked}, impossible to compute again: {error.pinned}" in str(error)
    assert error.least == before + 5 * a.nbytes
    with dtr.budget(error.least):
        a[: SIZE // 2].sin().expand(9, -1).contiguous()
    with dtr.budget(error.least - 1), pytest.raises(dtr.BudgetExceeded):
        a[: SIZE // 2].sin().expand(9, -1).contiguous()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"size": -1}, "positive"),
        ({"size": 0}, "positive"),
        ({"size": 0.0}, "fraction"),
        ({"size": 1.5}, "fraction"),
        ({"size": "12 parsecs"}, "12 parsecs"),
        ({"size": "1MiB", "device": "mps"}, "mps"),
        ({"size": "1MiB", "clock": "sundial"}, "sundial"),
        ({"size": "1MiB", "heuristic": "h_horoscope"}, "h_horoscope"),
        ({"size": "1MiB", "deallocation": "never"}, "never"),
    ],
    ids=lambda value: repr(value),
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        dtr.budget(**arguments)
    torch.randn(3).sum()


@claim("T5", "A step that failed for want of memory, taken again with more, gives eager's bits.", method="measured")
@pytest.mark.parametrize("part", ["all of the step", "the optimizer's part"])
def test_a_step_that_failed_can_be_taken_again(part: str, claim_scope: Callable[[str], None]) -> None:
    """Wherever it failed, each parameter, buffer and generator is as before the step or as after it, never between."""
    before, after = Training.new().modified(), Training.new()
    after.step()
    calls = set()
    largest = peak() if part == "all of the step" else sum(p.nbytes for p in after.model.parameters())
    for extra in range(0, largest + 1, largest // 60):
        training = Training.new()
        start = training.saved()
        if part == "the optimizer's part":
            training.backward()
        run = None
        try:
            with within(extra) as run:
                training.step() if part == "all of the step" else training.descent.step()
        except dtr.BudgetExceeded:
            assert run is not None
            calls.add(run.stats.calls)
            changes = zip(training.modified(), before, after.modified(), strict=True)
            assert all(torch.equal(now, old) or torch.equal(now, new) for now, old, new in changes)
            training.restore(start)
            with within(2 * peak()):
                training.step()
        assert same(training.state(), after.state())
    assert len(calls) >= 3
    claim_scope(f"{len(calls)} places of failure")


@cache
def peak() -> int:
    """What a step needs besides what is alive, if nothing is evicted, in bytes. Leaves the default generator alone."""
    with torch.random.fork_rng(devices=[]):
        training = Training.new()
        with within(1 << 30, record=False) as run:
            training.step()
    return run.stats.peak - (run.stats.budget - (1 << 30))


# What is left behind


def test_leaving_makes_everything_resident_within_the_budget() -> None:
    a = torch.randn(SIZE)
    with room(6) as run:
        kept = [a * i for i in range(4)]
        push_out(4)
        assert any(map(dtr.evicted, kept))
    assert not any(map(dtr.evicted, kept))
    assert run.stats.peak <= run.stats.budget
    assert dtr.live_bytes() <= run.stats.budget
    assert same([torch.from_numpy(t.numpy()) for t in kept], [a * i for i in range(4)])


def test_leaving_with_more_than_the_budget_holds_lifts_it_and_says_so() -> None:
    a, kept = torch.randn(SIZE), []
    error = exceeded(lambda: kept.extend(a + i for i in range(9)), 4 * a.nbytes)
    assert error is not None
    assert "scope ends" in error.where
    assert not any(map(dtr.evicted, kept))
    assert same(kept, [a + i for i in range(9)])


def test_leaving_by_an_exception_keeps_it_and_all_tensors() -> None:
    a, kept = torch.randn(SIZE), []

    def interrupted() -> None:
        with room(4):
            kept.extend(a * i for i in range(3))
            push_out(4)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        interrupted()
    assert not any(map(dtr.evicted, kept))
    assert same([t.add_(1) for t in kept], [a * i + 1 for i in range(3)])


def test_a_failure_to_leave_is_noted_on_the_exception_that_left() -> None:
    a, kept = torch.randn(SIZE), []

    def interrupted() -> None:
        with room(4):
            kept.extend(a * i for i in range(9))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        interrupted()
    (note,) = list(getattr(caught.value, "__notes__", []))
    assert note.startswith("then, leaving the budget's scope: what is alive when the scope ends needs")
    assert same(kept, [a * i for i in range(9)])


def replaceable() -> list[dict[str, Any]]:
    """The attributes of whatever hands out bytes or calls compiled functions."""
    from torch._inductor.output_code import OutputCode

    owners = (torch, torch._C, torch._VF, torch.utils.dlpack, torch.Tensor, torch.UntypedStorage)
    compiled = (torch._TorchCompileInductorWrapper, *OutputCode.__subclasses__())
    return [dict(vars(owner)) for owner in (*owners, *compiled)]


def test_all_that_a_scope_replaces_is_put_back() -> None:
    before = replaceable()
    with within(SLACK):
        assert replaceable() != before
    assert replaceable() == before
    twice = Replacements()  # as on devices, where an access both pins and exposes
    for _ in range(2):
        twice.replace(torch.Tensor, "tolist", lambda access: lambda *args: access(*args))
    twice.put_back()
    assert replaceable() == before


def test_a_refused_inner_scope_leaves_the_outer_one_working() -> None:
    a = torch.randn(SIZE)
    with room(4) as run:
        kept = a * 2
        with pytest.raises(RuntimeError, match="do not nest"), dtr.budget("1GiB"):
            pass
        push_out(4)
        assert dtr.evicted(kept)
        assert kept.numpy() is not None
        assert run.stats.rematerializations == 1
    assert torch.equal(kept, a + a)


class Raises:
    """A heuristic that cannot score."""

    def score(self, storage: StorageView, clock: int) -> float:
        raise ZeroDivisionError(f"{storage.index} at {clock}")


class NotANumber:
    """A heuristic whose score cannot be compared."""

    def score(self, storage: StorageView, clock: int) -> float:
        return float("nan") if clock > 1 else 0.0


class Late:
    """A heuristic that gives up in the middle of a training."""

    def __init__(self) -> None:
        self.left = 200

    def score(self, storage: StorageView, clock: int) -> float:
        self.left -= 1
        if self.left < 0:
            raise ZeroDivisionError("gave up")
        return storage.last_access


@pytest.mark.parametrize(
    ("heuristic", "error"),
    [(Raises, ZeroDivisionError), (NotANumber, HeuristicError), (Late, ZeroDivisionError)],
)
def test_a_heuristic_that_fails_during_a_training_leaves_all_tensors_valid(
    heuristic: Callable[[], Any], error: type[Exception]
) -> None:
    after = Training.new()
    after.step()
    training = Training.new()
    start = training.saved()

    def attempt() -> None:
        with within(peak() * 4 // 5, heuristic=heuristic()):
            training.step()

    with pytest.raises(error):
        attempt()
    assert not any(map(dtr.evicted, training.modified()[:-1]))
    training.restore(start)
    training.step()
    assert same(training.state(), after.state())


def test_tensors_outlive_the_scope() -> None:
    """Backward after the scope reads what the forward pass within it saved."""

    def loss(layers: list[nn.Linear]) -> Tensor:
        h = torch.ones(64, 64)
        for layer in layers:
            h = torch.tanh(layer(h))
        return h.square().sum()

    torch.manual_seed(0)
    layers = [nn.Linear(64, 64) for _ in range(6)]
    loss(layers).backward()
    expected = [p.grad for layer in layers for p in layer.parameters()]
    for layer in layers:
        layer.zero_grad()
    with room(7) as run:
        result = loss(layers)
    assert run.stats.evictions > 0
    result.backward()
    found = [p.grad for layer in layers for p in layer.parameters()]
    assert all(f is not None and e is not None and torch.equal(f, e) for f, e in zip(found, expected, strict=True))


def test_scopes_follow_one_another() -> None:
    after, training = Training.new(), Training.new()
    for _ in range(2):
        after.step()
    torch.manual_seed(1)
    after.step()
    torch.set_rng_state(Training.new().state()[-1])
    for percent in (90, 100):
        with within(peak() * percent // 100) as run:
            training.step()
        assert run.stats.peak <= run.stats.budget
    torch.manual_seed(1)
    training.step()
    assert same(training.state(), after.state())


# What a run says of itself


@claim("T8", "A saved trace of a training is accepted by the specification's own command.", method="measured")
def test_a_saved_trace_is_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = Training.new()
    with within(peak() * 9 // 10) as run:
        training.step()
    assert run.trace.configuration == {
        "heuristic": "h_dtr_eq",
        "deallocation": "eager",
        "clock": "logical",
        "device": "cpu",
    }
    run.trace.save(tmp_path / "trace.jsonl")
    assert spec.main(["check-trace", str(tmp_path / "trace.jsonl")]) == 0
    assert capsys.readouterr().out


def test_the_numbers_agree_with_the_trace() -> None:
    training = Training.new()
    with within(peak() * 9 // 10) as run:
        training.step()
    stats, rules = run.stats, [event.rule for event in run.trace.events]
    assert stats.budget == run.trace.budget
    assert stats.peak == max(event.used for event in run.trace.events) <= stats.budget
    assert stats.used == run.trace.events[-1].used
    assert stats.calls == rules.count("execute") == rules.count("call")
    assert stats.rematerializations == rules.count("replay") > 0
    assert stats.evictions == rules.count("evict") > 0
    assert stats.slowdown == 1 + stats.rematerialized / stats.computed > 1


@torch.library.custom_op("dtr_scope::nap", mutates_args=())
def nap(x: Tensor) -> Tensor:
    """Takes long, and computes little."""
    time.sleep(0.2)
    return x + 1


def test_a_measured_clock_counts_nanoseconds_and_a_logical_one_work() -> None:
    a = torch.randn(SIZE)
    costs, overheads = {}, []
    for clock in ("logical", "measured"):
        with within(8 * a.nbytes, clock=clock) as run:
            nap(a)
        (costs[clock],) = (run.program.call(position).cost for position in run.program.reads)
        assert run.stats.computed == costs[clock]
        overheads.append(run.stats.overhead)
    assert costs["logical"] == 2 * a.nbytes // 64  # bytes read and written
    assert 200_000_000 <= costs["measured"] < 60_000_000_000
    assert all(0 < overhead < 200_000_000 for overhead in overheads)  # without the kernel


def test_logical_costs_are_bytes_and_products() -> None:
    a, b = torch.randn(32, 48), torch.randn(48, 16)
    image, weight = torch.randn(2, 3, 8, 8), torch.randn(5, 3, 3, 3)
    with within(1 << 20) as run:
        made = [a @ b, F.conv2d(image, weight)]
    moved = [a.nbytes + b.nbytes + made[0].nbytes, image.nbytes + weight.nbytes + made[1].nbytes]
    products = [32 * 48 * 16, 2 * 8 * 8 * weight.numel()]
    costs = [run.program.call(position).cost for position in run.program.reads]
    assert costs == [(bytes_ + n) // 64 for bytes_, n in zip(moved, products, strict=True)]


def test_bytes_are_told_apart_by_why_they_stay() -> None:
    """A parameter, what is pinned, held as what it read was overwritten, born so, kept aside, and evictable."""
    a, count, running = torch.randn(SIZE), torch.ones(1), torch.zeros(SIZE)
    gc.collect()
    before = dtr.live_bytes()
    with within(1 << 20) as run:
        source = a.sin()
        held = source[: SIZE // 2].cos()
        source.exp_()
        pinned = a[:8].exp()
        dtr.pin(pinned)
        kept_aside = counted(a, count)
        born_held = counted(a[: SIZE // 8], running)
        found = run.stats
    evictable = source.nbytes + kept_aside.nbytes
    assert (found.held, found.born_held) == (held.nbytes, born_held.nbytes)
    assert (found.constant, found.pinned) == (before, pinned.nbytes)
    assert (found.kept, found.evictable) == (count.nbytes, evictable)
    sorts = (found.constant, found.held, found.born_held, found.pinned, found.kept, found.evictable)
    assert found.used == sum(sorts)


@torch.library.custom_op("dtr_scope::counted", mutates_args={"count"})
def counted(x: Tensor, count: Tensor) -> Tensor:
    """Reads what it overwrites."""
    result = x * count[:1]
    count.neg_()
    return result


def test_without_a_record_the_same_is_done() -> None:
    runs, tight = [], peak() * 9 // 10
    for record in (True, False):
        training = Training.new()
        with within(tight, record=record) as run:
            training.step()
        runs.append((run, training.state()))
    assert same(runs[0][1], runs[1][1])
    recorded, unrecorded = runs[0][0].stats, runs[1][0].stats
    assert (recorded.evictions, recorded.rematerialized) == (unrecorded.evictions, unrecorded.rematerialized)
    assert runs[0][0].trace.events
    assert not runs[1][0].trace.events


# What may happen inside


def test_collective_operators_are_refused_by_name() -> None:
    a = torch.ones(SIZE)
    torch.distributed.init_process_group("fake", rank=0, world_size=2, store=FakeStore())
    try:
        with room(4), pytest.raises(RuntimeError, match="c10d::allreduce_ writes what dtr_runtime cannot see"):
            torch.distributed.all_reduce(a)
        torch.distributed.all_reduce(a)
    finally:
        torch.distributed.destroy_process_group()


def test_verification_notices_a_write_behind_the_operators() -> None:
    """Through memory shared with NumPy bytes change and nothing tells PyTorch: the recipe gives another value."""
    a = torch.randn(SIZE)
    shared = a.numpy()

    def written_behind() -> None:
        with within(8 * a.nbytes + SLACK, heuristic="h_lru", verify=True):
            b = a * 2
            shared.fill(0)
            push_out(8)
            b.sum()

    with pytest.raises(dtr.NondeterministicOperator, match="aten::mul"):
        written_behind()


def test_a_scope_without_end_ends_with_its_process() -> None:
    program = (
        "import torch, dtr_runtime as dtr\n"
        "a = torch.randn(4096)\n"
        "scope = dtr.budget(dtr.live_bytes() + 4 * a.nbytes, heuristic='h_lru')\n"
        "scope.__enter__()\n"
        "b = a * 2\n"
        "torch.empty(4 * 4096 - 8)\n"
        "assert dtr.evicted(b)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_interrupted_generator_leaves_its_scope() -> None:
    a = torch.randn(SIZE)

    def doubled() -> Generator[Tensor, None, None]:
        with room(8):
            b = a * 2
            push_out(8)
            yield b

    values = doubled()
    b = next(values)
    assert dtr.evicted(b)
    values.close()
    assert not dtr.evicted(b)
    assert torch.equal(b, a + a)


def test_a_child_process_computes_again_for_itself() -> None:
    a = torch.randn(SIZE)
    data = TensorDataset(torch.arange(64.0).view(16, 4))
    with room(8):
        kept = a * 2
        push_out(8)
        found = [x for (x,) in DataLoader(data, batch_size=4, num_workers=1)]
    assert torch.equal(torch.cat(found), data.tensors[0])
    assert torch.equal(kept, a + a)


def test_a_heuristic_may_use_tensors_and_drop_them() -> None:
    a, dropped = torch.randn(SIZE), []

    class Careless:
        def score(self, storage: StorageView, clock: int) -> float:
            dropped.clear()
            return storage.last_access + torch.ones(4).sum().item()

    with within(6 * a.nbytes + SLACK, heuristic=Careless()):
        dropped.append(a * 5)
        kept = a * 2
        push_out(6)
        assert torch.equal(kept, a + a)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["deepcopy", "pickle"]
)
def test_an_evicted_tensor_is_copied(duplicate: Callable[[Any], Any]) -> None:
    a = torch.randn(SIZE)
    with room(12):
        kept = a * 2
        push_out(12)
        assert dtr.evicted(kept)
        twin = duplicate(kept)
        assert torch.equal(twin, kept)
        twin.zero_()
    assert torch.equal(kept, a + a)


def test_a_model_is_saved_and_loaded() -> None:
    training = Training.new()
    with within(2 * peak()):
        training.step()
        file = io.BytesIO()
        torch.save(training.model.state_dict(), file)
        file.seek(0)
        loaded = torch.load(file)
    assert same(list(loaded.values()), list(training.model.state_dict().values()))


def test_another_threads_tensors_are_its_own() -> None:
    """A scope holds for the thread that entered it; what others compute is right, and counted."""
    a = torch.randn(SIZE)
    with room(8), ThreadPoolExecutor(1) as pool:
        kept = a * 2
        push_out(8)
        other = pool.submit(lambda: torch.arange(float(SIZE)).exp().sum().item()).result(timeout=60)
        assert threading.active_count() > 1
        assert torch.equal(kept, a + a)
    assert other == torch.arange(float(SIZE)).exp().sum().item()


def test_another_thread_reads_an_evicted_tensor_or_is_told() -> None:
    a = torch.randn(SIZE)
    with room(8), ThreadPoolExecutor(1) as pool:
        kept = a * 2
        push_out(8)
        assert dtr.evicted(kept)
        with pytest.raises(RuntimeError, match=r"bytes have been evicted .* call dtr_runtime.pin\(tensor\) first"):
            pool.submit(torch.sum, kept).result(timeout=60)
        reading = pool.submit(lambda: kept.tolist())
        if (error := reading.exception(timeout=60)) is not None:
            assert isinstance(error, RuntimeError)
            assert "dtr_runtime" in str(error)
        else:
            assert reading.result() == (a + a).tolist()
    assert torch.equal(kept, a + a)


def test_a_scope_is_left_in_another_thread() -> None:
    """The first one can enter the next scope."""
    a = torch.randn(SIZE)
    with ThreadPoolExecutor(1) as pool:
        for factor in range(4):
            scope = room(8)
            scope.__enter__()
            kept = a * factor
            push_out(8)
            assert dtr.evicted(kept)
            pool.submit(scope.__exit__, None, None, None).result(timeout=60)
            assert not dtr.evicted(kept)
            if factor % 2:  # what is computed between scopes makes no difference
                assert torch.equal(kept, a * factor)
            with torch.inference_mode():  # whose end puts back the thread's keys
                assert torch.equal(kept, a * factor)
            del kept


def test_a_data_loader_works_inside() -> None:
    data = TensorDataset(torch.randn(64, 16), torch.arange(64))

    def batches() -> list[list[Tensor]]:
        loader = DataLoader(data, batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(1))
        return [[x.mul(2), y] for x, y in loader]

    with room(8):
        found = batches()
        push_out(7)
    assert all(same(a, b) for a, b in zip(found, batches(), strict=True))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(mode: Callable[[], Any]) -> None:
    a = torch.randn(SIZE)
    with room(6), mode():
        kept = torch.tanh(a).mul_(2)
        push_out(6)
        assert dtr.evicted(kept)
        assert torch.equal(kept, torch.tanh(a) * 2)
        push_out(5)
    assert torch.equal(kept, torch.tanh(a) * 2)


def test_inference_tensors_come_back_outside_inference_mode() -> None:
    a = torch.randn(SIZE)
    with room(6):
        with torch.inference_mode():
            kept = torch.tanh(a).mul_(2)
        push_out(6)
        assert dtr.evicted(kept)
        assert torch.equal(kept, torch.tanh(a) * 2)
    assert kept.is_inference()
