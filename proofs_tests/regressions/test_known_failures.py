# SPDX-License-Identifier: Apache-2.0
"""Failures seen in other tools for rematerialization; here each must not happen."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dtr_runtime as dtr

from ..claims import claim
from ..models import unet
from ..models.observer import Observer
from .tight import Step, Tight, tight


def gradients(model: nn.Module) -> list[Tensor]:
    """Of all parameters."""
    return [p.grad for p in model.parameters() if p.grad is not None]


def recomputed(result: Tight, operator: str) -> int:
    """How often ``operator`` was called again; the test would be void if never."""
    count = sum(n for name, n in result.replayed.items() if name.startswith(operator))
    assert count > 0, result.replayed
    return count


@claim(
    "T1",
    "Batch norm's statistics are updated once a step, however often its output is recomputed.",
    method="regression",
)
def test_batch_norm_counts_one_batch_a_step(claim_scope: Callable[[str], None]) -> None:
    """Checkpointing that calls the layer again in the backward pass counts two."""

    def prepare() -> Step:
        stages = (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh()) for _ in range(6))
        model, x = nn.Sequential(*stages), torch.randn(8, 4, 16, 16)

        def step() -> list[Tensor]:
            model(x).square().mean().backward()
            return [*model.buffers(), *gradients(model)]

        return step

    result = tight(prepare)
    claim_scope(f"{recomputed(result, 'aten::native_batch_norm')} recomputed batch norms")
    counted = [int(t) for t in result.bounded if t.dtype == torch.int64]
    assert counted == [1] * 6
    assert result.same_bits


@claim(
    "T1",
    "A generator that the user made is restored for a recomputation, and left as eager leaves it.",
    method="regression",
)
def test_a_users_generator_is_restored(claim_scope: Callable[[str], None]) -> None:
    """Saving only the default generators redraws the noise: wrong gradients, silently."""

    def prepare() -> Step:
        layers, x = [nn.Linear(32, 32) for _ in range(8)], torch.randn(64, 32)
        generator = torch.Generator().manual_seed(3)

        def step() -> list[Tensor]:
            h = x
            for layer in layers:
                h = torch.tanh(layer(h) * torch.rand(64, 32, generator=generator))
            h.square().mean().backward()
            return [*(g for layer in layers for g in gradients(layer)), generator.get_state(), torch.get_rng_state()]

        return step

    result = tight(prepare)
    claim_scope(f"{recomputed(result, 'aten::rand')} recomputed draws")
    assert result.same_bits


@claim("T1", "Dropout is drawn once a step, and the default generator advances as in eager.", method="regression")
def test_dropout_is_drawn_once(claim_scope: Callable[[str], None]) -> None:
    """A mask drawn again in the backward pass makes gradients wrong, silently."""

    def prepare() -> Step:
        model = nn.Sequential(*(nn.Sequential(nn.Linear(32, 32), nn.Tanh(), nn.Dropout(0.5)) for _ in range(8)))
        x = torch.randn(64, 32)

        def step() -> list[Tensor]:
            model(x).square().mean().backward()
            return [*gradients(model), torch.get_rng_state()]

        return step

    result = tight(prepare)
    claim_scope(f"{recomputed(result, 'aten::bernoulli_')} recomputed masks")
    assert result.same_bits


@claim("T1", "Operators in place are recomputed like any others.", method="regression")
def test_operators_in_place_are_recomputed(claim_scope: Callable[[str], None]) -> None:
    """Selective checkpointing refuses them; other runtimes never recompute them."""

    def prepare() -> Step:
        layers, x = [nn.Linear(32, 32) for _ in range(8)], torch.randn(64, 32)

        def step() -> list[Tensor]:
            h = x
            for layer in layers:
                h = F.leaky_relu_(layer(h).add_(1).mul_(0.5), 0.1)
            h.square().mean().backward()
            return [g for layer in layers for g in gradients(layer)]

        return step

    result = tight(prepare)
    writes = (recomputed(result, name) for name in ("aten::add_", "aten::mul_", "aten::leaky_relu_"))
    claim_scope(f"{sum(writes)} recomputed writes")
    assert result.same_bits


@claim("T1", "Tokens are routed to the same experts when routing is recomputed.", method="regression")
def test_experts_are_chosen_once(claim_scope: Callable[[str], None]) -> None:
    """Routing that changes on recomputation crashes, or spoils gradients silently: here it is noisy, and recomputed."""

    def prepare() -> Step:
        routes, experts = nn.ModuleList(nn.Linear(16, 4) for _ in range(4)), nn.ModuleList()
        experts.extend(nn.Linear(16, 16) for _ in range(4))
        x = torch.randn(96, 16)

        def step() -> list[Tensor]:
            h, routing = x, []
            for route in routes:
                scores = route(h)
                weights, chosen = (scores + torch.randn_like(scores)).softmax(1).topk(2, dim=1)
                mixed = torch.zeros_like(h)
                for index, expert in enumerate(experts):
                    tokens, rank = (chosen == index).nonzero(as_tuple=True)
                    mixed.index_add_(0, tokens, torch.tanh(expert(h[tokens])) * weights[tokens, rank, None])
                h = h + mixed
                routing.append(chosen)
            h.square().mean().backward()
            return [*routing, *gradients(routes), *gradients(experts)]

        return step

    result = tight(prepare)
    claim_scope(f"{recomputed(result, 'aten::topk')} recomputed routings")
    recomputed(result, "aten::nonzero")
    assert result.same_bits


@claim("T2", "A U-Net's observed peak stays within the budget in bytes, at every budget.", method="regression")
def test_a_unets_peak_is_within_every_budget(claim_scope: Callable[[str], None]) -> None:
    """Evicting after the operator overshoots; a ratio that guides a planner can raise the peak as it falls."""

    def observed(extra: int) -> tuple[int, list[Tensor]]:
        with Observer() as observer:
            task = unet.build(0)
            with dtr.budget(dtr.live_bytes() + extra), observer.region() as observation:
                task.loss(task.model, task.batches[0]).backward()
        return observation.peak - observation.start, gradients(task.model)

    eager = unet.build(0)
    eager.loss(eager.model, eager.batches[0]).backward()
    most, _ = observed(1 << 30)
    sufficient = []
    for percent in range(100, 0, -2):
        try:
            peak, found = observed(most * percent // 100)
        except dtr.BudgetExceeded:
            continue
        assert peak <= most * percent // 100
        assert all(map(torch.equal, found, gradients(eager.model)))
        sufficient.append(percent)
    assert sufficient[-1] < 60
    claim_scope(f"{len(sufficient)} budgets from {sufficient[-1]}% of the peak without one")


@claim(
    "T1",
    "Under verify=True a value that is recomputed differently is noticed, and its operator named.",
    method="regression",
)
def test_a_value_recomputed_differently_is_noticed() -> None:
    """Comparing shape, type and device, as other tools do, lets this through."""
    drift = [0.0]

    @torch.library.custom_op("dtr_regressions::drifting", mutates_args=())
    def drifting(x: Tensor) -> Tensor:
        drift[0] += 1e-6
        return x + drift[0]

    a = torch.randn(1 << 12)

    def recomputed_differently(verify: bool) -> Tensor:
        with dtr.budget(dtr.live_bytes() + 4 * a.nbytes, heuristic="h_lru", verify=verify):
            b = drifting(a)
            ballast = torch.empty(4 * a.numel())
            del ballast
            assert dtr.evicted(b)
            return b * 1

    assert recomputed_differently(verify=False).shape == a.shape
    with pytest.raises(dtr.NondeterministicOperator, match="dtr_regressions::drifting") as caught:
        recomputed_differently(verify=True)
    assert caught.value.operator == "dtr_regressions::drifting"
