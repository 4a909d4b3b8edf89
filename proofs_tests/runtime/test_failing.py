# SPDX-License-Identifier: Apache-2.0
"""When something fails: what was overwritten is restored, and all tensors remain valid."""

import gc
import weakref

import pytest
import torch
import torch.nn.functional as F

import dtr_runtime as dtr

SIZE = 1 << 14


def test_the_error_says_what_would_do() -> None:
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + a.nbytes // 2), pytest.raises(dtr.BudgetExceeded) as caught:
        torch.add(a, 1)
    error = caught.value
    assert error.need == a.nbytes
    assert error.least == error.used + error.need > error.budget
    assert "aten::add" in str(error)
    assert isinstance(error, torch.OutOfMemoryError)
    with dtr.budget(error.least):
        torch.add(a, 1)


def test_a_failing_call_restores_batch_statistics() -> None:
    x = torch.randn(16, 8, 16, 16)
    norm = torch.nn.BatchNorm2d(8)
    before = [b.clone() for b in norm.buffers()]
    with dtr.budget(dtr.live_bytes() + x.nbytes // 2), pytest.raises(dtr.BudgetExceeded):
        F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=True)
    assert all(map(torch.equal, norm.buffers(), before))


def test_a_failing_call_restores_the_generator() -> None:
    a = torch.randn(SIZE)
    state = torch.get_rng_state()
    with dtr.budget(dtr.live_bytes() + a.nbytes // 2), pytest.raises(dtr.BudgetExceeded):
        torch.randn(SIZE)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_scope_goes_on_after_a_failure() -> None:
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 5 * a.nbytes, heuristic="h_lru") as run:
        kept = a * 2
        with pytest.raises(dtr.BudgetExceeded):
            torch.zeros(8 * SIZE)
        assert torch.equal(kept, torch.add(a, a))
        assert run.stats.used == dtr.live_bytes()


def test_nothing_stays_locked_after_a_failure() -> None:
    """Inputs of a call that do not fit together: those that did were locked when it failed."""
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes + 64, heuristic="h_lru") as run:
        inputs = [a + i for i in range(6)]
        for _ in range(2):
            with pytest.raises(dtr.BudgetExceeded):
                torch.stack(inputs)
            assert run.stats.used == dtr.live_bytes()
            torch.empty(4 * SIZE)
            assert all(map(dtr.evicted, inputs))
        del inputs[:5]
        assert torch.equal(inputs[0], torch.add(a, 5))


def test_what_could_not_be_pinned_can_be_later() -> None:
    """A storage that was being computed again when memory ran out is as it was."""
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes + 64, heuristic="h_lru") as run:
        x = (a + 1).add_(1)
        taken = torch.empty(0).untyped_storage()
        taken.resize_(4 * a.nbytes)
        assert dtr.evicted(x)
        with pytest.raises(dtr.BudgetExceeded):
            dtr.pin(x)
        assert run.stats.used == dtr.live_bytes()
        del taken
        assert torch.equal(x, a + 1 + 1)


def test_kernels_exceptions_pass_unchanged() -> None:
    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 4 * a.nbytes) as run:
        with pytest.raises(RuntimeError, match="must match the size"):
            torch.add(a, torch.ones(3))
        with pytest.raises(IndexError):
            a.index_select(0, torch.tensor([SIZE + 1]))
        assert run.stats.used == dtr.live_bytes()
        b = a * 2
    assert torch.equal(b, a + a)


def test_an_exception_leaves_all_tensors_valid() -> None:
    a = torch.randn(SIZE)
    kept = []

    def interrupted() -> None:
        with dtr.budget(dtr.live_bytes() + 5 * a.nbytes, heuristic="h_lru"):
            kept.extend(a * i for i in range(3))
            ballast = [a + i for i in range(6)]
            del ballast
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert all(torch.equal(t, a * i) for i, t in enumerate(kept))


def test_leaving_lifts_a_budget_too_small_for_what_is_alive() -> None:
    a = torch.randn(SIZE)
    kept = []

    def too_many() -> None:
        with dtr.budget(dtr.live_bytes() + 4 * a.nbytes):
            kept.extend(a + i for i in range(8))

    with pytest.raises(dtr.BudgetExceeded, match="when the scope ends"):
        too_many()
    assert all(torch.equal(t, a + i) for i, t in enumerate(kept))


