# SPDX-License-Identifier: Apache-2.0
"""Rarely taken paths of the runtime that were once wrong, each in its smallest form."""

import contextlib
import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch._ops import HigherOrderOperator

import dtr_runtime as dtr
from dtr_spec.monitor import check
from dtr_spec.policy import StorageView
from dtr_spec.program import Call

from .tight import Step, tight

BUDGET = 1 << 26


def push_out() -> None:
    """A demand of the whole budget cannot be met, but makes all that is evictable go."""
    with contextlib.suppress(dtr.BudgetExceeded):
        torch.empty(BUDGET, dtype=torch.uint8)


def test_a_slice_of_a_storage_has_its_bytes() -> None:
    """It is a storage of its own over the same memory: what is written through it is written to the tensor."""
    with dtr.budget(BUDGET):
        x = torch.ones(1000) * 3
        y = x * 2
        part = torch.empty(0).set_(x.untyped_storage()[4:12])
        push_out()
        assert part.tolist() == [3, 3]
        part.fill_(5)
        push_out()
        assert (x[1].item(), y[1].item()) == (5, 6)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [(torch.func.grad, [8.0] * 3), (torch.func.functionalize, [24.0]), (torch.func.vmap, [8.0] * 3)],
)
def test_bytes_come_back_while_a_function_is_transformed(transform: Callable[..., Any], expected: list[float]) -> None:
    """What is called again is not transformed, as it was not the first time."""

    def scaled(x: torch.Tensor) -> torch.Tensor:
        dtr.pin(halves)
        return (x * doubles.tolist()[2] * halves.tolist()[4]).sum()

    with dtr.budget(BUDGET):
        doubles, halves = torch.arange(1000) * 2, torch.arange(1000) / 2
        push_out()
        assert dtr.evicted(doubles)
        assert dtr.evicted(halves)
        found = transform(scaled)(torch.ones(3))
    assert found.flatten().tolist() == expected


def test_resized_memory_survives() -> None:
    with dtr.budget(BUDGET):
        x = torch.ones(10)
        x.resize_(5000)
        x.fill_(3.0)
        push_out()
        assert x.sum().item() == 15000


def test_memory_of_numpy_is_let_go() -> None:
    """A loop that feeds one array a step holds no more than one."""
    with dtr.budget(dtr.live_bytes() + (1 << 20)) as run:
        for _ in range(300):
            x = torch.from_numpy(np.ones(1000, np.float32))
            y = x + 1
            del x, y
        assert run.stats.used < 1 << 19


def test_a_budget_is_entered_once() -> None:
    scope = dtr.budget(BUDGET)
    with scope:
        pass
    with pytest.raises(RuntimeError, match="a budget is entered once"), scope:
        pass


def test_a_budget_below_what_is_alive_says_how_much_that_is() -> None:
    """All of it, not what would have let one more tensor in."""
    several = [torch.ones(100) for _ in range(3)]
    with pytest.raises(dtr.BudgetExceeded) as caught, dtr.budget(several[0].nbytes):
        pass
    assert caught.value.least == dtr.live_bytes()


def test_what_a_raising_operator_wrote_stays_written() -> None:
    """As in eager PyTorch, a scatter that raises at its last index has written the others."""
    with dtr.budget(BUDGET):
        x = torch.ones(5000) * 2
        with pytest.raises(RuntimeError, match="out of bounds"):
            x.scatter_(0, torch.tensor([0, 1, 2, 10**9]), 7.0)
        written = x[:4].tolist()
        push_out()
        assert x[:4].tolist() == written


