# SPDX-License-Identifier: Apache-2.0
"""Calls that fail: without memory they have done nothing; for reasons of their own they have done what eager did."""

import contextlib
import gc
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import dtr_reference
import dtr_runtime as dtr
from dtr_spec.monitor import check
from dtr_spec.program import Call

from ..claims import claim

SIZE = 1 << 12
"""Floats."""


def within(extra: int) -> dtr.budget:
    """A budget of ``extra`` bytes besides what is alive."""
    gc.collect()
    return dtr.budget(dtr.live_bytes() + extra)


def push_out() -> None:
    """All that is evictable goes."""
    with contextlib.suppress(dtr.BudgetExceeded):
        torch.empty(1 << 26)


@torch.library.custom_op("dtr_failing::add_and_draw_", mutates_args={"x"})
def add_and_draw_(x: Tensor, scratch: int, fail: bool) -> None:
    """Overwrites and draws before it asks for memory."""
    x.add_(torch.rand(()))
    torch.empty(scratch)
    if fail:
        raise ArithmeticError


@torch.library.custom_op("dtr_failing::make_do_", mutates_args={"x"})
def make_do_(x: Tensor, wish: int, fail: bool) -> None:
    """Overwrites, asks for scratch without which it can do, overwrites again."""
    x.add_(torch.rand(()))
    with contextlib.suppress(dtr.BudgetExceeded):
        torch.empty(wish)
    x.mul_(2)
    if fail:
        raise ArithmeticError


@torch.library.custom_op("dtr_failing::modest", mutates_args=())
def modest(x: Tensor, wish: int) -> Tensor:
    """Can do without the scratch that it asks for, whoever refuses it."""
    with contextlib.suppress(RuntimeError):
        torch.empty(wish)
    return x * 2


def ambitious(x: Tensor) -> Tensor:
    """Asks for too much when it has made something."""
    made = x.clone()
    return made + torch.empty(1 << 26)[:SIZE]


@torch.library.custom_op("dtr_failing::second_thoughts", mutates_args=())
def second_thoughts(x: Tensor) -> Tensor:
    """What the attempt had made is gone when it has failed."""
    with contextlib.suppress(dtr.BudgetExceeded):
        return ambitious(x)
    return x * 2 + 1


