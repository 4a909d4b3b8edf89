# SPDX-License-Identifier: Apache-2.0
"""Single tensors: seen evicted, then seen again with the same bits."""

import contextlib
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import dtr_runtime as dtr

from ..strategies.settings import ON_HOST, is_set

pytestmark = pytest.mark.usefixtures("uncollected")

SIZE = 1 << 14


def random_in_place(a: Tensor) -> list[Tensor]:
    """Uninitialized memory, filled by a generator."""
    return [torch.empty_like(a).normal_()]


def random_from_own_generator(a: Tensor) -> list[Tensor]:
    """A generator that the user made, advanced twice."""
    generator = torch.Generator().manual_seed(7)
    return [torch.rand(a.shape, generator=generator), torch.randn(a.shape, generator=generator)]


def single_normal_numbers(a: Tensor) -> list[Tensor]:
    """They are drawn in pairs: every other one is taken from the generator without advancing it."""
    return [torch.randn(1) for _ in range(5)]


def dropout(a: Tensor) -> list[Tensor]:
    """Its mask is random and lives on in the graph."""
    return [F.dropout(a, 0.4)]


def overwritten(a: Tensor) -> list[Tensor]:
    """A temporary, written in place twice, once through a view."""
    b = a * 3
    b.add_(1)
    b.view(2, -1)[0].mul_(a.view(2, -1)[1])
    return [b]