def filled(data_ptr: Callable[[torch.Tensor], int]) -> torch.Tensor:
    """As code in C++ may make a tensor: what ``aten::empty`` gives it, it writes through a pointer, unseen."""
    x = torch.empty(1000)
    np.ctypeslib.as_array((ctypes.c_float * 1000).from_address(data_ptr(x)))[:] = np.arange(1000)
    return x


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.neg_(),
        lambda x: torch.neg(x, out=x),
        lambda x: x[:500].fill_(2),
        lambda x: x.as_strided((1000,), (0,)).fill_(2),
        lambda x: x[:500].copy_(x[500:]),
    ],
    ids=["in_place", "out", "a_part", "one_element_often", "of_itself"],
)
def test_what_was_filled_through_a_pointer_is_not_lost(change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Only an operator that overwrites all of it, and reads none, is the beginning of a recipe."""
    data_ptr = torch.Tensor.data_ptr  # as it is outside of scopes: whoever uses it there is seen
    expected = filled(data_ptr)
    change(expected)
    with dtr.budget(BUDGET):
        x = filled(data_ptr)
        change(x)
        push_out()
        assert torch.equal(x, expected)


@pytest.mark.parametrize(
    "fill",
    [lambda x, a: torch.add(a, a, out=x), lambda x, a: x.copy_(a), lambda x, a: x.zero_(), lambda x, a: x.normal_()],
    ids=["out", "copy", "zero", "random"],
)
def test_new_memory_that_is_overwritten_at_once_can_be_evicted(fill: Callable[..., torch.Tensor]) -> None:
    a = torch.randn(1000)
    with dtr.budget(BUDGET, verify=True):
        x = torch.empty(1000)
        fill(x, a)
        push_out()
        assert dtr.evicted(x)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantized_arguments_are_replayed_as_such() -> None:
    with dtr.budget(BUDGET):
        y = torch.quantize_per_tensor(torch.randn(1000), 0.1, 0, torch.qint8).dequantize()
        total = y.sum().item()
        push_out()
        assert y.sum().item() == total


def test_what_a_sparse_tensor_holds_inside_stays() -> None:
    """Its values are the tensor's that it was made from, though nothing tells that it is a view."""
    with dtr.budget(BUDGET):
        values = torch.ones(1000) * 2
        sparse = torch.sparse_coo_tensor(torch.arange(1000)[None], values, (1000,), check_invariants=False)
        del values
        push_out()
        assert sparse.to_dense().tolist() == [2.0] * 1000


def test_a_list_operator_that_begins_with_a_scalar() -> None:
    with dtr.budget(BUDGET):
        powers = torch.ops.aten._foreach_pow.ScalarAndTensor(2.0, [torch.ones(2), torch.ones(2)])
        assert [p.tolist() for p in powers] == [[2.0, 2.0], [2.0, 2.0]]


def test_elements_of_a_list_have_numbers_of_their_own() -> None:
    with dtr.budget(BUDGET):
        tensors = [torch.ones(1000) for _ in range(3)]
        products = torch.ops.aten._foreach_mul.ScalarList(tensors, [2.0, 3.0, 4.0])
        powers = torch.ops.aten._foreach_pow.ScalarList(products, [1, 2, 3])
        push_out()
        assert all(map(dtr.evicted, products))
        assert [p.unique().tolist() for p in powers] == [[2.0], [9.0], [64.0]]


def packed_sequences() -> Step:
    """PyTorch reads the sizes of a packed sequence's steps through a pointer, between operators."""
    sentences, lengths = torch.randint(0, 50, (8, 12)), torch.randint(3, 12, (8,))
    embedding = torch.nn.Embedding(50, 16)
    lstm = torch.nn.LSTM(16, 24, batch_first=True)
    gru = torch.nn.GRU(24, 16, batch_first=True)

    def step() -> list[torch.Tensor]:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            embedding(sentences), lengths, batch_first=True, enforce_sorted=False
        )
        padded, counts = torch.nn.utils.rnn.pad_packed_sequence(gru(lstm(packed)[0])[0], batch_first=True)
        loss = padded.square().mean()
        loss.backward()
        gradients = [p.grad for m in (embedding, lstm, gru) for p in m.parameters()]
        return [loss.detach(), counts, *(g for g in gradients if g is not None)]

    return step


def test_packed_sequences() -> None:
    found = tight(packed_sequences)
    assert found.same_bits
    assert sum(found.replayed.values()) > 20


def test_sizes_of_a_packed_sequence_that_were_evicted() -> None:
    """Whoever makes them: the operators that read them through a pointer have them where they stay."""
    lstm = torch.nn.LSTM(4, 8)
    data = torch.randn(30, 4)
    sizes = torch.tensor([6, 6, 6, 5, 4, 3])
    packed = torch.nn.utils.rnn.PackedSequence(data, sizes)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(lstm(packed)[0])
    with dtr.budget(BUDGET):
        computed = torch.nn.utils.rnn.PackedSequence(data, sizes + 0)
        push_out()
        assert dtr.evicted(computed.batch_sizes)
        found, _ = torch.nn.utils.rnn.pad_packed_sequence(lstm(computed)[0])
        assert torch.equal(found, expected)