@torch.library.custom_op("dtr_failing::count_both_", mutates_args={"one", "other"})
def count_both_(x: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Its result depends on what it overwrites."""
    result = x[: len(one)] * one + other
    one.add_(1)
    other.add_(1)
    return result


@torch.library.custom_op("dtr_failing::noise", mutates_args=())
def noise(x: Tensor) -> Tensor:
    """Draws without saying so."""
    return x + torch.rand_like(x)


@torch.library.custom_op("primrose::noise", mutates_args=())
def noise_of_a_primrose(x: Tensor) -> Tensor:
    """The namespace begins as one of PyTorch's own."""
    return x + torch.rand_like(x)


def raise_in_a_random_operator(x: Tensor) -> None:
    torch.bernoulli(torch.full((SIZE,), 2.0))


def raise_in_place(x: Tensor) -> None:
    x.scatter_(0, torch.tensor([0, 1, 10**9]), 7.0)


def raise_after_overwriting(x: Tensor) -> None:
    add_and_draw_(x, SIZE, True)


def raise_after_doing_without_memory(x: Tensor) -> None:
    make_do_(x, 1 << 26, True)


def raise_in_a_list(x: Tensor) -> None:
    torch.ops.aten._foreach_add_.List([x, torch.ones(2)], [torch.ones(SIZE), torch.ones(3)])


RAISING = (
    raise_in_a_random_operator,
    raise_in_place,
    raise_after_overwriting,
    raise_after_doing_without_memory,
    raise_in_a_list,
)


@claim("T8", "A call that raises in the middle of what it does is a step of the machine.", method="regression")
@pytest.mark.parametrize("fails", RAISING)
def test_a_call_that_raises_leaves_what_eager_leaves(fails: Callable[[Tensor], None]) -> None:
    """Values, generator, what was computed before from what it overwrote; and the trace is a run."""

    def program() -> list[Tensor]:
        x = torch.rand(SIZE) * 2
        before = x * 3
        with pytest.raises((RuntimeError, ArithmeticError)):
            fails(x)
        push_out()
        return [before, x * 1, torch.rand(SIZE)]

    torch.manual_seed(0)
    expected = program()
    torch.manual_seed(0)
    with within(16 * 4 * SIZE) as run:
        found = program()
    assert all(map(torch.equal, found, expected))
    with within(16 * 4 * SIZE) as run, pytest.raises((RuntimeError, ArithmeticError)):
        fails(torch.rand(SIZE) * 2)
    assert check(run.trace).reason.endswith("finished")


@claim("T8", "A request that is refused ends the trace only where it ends the run.", method="regression")
def test_a_call_that_does_without_memory_is_a_step_like_any_other() -> None:
    """Everything goes to meet the request, and the run goes on; so does the call when it is made again."""

    def program() -> list[Tensor]:
        torch.manual_seed(0)
        a = torch.rand(SIZE)
        results = [a * 3, modest(a, 1 << 26), a * 2]
        make_do_(results[2], 1 << 26, False)
        ballast = [a + i for i in range(10)]
        del ballast
        return [t * 1 for t in results]

    expected = program()
    with within(8 * 4 * SIZE) as run:
        found = program()
    assert all(map(torch.equal, found, expected))
    assert run.stats.rematerializations >= 2
    assert check(run.trace).reason.endswith("finished")


@pytest.mark.parametrize(
    ("read", "executed"),
    [(None, 2), (lambda found, lost: found.sum(), 13), (lambda found, lost: found + lost, 12)],
    ids=["in_a_call", "in_a_replay", "in_a_replay_for_the_same_call"],
)
def test_a_refusal_that_was_lived_with_is_not_the_end_when_something_else_fails_later(
    read: Callable[..., Tensor] | None, executed: int
) -> None:
    """Neither in a call of the client's nor in a replay."""
    calls = []

    @torch.library.custom_op("dtr_failing::once", mutates_args=())
    def once(x: Tensor) -> Tensor:
        calls.append(x.shape)
        if len(calls) > 1:
            raise ArithmeticError
        return x * 2

    a = torch.rand(SIZE)

    def failing() -> None:
        lost, found = once(a), modest(a, 1 << 26)
        if read:
            ballast = [a + i for i in range(10)]
            del ballast
            assert dtr.evicted(found)
            read(found, lost)
        lost.sum()

    with pytest.raises(ArithmeticError), within(8 * 4 * SIZE) as run:
        failing()
    rules = [event.rule for event in run.trace.events]
    assert rules[-1] in ("need", "lock", "allocate")
    assert rules.count("execute") == executed


def test_an_attempt_that_was_refused_takes_no_memory_any_more() -> None:
    a = torch.rand(SIZE)
    with within(2 * a.nbytes + 64):
        found = second_thoughts(a)
    assert torch.equal(found, a * 2 + 1)


def test_a_call_for_which_the_machine_has_no_memory_has_done_nothing() -> None:
    """The budget would allow it; and what the kernel has done without before does not matter."""
    a = torch.zeros(SIZE)
    generator = torch.get_rng_state()
    with dtr.budget(1 << 62) as run:
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            add_and_draw_(a, 1 << 48, False)
        assert torch.equal(modest(a, 1 << 48), modest(a, 0))
        assert run.stats.used == dtr.live_bytes()
        with pytest.raises(RuntimeError, match="can't allocate memory"):  # nor an allocation outside every operator
            torch.empty(0).untyped_storage().resize_(1 << 50)
        assert run.stats.used == dtr.live_bytes()
        assert not a.any()
    assert torch.equal(torch.get_rng_state(), generator)
    assert check(run.trace).reason.endswith("finished")


def test_a_refusal_that_a_call_hands_on_ends_the_trace() -> None:
    """Not one before, with which the run went on."""
    a = torch.rand(SIZE)
    with within(4 * a.nbytes) as run:
        make_do_(a, 1 << 26, False)
        with pytest.raises(dtr.BudgetExceeded):
            add_and_draw_(a, 1 << 27, False)
        a.sum()
    assert check(run.trace).reason.endswith("out of memory")
    assert run.trace.events[-1].subject == 4 << 27


def test_a_call_for_which_not_all_versions_can_be_kept_keeps_none() -> None:
    """There is room for the first, which is dropped when there is none for the second."""
    x, one, other = torch.rand(SIZE), torch.ones(SIZE // 8), torch.ones(SIZE // 8)
    with within(one.nbytes * 3 // 2) as run:
        with pytest.raises(dtr.BudgetExceeded):
            count_both_(x, one, other)
        assert run.stats.kept == 0
        assert run.stats.used == dtr.live_bytes()
    assert torch.equal(one + other, torch.full_like(one, 2.0))


@pytest.mark.filterwarnings("ignore:Warning only once for all operators:UserWarning")
def test_a_call_whose_copies_do_not_fit_gets_no_memory() -> None:
    """Not for less either: what it would overwrite then could not be restored."""

    def stubborn(tensors: list[Tensor]) -> None:
        with contextlib.suppress(dtr.BudgetExceeded):
            torch.empty(SIZE // 8)
        torch.empty(32)
        torch.ops.aten._foreach_zero_.default(tensors)
        torch.empty(1 << 26)

    tensors = [torch.full((SIZE,), float(i)) for i in range(1, 3)]
    with torch.library._scoped_library("aten", "IMPL") as library:
        library.impl("_foreach_erfc_", stubborn, "CPU")
        with within(6 * SIZE), pytest.raises(dtr.BudgetExceeded):
            torch.ops.aten._foreach_erfc_.default(tensors)
    assert [t.unique().tolist() for t in tensors] == [[1.0], [2.0]]


def lists_of_one_type(tensors: list[Tensor]) -> None:
    """The last operand is a part of what was evicted and does not fit any more."""
    large = torch.full((4 * SIZE,), 2.0)
    occupied = torch.empty(3 * SIZE)
    dtr.pin(occupied)
    assert dtr.evicted(large)
    torch.ops.aten._foreach_add_.List(tensors, [*tensors[:3], large[:SIZE]])


def lists_of_two_types(tensors: list[Tensor]) -> None:
    """The second operand has to be converted, which takes memory when the first has been added."""
    operands = [torch.ones(SIZE), torch.ones(SIZE, dtype=torch.float64)]
    torch.ops.aten._foreach_add_.List(tensors[:2], operands)


def a_list_with_a_small_operand_of_another_type(tensors: list[Tensor]) -> None:
    """It is converted together with the large one, to whose shape it is spread."""
    operands = [torch.ones(SIZE), torch.ones(1, dtype=torch.float64)]
    torch.ops.aten._foreach_add_.List(tensors[:2], operands)


def overwriting_before_asking(tensors: list[Tensor]) -> None:
    add_and_draw_(tensors[0], 1 << 26, False)


def overwriting_a_result(tensors: list[Tensor]) -> None:
    computed = tensors[0] * 2
    try:
        add_and_draw_(computed, 1 << 26, False)
    finally:
        assert torch.equal(computed, tensors[0] * 2)


@claim(
    "T5",
    "A call that fails for want of memory has overwritten nothing, and its generator is as it was.",
    method="regression",
)
@pytest.mark.parametrize(
    ("fails", "room"),
    [
        (lists_of_one_type, 5),
        (lists_of_two_types, 5),
        (a_list_with_a_small_operand_of_another_type, 2),
        (overwriting_before_asking, 4),
        (overwriting_a_result, 4),
    ],
)
def test_a_call_without_memory_has_done_nothing(fails: Callable[[list[Tensor]], None], room: int) -> None:
    """``room``: how many results fit besides the tensors that are there."""
    tensors = [torch.full((SIZE,), float(i)) for i in range(4)]
    before = [t.clone() for t in tensors]
    generator = torch.get_rng_state()
    with within(room * 4 * SIZE) as run:
        with pytest.raises(dtr.BudgetExceeded):
            fails(tensors)
        assert all(map(torch.equal, tensors, before))
    assert torch.equal(torch.get_rng_state(), generator)
    verdict = check(run.trace)
    assert verdict, verdict.reason
    last = run.program.commands[-1]
    assert isinstance(last, Call)
    assert last.op in ("aten::_foreach_add_.List", "dtr_failing::add_and_draw_")


ONE = torch.ones(1)


@pytest.mark.parametrize(
    "enlarge",
    [
        lambda x, y: x.resize_(5 * SIZE),
        lambda x, y: x.resize_as_(ONE.expand(5 * SIZE)),
        lambda x, y: x.set_(x.untyped_storage(), 0, (5 * SIZE,), (1,)),
        lambda x, y: x.set_(y.untyped_storage(), 0, (5 * SIZE,), (1,)),
        lambda x, y: torch.add(ONE.expand(5 * SIZE), 1, out=x),
        lambda x, y: torch.cat([ONE.expand(3 * SIZE)] * 2, out=x),
    ],
    ids=["resize_", "resize_as_", "set_", "set_ to another", "add", "cat"],
)
def test_what_could_not_be_enlarged_is_as_it_was(enlarge: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Its shape and its storage: torch changes them before it asks for the memory."""
    with within(4 * 4 * SIZE):
        x, y = torch.full((2, SIZE // 2), 2.0).t(), torch.full((SIZE,), 3.0)
        form = x.size(), x.stride(), x.untyped_storage().data_ptr()
        with pytest.raises(dtr.BudgetExceeded):
            enlarge(x, y)
        assert (x.size(), x.stride(), x.untyped_storage().data_ptr()) == form
        assert x.sum().item() == 2 * SIZE


def test_lists_that_do_not_fit_together_are_added_element_by_element() -> None:
    tensors = [torch.full((SIZE,), float(i)) for i in range(6)]
    with within(3 * 4 * SIZE) as run:
        operands = [torch.full((SIZE,), 10.0) for _ in tensors]
        torch.ops.aten._foreach_add_.List(tensors, operands)
        del operands
    assert [t[0].item() for t in tensors] == [10.0 + i for i in range(6)]
    assert run.stats.rematerializations >= 3


@pytest.mark.parametrize("parameters", [True, False])
def test_lists_that_fit_together_are_one_call(parameters: bool) -> None:
    """What is there anyway takes no room, and what is named twice takes it once."""
    constants = [torch.ones(SIZE) for _ in range(6)]
    with within((3 if parameters else 9) * 4 * SIZE) as run:
        tensors = constants if parameters else [t.clone() for t in constants]
        torch.ops.aten._foreach_add_.List(tensors, tensors)
    assert [t.unique().tolist() for t in tensors] == [[2.0]] * 6
    names = [command.op for command in run.program.commands if isinstance(command, Call)]
    assert names.count("aten::_foreach_add_.List") == 1


def test_elements_that_fit_their_operands_are_not_copied() -> None:
    """The types of other elements do not matter, and a number is converted in a few bytes."""
    tensors = [torch.ones(SIZE), torch.ones(SIZE, dtype=torch.float64)]
    numbers = [torch.tensor(2.0, dtype=torch.float64), torch.tensor(2.0)]
    with within(64):
        torch.ops.aten._foreach_add_.List(tensors, tensors)
        torch.ops.aten._foreach_mul_.List(tensors, numbers)
    assert [t.unique().tolist() for t in tensors] == [[4.0], [4.0]]


@pytest.mark.parametrize("noise", [noise, noise_of_a_primrose])
def test_what_an_operator_of_another_library_draws_is_drawn_again(noise: Callable[[Tensor], Tensor]) -> None:
    a = torch.randn(SIZE)
    with within(6 * a.nbytes):
        b = noise(a)
        total = b.sum().item()
        push_out()
        assert dtr.evicted(b)
        assert b.sum().item() == total


def test_operators_of_other_libraries_are_decided_on_as_in_the_reference() -> None:
    """The copies that restore what they overwrite are asked for whether or not they ask for more."""
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 5 * a.nbytes, heuristic="h_lru") as run:
        b = a * 2
        for scratch in (0, SIZE):
            add_and_draw_(b, scratch, False)
        c = noise(b)
        push = [a + i for i in range(6)]
        del push
        assert (b + c).isfinite().all()
    trace = run.trace
    replayed = {trace.program.call(event.subject).op for event in trace.events if event.rule == "replay"}
    assert replayed >= {"dtr_failing::add_and_draw_", "dtr_failing::noise"}
    assert dtr_reference.run(trace.program, trace.budget, "h_lru", "eager").trace.events == trace.events


def test_a_backward_pass_that_raised_holds_no_memory_after_the_scope() -> None:
    """Autograd's queue keeps the gradients that were ready until the thread's next backward pass."""
    x = torch.randn(SIZE, requires_grad=True)

    def backward() -> None:
        a = x * 2
        b = a.sin()
        c = a.cos()
        c.register_hook(lambda gradient: torch.empty(1 << 26))  # while that of b waits
        (b * b + c * c).sum().backward()

    gc.collect()
    before = dtr.live_bytes()
    with pytest.raises(dtr.BudgetExceeded), dtr.budget(before + 32 * x.nbytes):
        backward()
    gc.collect()
    assert dtr.live_bytes() == before