def test_an_error_on_leaving_keeps_no_tensor_alive() -> None:
    def too_many() -> list[weakref.ref[torch.Tensor]]:
        kept: list[torch.Tensor] = []
        a = torch.randn(SIZE)
        with pytest.raises(dtr.BudgetExceeded), dtr.budget(dtr.live_bytes() + 4 * a.nbytes):
            kept.extend(a + i for i in range(8))
        return [weakref.ref(t) for t in kept]

    gc.disable()
    try:
        assert [reference() for reference in too_many()] == [None] * 8
    finally:
        gc.enable()


def test_user_heuristics_may_fail() -> None:
    class Broken:
        def score(self, storage: object, clock: int) -> float:
            raise ZeroDivisionError(f"{storage} at {clock}")

    a = torch.randn(SIZE)
    with dtr.budget(dtr.live_bytes() + 3 * a.nbytes, heuristic=Broken()) as run:
        b = a * 2
        with pytest.raises(ZeroDivisionError):
            _ = [a + i for i in range(4)]
        assert run.stats.used == dtr.live_bytes()
    assert torch.equal(b, a + a)
    assert run.trace.configuration["heuristic"] == "Broken"


def test_a_replay_that_fails_half_way_gives_its_memory_back() -> None:
    calls = []

    @torch.library.custom_op("dtr_test::once_", mutates_args={"x"})
    def once_(x: torch.Tensor) -> None:
        calls.append(x.shape)
        if len(calls) > 1:
            raise ArithmeticError("only once")
        x.add_(1)

    a = torch.randn(SIZE)

    def replayed() -> None:
        with dtr.budget(dtr.live_bytes() + 6 * a.nbytes, heuristic="h_lru") as run:
            b = a * 2
            once_(b)
            ballast = [a + i for i in range(8)]
            del ballast
            before = run.stats.used
            assert dtr.evicted(b)
            with pytest.raises(ArithmeticError):
                b.sum()
            assert run.stats.used == dtr.live_bytes() == before

    with pytest.raises(ArithmeticError):
        replayed()


def test_an_operator_that_returns_more_when_replayed_is_reported() -> None:
    calls = []

    @torch.library.custom_op("dtr_test::growing", mutates_args=())
    def growing(x: torch.Tensor) -> torch.Tensor:
        calls.append(x.shape)
        return x.repeat(len(calls))

    a = torch.randn(SIZE)
    results = []

    def replayed() -> None:
        with dtr.budget(dtr.live_bytes() + 6 * a.nbytes, heuristic="h_lru") as run:
            results.append(growing(a))
            ballast = [a + i for i in range(8)]
            del ballast
            with pytest.raises(dtr.NondeterministicOperator, match=r"dtr_test::growing.*returns other storages"):
                results[0].sum()
            assert run.stats.used == dtr.live_bytes()

    with pytest.raises(dtr.NondeterministicOperator, match="dtr_test::growing"):
        replayed()


def test_an_operator_that_raises_when_replayed_is_reported() -> None:
    calls = []

    @torch.library.custom_op("dtr_test::once", mutates_args=())
    def once(x: torch.Tensor) -> torch.Tensor:
        calls.append(x.shape)
        if len(calls) > 1:
            raise ArithmeticError("only once")
        return x * 2

    a = torch.randn(SIZE)
    results = []

    def replayed() -> None:
        with dtr.budget(dtr.live_bytes() + 6 * a.nbytes, heuristic="h_lru"):
            results.extend([once(a), a * 3])
            ballast = [a + i for i in range(8)]
            del ballast

    with pytest.raises(ArithmeticError, match="only once"):
        replayed()
    lost, kept = results
    assert torch.equal(kept, a * 3)
    with pytest.raises(RuntimeError, match="are lost"):
        lost.numpy()
    with dtr.budget(1 << 30):
        for access in (lambda: lost + 1, lambda: lost.mul_(2), lambda: torch.empty(0).set_(lost), lost.numpy):
            with pytest.raises(RuntimeError, match="are lost"):
                access()