def test_an_evicted_storage_is_resized() -> None:
    with dtr.budget(BUDGET):
        x = torch.ones(1000) * 2
        y = x * 3
        push_out()
        x.untyped_storage().resize_(8000)
        push_out()
        assert torch.equal(x, torch.full((1000,), 2.0))
        x.untyped_storage().resize_(0)
        x.untyped_storage().resize_(4000)
        x.fill_(5.0)
        push_out()
        assert (x + y).tolist() == [11.0] * 1000


def test_for_their_shape_tensors_are_not_computed_again() -> None:
    """Nor for views that are declared to be none."""
    with dtr.budget(BUDGET) as run:
        x = torch.ones(1000) * 2
        push_out()
        made = [torch.empty_like(x), torch.zeros_like(x), torch.rand_like(x), x.new_ones(3), x.new_full((2,), 7.0)]
        aten = torch.ops.aten
        views = [
            aten._unsafe_view(x, (10, 100)),
            *aten.unsafe_split(x, 500),
            *aten.unsafe_split_with_sizes(x, [1, 999]),
        ]
        assert dtr.evicted(x)
        assert [each.numel() for each in made] == [1000, 1000, 1000, 3, 2]
        assert [each.numel() for each in views] == [1000, 500, 500, 1, 999]
        assert run.stats.rematerializations == 0


def test_bytes_are_handed_out_when_what_was_computed_from_them_is_dead() -> None:
    """Nobody has a handle of the storage between; the one computed from it stays."""
    with dtr.budget(BUDGET) as run:
        x = torch.ones(1000) * 1
        y = (x * 2) * 3
        x.numpy().fill(0)
        push_out()
    assert y.tolist() == [6.0] * 1000
    verdict = check(run.trace)
    assert verdict, verdict.reason