def parts_overwritten_together(a: Tensor) -> list[Tensor]:
    """Two arguments of one call are parts of one storage."""
    b = a * 3
    torch.ops.aten._foreach_add_.ScalarList([b[: SIZE // 2], b[SIZE // 2 :]], [1.0, 2.0])
    return [b]


def several(a: Tensor) -> list[Tensor]:
    """Two results of one operator."""
    return list(torch.sort(a * 2))


def view(a: Tensor) -> list[Tensor]:
    """Only a view of the result survives, with strides and an offset."""
    return [(a * 5).view(128, -1).t()[3:7, ::2]]


def complex_view(a: Tensor) -> list[Tensor]:
    """A conjugate view of a result."""
    return [torch.complex(a, a + 1).conj() * 2]


def number_of_another_kind(a: Tensor) -> list[Tensor]:
    """A plain number decides less on the type of the result than a tensor would that holds it."""
    return [torch.arange(a.numel()) * 2.5]


def without_an_index(a: Tensor) -> list[Tensor]:
    """A list of tensors in which one is missing."""
    return [a.view(128, -1)[:, torch.arange(64)] * 2, (a * 2).view(128, -1)[:, torch.arange(64)]]


def constant_overwritten(a: Tensor) -> list[Tensor]:
    """What was computed from a constant before it was overwritten."""
    before = a.clone() + 0
    kept = torch.sin(before)
    before.zero_()
    return [kept, before]


def from_python(a: Tensor) -> list[Tensor]:
    """Memory of an uninitialized tensor that no operator filled."""
    return [torch.tensor([1.5] * a.numel())]


CASES: list[Callable[[Tensor], list[Tensor]]] = [
    *(
        random_in_place,
        random_from_own_generator,
        single_normal_numbers,
        dropout,
        overwritten,
        parts_overwritten_together,
        several,
        view,
    ),
    *(complex_view, number_of_another_kind, without_an_index, constant_overwritten, from_python),
]
UNEVICTABLE = {from_python}


def pressure(a: Tensor, run_bytes: int) -> None:
    """Fills what is left of the budget with results that are dropped afterwards."""
    ballast = [a + i for i in range(max(1, (run_bytes - dtr.live_bytes()) // a.nbytes + 8))]
    del ballast


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_evicted_results_come_back_bit_for_bit(case: Callable[[Tensor], list[Tensor]]) -> None:
    torch.manual_seed(0)
    a = torch.randn(SIZE)
    state = torch.get_rng_state()
    expected = [t.clone() for t in case(a)]
    after = torch.get_rng_state()
    torch.set_rng_state(state)
    budget = dtr.live_bytes() + 12 * a.nbytes
    with dtr.budget(budget, heuristic="h_lru", verify=True):
        results = case(a)
        pressure(a, budget)
        if case not in UNEVICTABLE:
            assert any(map(dtr.evicted, results))
        assert all(map(torch.equal, results, expected))
        pressure(a, budget)
    assert not any(map(dtr.evicted, results))
    assert all(map(torch.equal, results, expected))
    assert torch.equal(torch.get_rng_state(), after)


@pytest.mark.parametrize("name", ON_HOST)
def test_replay_uses_the_settings_of_the_first_run(name: str) -> None:
    a, setting, at_first = torch.randn(SIZE), ON_HOST[name], ON_HOST[name].get()
    with dtr.budget(dtr.live_bytes() + 12 * a.nbytes, heuristic="h_lru", verify=True) as run:
        zeros = is_set(a, "host", name)
        setting.set(setting.other)
        try:
            pressure(a, run.stats.budget)
            assert dtr.evicted(zeros)
            assert not zeros.any().item()
            assert setting.get() == setting.other
        finally:
            setting.set(at_first)


@pytest.mark.parametrize("name", ON_HOST)
def test_settings_are_read_anew_after_operators_that_do_not_depend_on_them(name: str) -> None:
    """A sum of two tensors is the same whatever the setting; what is called next may not be."""
    a = torch.randn(SIZE)
    setting, at_first = ON_HOST[name], ON_HOST[name].get()
    with dtr.budget(dtr.live_bytes() + 12 * a.nbytes, heuristic="h_lru", verify=True) as run:
        summed = a + a
        setting.set(setting.other)
        try:
            ones = is_set(summed, "host", name)
        finally:
            setting.set(at_first)
        pressure(a, run.stats.budget)
        assert dtr.evicted(ones)
        assert ones.all().item()


def differing(times: list[int]) -> Callable[[Tensor], Tensor]:
    """An operator that gives something else each time."""

    @torch.library.custom_op("dtr_test::counting", mutates_args=())
    def counting(x: Tensor) -> Tensor:
        times.append(len(times))
        return x + len(times)

    return counting


def as_it_is(differing: Callable[[Tensor], Tensor], a: Tensor) -> Tensor:
    return differing(a)


def overwritten_later(differing: Callable[[Tensor], Tensor], a: Tensor) -> Tensor:
    return differing(a).mul_(2).add_(1)


def read_by_another(differing: Callable[[Tensor], Tensor], a: Tensor) -> Tensor:
    return differing(a) * 2


@pytest.mark.parametrize("used", [as_it_is, overwritten_later, read_by_another], ids=lambda used: used.__name__)
def test_verification_names_the_operator_whose_replay_differs(
    used: Callable[[Callable[[Tensor], Tensor], Tensor], Tensor],
) -> None:
    """Not one that made of its result what it had to."""
    a = torch.randn(SIZE)

    def recounted() -> None:
        with dtr.budget(dtr.live_bytes() + 12 * a.nbytes, heuristic="h_lru", verify=True) as run:
            b = used(differing([]), a)
            pressure(a, run.stats.budget)
            b.sum()

    with pytest.raises(dtr.NondeterministicOperator) as caught:
        recounted()
    assert caught.value.operator == "dtr_test::counting"


@pytest.mark.parametrize("place", [0, 2, 4, 6, 1002], ids=lambda place: f"element {place}")
def test_verification_notices_any_difference(place: int) -> None:
    """In each of the lanes that bytes are summed up in, and behind the last full round."""
    times = []

    @torch.library.custom_op("dtr_test::differing_in_one", mutates_args=())
    def differing_in_one(x: Tensor) -> Tensor:
        times.append(place)
        result = x.clone()
        result[place] = len(times)
        return result

    a = torch.randn(1003)

    def compared() -> None:
        with dtr.budget(dtr.live_bytes() + 12 * a.nbytes, heuristic="h_lru", verify=True) as run:
            b = differing_in_one(a)
            pressure(a, run.stats.budget)
            b.sum()

    with pytest.raises(dtr.NondeterministicOperator, match="dtr_test::differing_in_one"):
        compared()


def test_verification_compares_all_results_of_an_operator_that_is_called_again() -> None:
    """Also those that were not asked for and come back with the one that was."""
    times = []

    @torch.library.custom_op("dtr_test::two", mutates_args=())
    def two(x: Tensor) -> tuple[Tensor, Tensor]:
        times.append(x.shape)
        return x * 2, x + len(times)

    a = torch.randn(SIZE)

    def asked_for_the_first() -> None:
        with dtr.budget(dtr.live_bytes() + 12 * a.nbytes, heuristic="h_lru", verify=True) as run:
            same, other = two(a)
            pressure(a, run.stats.budget)
            assert dtr.evicted(other)
            same.sum()

    with pytest.raises(dtr.NondeterministicOperator, match="dtr_test::two"):
        asked_for_the_first()


def something_dies(x: Tensor) -> None:
    torch.ones(3)


def it_is_read(x: Tensor) -> None:
    x.sum()


def a_part_is_overwritten(x: Tensor) -> None:
    x[:1].fill_(0.0)


def more_memory_is_asked_for(x: Tensor) -> None:
    torch.empty(3)


@pytest.mark.parametrize(
    "event",
    [something_dies, it_is_read, a_part_is_overwritten, more_memory_is_asked_for],
    ids=lambda event: event.__name__,
)
def test_memory_that_is_filled_through_a_raw_pointer_stays(event: Callable[[Tensor], None]) -> None:
    """``torch.tensor`` asks for empty memory and writes it unseen, whatever happens next."""
    a = torch.randn(SIZE)
    numbers = a.tolist()
    with dtr.budget(dtr.live_bytes() + 12 * a.nbytes, heuristic="h_lru") as run:
        x = torch.tensor(numbers)
        event(x)
        pressure(a, run.stats.budget)
        assert not dtr.evicted(x)
        assert x[1:].tolist() == numbers[1:]


ALIGNMENT = 64
"""Bytes: of every block of torch's CPU allocator."""


def test_a_storage_comes_back_as_aligned_as_it_was() -> None:
    """Kernels give other bits on memory that is aligned otherwise. Views keep their offsets."""
    address = torch._C.TensorBase.data_ptr  # which pins nothing
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 40 * a.nbytes) as run:
        computed = [a[: SIZE - i] * i for i in range(1, 9)]
        overwritten = [(a[: SIZE - i] * i).add_(1) for i in range(1, 9)]
        results = [*computed, *(t[i:] for i, t in enumerate(overwritten))]
        at_first = [address(t) % ALIGNMENT for t in results]
        with contextlib.suppress(dtr.BudgetExceeded):
            torch.empty(run.stats.budget)
        assert all(map(dtr.evicted, results))
        assert [t.data_ptr() % ALIGNMENT for t in results] == at_first
        assert at_first == [0] * len(computed) + [4 * i for i in range(len(overwritten))]
        assert run.stats.rematerializations >= 24