@torch.library.custom_op("dtr_rare::scaled_and_counted", mutates_args={"count"})
def scaled_and_counted(x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    scaled = x * count
    count.add_(1)
    return scaled


def test_a_kept_version_outlives_its_storage() -> None:
    """Of a storage whose tensors are gone, a copy of what it held is all that the recipe needs, whenever it runs."""
    x = torch.randn(1000)
    with dtr.budget(BUDGET) as run:
        overwritten = [torch.ones(1).add_(1) for _ in range(4)]
        del overwritten  # whose places in the books are taken again
        count = torch.ones(1) * 3
        y = scaled_and_counted(x, count)
        del count
        for times in range(1, 4):
            push_out()
            assert dtr.evicted(y)
            assert torch.equal(y, x * 3)
            assert run.stats.rematerializations == times
            assert run.stats.used == dtr.live_bytes()
        del y
        assert run.stats.kept == 0
        assert run.stats.used == dtr.live_bytes()


def test_a_scope_leaves_no_memory_behind() -> None:
    """What only recipes held, and the versions that they read, though nothing was collected."""
    x = torch.randn(1000)
    before = dtr.live_bytes()
    with dtr.budget(BUDGET, deallocation="ignore") as run:
        y = scaled_and_counted(x, torch.ones(1) * 3)
        z = y * 2
        del y, z
        assert run.stats.kept > 0
    assert dtr.live_bytes() == before


def test_an_operator_in_python_is_called_again_under_the_same_autocast() -> None:
    @torch.library.custom_op("dtr_rare::product", mutates_args=())
    def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b

    a = torch.randn(64, 64)
    with torch.autocast("cpu"):
        expected = product(a, a)
    assert expected.dtype is torch.bfloat16
    with dtr.budget(BUDGET):
        with torch.autocast("cpu"):
            found = product(a, a)
        plain = product(a, a)
        push_out()
        assert dtr.evicted(found)
        assert torch.equal(found, expected)
        with torch.autocast("cpu"):
            copy = plain.clone()
        assert torch.equal(copy, a @ a)


def test_operators_on_functions() -> None:
    """Torch chooses their kernels in Python, by dispatch key, and knows no fallback there."""
    operators = torch.ops.higher_order
    x = torch.randn(64, 64)

    def step() -> list[torch.Tensor]:
        branch = operators.cond(x.sum() > 0, torch.sin, torch.cos, (x,))
        _, loop = operators.while_loop(
            lambda count, _: count < 3, lambda count, h: (count + 1, torch.tanh(h)), (torch.tensor(0), branch[0]), ()
        )
        return [branch[0], loop]

    expected = step()
    with dtr.budget(BUDGET):
        found = step()
        push_out()
        assert all(map(dtr.evicted, found))
        assert all(map(torch.equal, found, expected))


def test_operators_on_functions_that_are_defined_later() -> None:
    class Twice(HigherOrderOperator):
        def __call__(self, function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
            return super().__call__(function, x)

    twice = Twice("dtr_twice")
    twice.py_impl(torch._C.DispatchKey.CompositeImplicitAutograd)(lambda function, x: function(function(x)))
    x = torch.randn(64, 64)
    with dtr.budget(BUDGET):
        found = twice(torch.sin, x)
        push_out()
        assert dtr.evicted(found)
        assert torch.equal(found, x.sin().sin())


def test_batch_norm_overwrites_its_statistics_in_training_alone() -> None:
    x, mean, variance = torch.randn(8, 4), torch.zeros(4), torch.ones(4)
    with dtr.budget(BUDGET) as run:
        for training in (True, False):
            torch.nn.functional.batch_norm(x, mean, variance, training=training)
    calls = (command for command in run.program.commands if isinstance(command, Call))
    assert [len(call.mutates) for call in calls if call.op == "aten::native_batch_norm"] == [2, 0]


def test_statistics_are_overwritten_by_themselves() -> None:
    """By an operator that does not declare it: what was computed from them before stays what it was."""
    x, mean, variance = torch.randn(8, 4), torch.zeros(4), torch.ones(4)
    with dtr.budget(BUDGET):
        before = mean + 1
        torch.batch_norm_update_stats(x, mean, variance, 0.5)
        push_out()
        assert before.tolist() == [1.0] * 4
    assert torch.equal(mean, x.mean(0) / 2)


def test_a_workspace_is_overwritten() -> None:
    """By the backward pass of a recurrent layer, which does not declare it either."""
    x, hidden = torch.randn(5, 3, 4), torch.zeros(3, 6)
    weights = [torch.randn(24, 4), torch.randn(24, 6), torch.randn(24), torch.randn(24)]
    given = (x, *weights, hidden, hidden)
    aten = torch.ops.aten
    with dtr.budget(BUDGET):
        output, last, cell, workspace = aten.mkldnn_rnn_layer(*given, False, [], 2, 6, 1, True, False, False, True)
        dtr.pin(workspace)
        at_first = workspace.tolist()
        before = workspace + 0
        gradients = (torch.ones_like(output), None, None)
        aten.mkldnn_rnn_layer_backward(
            *given, output, last, cell, *gradients, False, 2, 6, 1, True, True, False, [], False, workspace
        )
        push_out()
        assert workspace.tolist() != at_first
        assert before.tolist() == at_first


def test_operators_of_libraries_that_are_gone_are_forgotten() -> None:
    """Others may be where they were."""
    for number in range(20):
        with torch.library._scoped_library("dtr_gone", "DEF") as library, dtr.budget(BUDGET):
            if number % 2:
                library.define("act(Tensor(a!) x) -> ()")
                library.impl("act", lambda x: (x.add_(1), None)[1], "CPU")
            else:
                library.define("act(Tensor x) -> Tensor")
                library.impl("act", lambda x: x + 1, "CPU")
            x = torch.ones(1000)
            before = x * 3
            torch.ops.dtr_gone.act(x)
            push_out()
            assert (x[0].item(), before[0].item()) == (1 + number % 2, 3)


class OldestFirst:
    """A heuristic that evicts what was computed first."""

    def score(self, storage: StorageView, clock: int) -> int:
        del clock
        return storage.index


def negating(inputs: list[torch.Tensor]) -> None:
    """What Inductor's kernels may do: write an argument through a raw pointer, unseen."""
    np.ctypeslib.as_array((ctypes.c_float * inputs[-1].numel()).from_address(inputs[-1].data_ptr()))[:] *= -1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_functions_write_their_arguments() -> None:
    from torch._inductor.output_code import MockFXGraphCacheOutput

    compiled = MockFXGraphCacheOutput(negating)
    with dtr.budget(BUDGET):
        x = torch.ones(1000) * 2
        before = x * 3
        push_out()
        compiled([torch.zeros(1), x])
        after = x * 5
        push_out()
        assert (x[0].item(), before[0].item(), after[0].item()) == (-2.0, 6.0, -10.0)


def test_functions_compiled_within_a_scope_write_their_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inductor is loaded when it is first asked to compile something; here it seems not to be, and compiles nothing."""
    from torch._inductor.output_code import MockFXGraphCacheOutput

    inductor: Any = torch._TorchCompileInductorWrapper
    monkeypatch.setattr(inductor, "__call__", lambda self, graph, examples: MockFXGraphCacheOutput(negating))
    monkeypatch.setattr("dtr_runtime.compiled._MODULE", "not loaded")
    with dtr.budget(BUDGET):
        x = torch.ones(1000) * 2
        before = x * 3
        push_out()
        for compiled in [object.__new__(inductor)(None, ()) for _ in range(3)]:
            compiled([x])
        after = x * 5
        push_out()
        assert (x[0].item(), before[0].item(), after[0].item()) == (-2.0, 6.0, -10.0)


def test_sobols_sequences_are_written_through_pointers() -> None:
    """Which torch takes before it calls operators that ask for memory."""

    def step() -> list[torch.Tensor]:
        engine = torch.quasirandom.SobolEngine(3, scramble=True, seed=1)
        return [engine.sobolstate * 1, engine.draw(100), engine.draw(50)]

    expected = step()
    finished = evictions = 0
    for room in range(20_000, 100_000, 2_000):
        with contextlib.suppress(dtr.BudgetExceeded):
            with dtr.budget(dtr.live_bytes() + room, heuristic=OldestFirst()) as run:
                found = step()
                assert all(map(torch.equal, found, expected))
            finished += 1
            evictions += run.stats.evictions
    assert 0 < finished < 40
    assert evictions > 0


@pytest.mark.parametrize("place", ["self", "source"])
def test_a_tensor_is_set_to_other_bytes(place: str) -> None:
    """Torch compares the data pointers of what it was and what it will be."""
    with dtr.budget(BUDGET) as run:
        evicted = torch.ones(1000) * 2
        push_out()
        assert dtr.evicted(evicted)
        if place == "self":
            evicted.set_(torch.arange(9.0).untyped_storage(), 0, (9,), (1,))
        else:
            view = torch.empty(0).set_(evicted.untyped_storage(), 3, (5,), (2,))
            push_out()
            view.add_(1)
            push_out()
    assert evicted.sum().item() == (36 if place == "self" else 2005)
    verdict = check(run.trace)
    assert verdict, verdict.reason


def test_a_tensor_is_set_to_nothing() -> None:
    with dtr.budget(BUDGET):
        evicted = torch.ones(1000) * 2
        kept = evicted * 3
        push_out()
        assert dtr.evicted(evicted)
        assert torch.ops.aten.set_(evicted).numel() == 0
        push_out()
        assert kept.unique().tolist() == [6]


def test_a_tensor_is_set_to_more_than_its_storage_holds() -> None:
    """What is enlarged stays while memory is made for it: all is done, or nothing."""
    base = torch.ones(10_000)
    refused, enough = [], 0
    for room in range(75_000, 185_000, 10_000):
        with dtr.budget(dtr.live_bytes() + room) as run:
            kept = base * 2
            push_out()
            assert dtr.evicted(kept)
            try:
                kept.set_(kept.untyped_storage(), 0, (20_000,), (1,))[10_000:] = 1
                enough += 1
            except dtr.BudgetExceeded as error:
                refused.append(error.where)
            push_out()
            assert kept[:10_000].sum().item() == 20_000
        verdict = check(run.trace)
        assert verdict, verdict.reason
        del kept
    assert set(refused) == {"aten::set_.source_Storage_storage_offset"}
    assert (len(refused), enough) == (5, 6)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_view_of_what_was_evicted() -> None:
    """Its sizes are read through pointers, and stay as its bytes do."""
    parts = [torch.ones(1000), torch.tensor([[10, 50], [5, 100]]), torch.tensor([[50, 1], [100, 1]])]
    offsets = torch.tensor([0, 500])
    with dtr.budget(BUDGET):
        evicted = [part * 2 // 2 for part in (*parts, offsets)]
        push_out()
        assert all(map(dtr.evicted, evicted))
        nested = torch.ops.aten._nested_view_from_buffer(*evicted)
        del evicted
        push_out()
        assert [part.shape for part in nested.unbind()] == [(10, 50), (5, 100)]
        assert (nested * 3).unbind()[1].unique().tolist() == [3]


def test_storages_are_copied_and_filled() -> None:
    """By operators, but not before torch has looked whether they have bytes."""
    with dtr.budget(BUDGET):
        filled = torch.ones(1000) * 2
        computed = filled * 3
        push_out()
        copy = torch.empty(0).set_(filled.untyped_storage().clone())
        push_out()
        storage: Any = filled.untyped_storage()
        storage.fill_(0)
        push_out()
        assert [tensor.unique().tolist() for tensor in (copy, filled, computed)] == [[2], [0], [6]]


@pytest.mark.parametrize("norm", [torch.nn.BatchNorm1d, torch.nn.InstanceNorm1d])
def test_running_statistics_are_written_in_inference_mode(norm: type[torch.nn.Module]) -> None:
    """Normalization would be one operator there, whose schema does not say what it writes."""
    layer = norm(4, track_running_stats=True)
    mean = layer.get_buffer("running_mean")
    with dtr.budget(BUDGET), torch.inference_mode():
        before = mean * 2
        layer(torch.arange(24.0).reshape(2, 4, 3))
        push_out()
        assert before.tolist() == [0.0] * 4


def test_a_compiled_function_is_called_with_another_size() -> None:
    """It is traced anew, with symbols for sizes, by operators on tensors that have no bytes."""
    doubled = torch.compile(lambda x: torch.cat([x.sin(), x]) @ x.mT, backend="eager", dynamic=True)
    with dtr.budget(BUDGET):
        for size in (3, 5):
            x = torch.ones(size, 4)
            assert torch.equal(doubled(x), torch.cat([x.sin(), x]) @ x.mT)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_views_of_nested_tensors_call_operators_of_their_own() -> None:
    """What they make inside is written through pointers, and nobody can bring it back."""
    rows = torch.arange(192.0)

    def sizes() -> torch.Tensor:
        nested = torch.nested.nested_tensor([rows[:64].view(8, 8) * 1, rows[64:].view(16, 8) * 1])
        return nested.chunk(2, -1)[1]._nested_tensor_size()

    expected = sizes()
    with dtr.budget(BUDGET):
        found = sizes()
        push_out()
        assert torch.equal(found + 0, expected)


def test_views_into_given_memory_write_it() -> None:
    """Without `out` they are views, which no schema says."""
    with dtr.budget(BUDGET):
        given, parts = torch.ones(10) * 2, [torch.ones(5) * 2, torch.ones(5) * 2]
        torch.ops.aten._unsafe_view.out(torch.ones(10) * 7, [10], out=given)
        torch.ops.aten.unsafe_split.Tensor_out(torch.ones(10) * 7, 5, out=parts)
        push_out()
        assert given.tolist() == [7] * 10
        assert torch.cat(parts).tolist() == [7] * 10


def test_views_of_other_libraries_may_read() -> None:
    library = torch.library.Library("dtr_reading", "DEF")
    library.define("positive(Tensor(a) x) -> Tensor(a)")
    library.impl("positive", lambda x: x.view(-1) if (x > 0).all() else x, "CPU")
    with dtr.budget(BUDGET):
        evicted = torch.ones(2, 2) * 3
        push_out()
        assert dtr.evicted(evicted)
        view = torch.ops.dtr_reading.positive(evicted)
        push_out()
        assert view.tolist() == [3] * 4
