# SPDX-License-Identifier: Apache-2.0
"""PyTorch's operators one by one, on PyTorch's own samples: what schemas omit, and every result evicted."""

import contextlib
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

import pytest
import torch

import dtr_runtime as dtr
from dtr_spec.monitor import check

from ..claims import ROOT, claim
from .operators import Outcome, Probe, Sample, bits, database, dtypes_of, name_of, operators, samples, shape

SAMPLES, THOROUGH_SAMPLES = 2, 40
"""Of each operator, and of each type in a thorough run; by default only of one type."""

BUDGET = 1 << 40
"""Bytes. Asking for all of it never succeeds, and evicts whatever can be evicted first."""

NEVER_EVICTED = {
    **dict.fromkeys(("allclose", "broadcast_shapes", "equal", "item"), "no tensors"),
    **dict.fromkeys(("empty", "empty_like", "empty_permuted", "empty_strided"), "memory that nobody filled"),
    **dict.fromkeys(("new_empty", "new_empty_strided"), "memory that nobody filled"),
    **dict.fromkeys(("sparse.mm.reduce", "sparse.sampled_addmm", "to_sparse"), "sparse tensors"),
    **dict.fromkeys(("linalg.matrix_rank", "linalg.matrix_rank.hermitian"), "resized while it was filled"),
    "_batch_norm_with_update": "overwrites statistics of about the size of what it reads",
    "nn.functional.rrelu": "overwrites the noise that it reads",
    **{f"jiterator_{kind}": "needs a GPU" for kind in ("unary", "binary", "binary_return_by_ref")},
    **{f"jiterator_{kind}": "needs a GPU" for kind in ("2inputs_2outputs", "4inputs_with_extra_args")},
}
"""No result of any sample is ever evicted, and why."""

IRREPRODUCIBLE = {
    **dict.fromkeys(("empty", "empty_like", "empty_permuted", "empty_strided"), "memory that nobody filled"),
    **dict.fromkeys(("new_empty", "new_empty_strided"), "memory that nobody filled"),
    **dict.fromkeys(("fft.ihfft2", "fft.ihfftn"), "out= is left partly unfilled"),
    **dict.fromkeys(("linalg.lstsq", "linalg.lstsq.grad_oriented"), "LAPACK's last bits vary"),
}
"""Eager PyTorch returns other bits from run to run: only shapes are compared."""

READ_BEHIND_OPERATORS = {"tensor_split", "nn.functional.ctc_loss"}
"""Composite operators that read integers through a raw pointer: they say so when these are evicted."""


@dataclass
class Sweep:
    """What was tried."""

    counts: Counter[str] = field(default_factory=Counter)
    evicted: set[str] = field(default_factory=set)
    """Names of operators of which a result was evicted and came back."""
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {what}" for what, count in self.counts.items())


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """PyTorch's samples include deprecated uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tried(info: Any, thorough: bool) -> Iterator[tuple[Sample, Outcome]]:
    """What eager PyTorch makes of an operator's samples: of the first that have bytes.

    Where the gradient is refused (that of eigenvectors may be ill-defined), the sample goes without.
    """
    for dtype in dtypes_of(info) if thorough else dtypes_of(info)[:1]:
        found = samples(info, dtype)
        for sample in chain.from_iterable(islice(filter(has_bytes, found), THOROUGH_SAMPLES if thorough else SAMPLES)):
            for differentiable in dict.fromkeys((sample.differentiable, False)):
                attempt = replace(sample, differentiable=differentiable)
                outcome = eager(attempt)
                if outcome is not None:
                    yield attempt, outcome
                    break


def has_bytes(variants: list[Sample]) -> bool:
    """Whether eager PyTorch accepts the sample and all its tensors have elements."""
    outcome = eager(replace(variants[0], differentiable=False))
    return outcome is not None and bool(outcome.results) and all(t.numel() for t in outcome.tensors)


def eager(sample: Sample) -> Outcome | None:
    """The sample in eager PyTorch; None if that raises, as some do by design."""
    try:
        return sample.run(lambda: None)
    except Exception:
        return None


def undeclared_writes() -> set[tuple[str, str]]:
    """The runtime's table of arguments that are overwritten without saying so."""
    table = re.findall(r'\{"(aten::\w+)", \{("\w+"(?:, "\w+")*)\}\}', source_of("kUndeclaredWrites"))
    return {(operator, argument) for operator, some in table for argument in re.findall(r"\w+", some)}


def undeclared_views() -> set[str]:
    """The runtime's table of operators that return views without saying so."""
    return set(re.findall(r"aten::\w+", source_of("kUndeclaredViews")))


def source_of(table: str) -> str:
    """The lines that define a table of the runtime."""
    source = (ROOT / "runtime/dtr_runtime/csrc/torch/operators.cpp").read_text()
    return source.partition(f" {table}{{")[2].partition(";")[0]


beyond_schemas = claim("T4", "What kernels do beyond their schemas is in the runtime's tables.", method="measured")


@beyond_schemas
def test_undeclared_effects_are_known(request: pytest.FixtureRequest, claim_scope: Callable[[str], None]) -> None:
    """Writes, aliases, draws from the generator, and views that are none, in operators and their gradients."""
    probe, runs = Probe(), 0
    for info in operators():
        for sample, _ in tried(info, request.config.option.thorough):
            with probe:
                runs += eager(sample) is not None
    assert probe.writes <= undeclared_writes()
    assert probe.aliases <= undeclared_views()
    assert not probe.draws
    assert not probe.copies
    assert {("aten::native_batch_norm", "running_mean")} <= probe.writes, "the probe sees nothing"
    claim_scope(f"{len(probe.seen):,} ATen operators in {runs:,} samples")


@beyond_schemas
def test_the_probe_sees_what_schemas_omit() -> None:
    library = torch.library.Library("dtr_probe", "DEF")
    library.define("silent(Tensor a, Tensor b) -> Tensor")
    library.define("honest(Tensor(a!) a) -> Tensor(a!)")
    library.define("view(Tensor(a) a) -> Tensor(a)")
    library.impl("silent", lambda a, b: b.add_(torch.rand(3)), "CPU")
    library.impl("honest", lambda a: a.add_(1), "CPU")
    library.impl("view", lambda a: a.clone(), "CPU")
    with Probe() as probe:
        torch.ops.dtr_probe.silent(torch.zeros(3), torch.zeros(3))
        torch.ops.dtr_probe.honest(torch.zeros(3))
        torch.ops.dtr_probe.view(torch.zeros(3))
    assert probe.writes == {("dtr_probe::silent", "b")}
    assert probe.aliases == probe.draws == {"dtr_probe::silent"}
    assert probe.copies == {"dtr_probe::view"}


def push_out() -> None:
    """Evicts everything that can be evicted."""
    with contextlib.suppress(dtr.BudgetExceeded):
        torch.empty(BUDGET, dtype=torch.uint8)


def compare(sample: Sample, expected: Outcome, sweep: Sweep) -> None:
    """Evicts arguments and results at every step, reads all of them, evicts again and leaves."""
    with dtr.budget(BUDGET) as run:
        outcome = sample.run(push_out)
        gone = [t for t in outcome.results if dtr.evicted(t)]
        read = [t.clone() for t in outcome.tensors]
        push_out()
    if gone:
        sweep.evicted.add(sample.name)
    sweep.counts["samples"] += 1
    sweep.counts["results rematerialized"] += len(gone)
    if list(map(shape, outcome.tensors)) != list(map(shape, expected.tensors)):
        sweep.failures.append(f"{sample}: other shapes")
    wanted = list(map(bits, expected.tensors))
    if sample.name not in IRREPRODUCIBLE:
        for how, found in (("read within the scope", read), ("after the scope", outcome.tensors)):
            if list(map(bits, found)) != wanted:
                sweep.failures.append(f"{sample}: other bits, {how}")
    verdict = check(run.trace)
    if not verdict:
        sweep.failures.append(f"{sample}: no run of the machine: {verdict.reason}")


@claim("T1", "Results of PyTorch's operators come back from eviction with eager's bits.", method="measured")
@claim("T8", "The traces of PyTorch's operators are runs of the machine.", method="measured")
def test_evicted_results_come_back(request: pytest.FixtureRequest, claim_scope: Callable[[str], None]) -> None:
    """As functions, in place, with ``out=``, and their gradients; a result that is never evicted has a reason."""
    sweep = Sweep()
    for info in operators():
        sweep.counts["operators"] += 1
        for sample, expected in tried(info, request.config.option.thorough):
            try:
                compare(sample, expected, sweep)
            except RuntimeError as error:
                if sample.name not in READ_BEHIND_OPERATORS or "bypasses the operators" not in str(error):
                    sweep.failures.append(f"{sample}: {error}")
    assert not sweep.failures, "\n".join(sweep.failures)
    never = {name_of(info) for info in operators()} - sweep.evicted
    assert never == set(NEVER_EVICTED)
    claim_scope(f"{sweep}; never evicted: {', '.join(sorted(never))}")


def test_the_lists_of_exceptions_name_operators() -> None:
    names = {name_of(info) for info in database()}
    assert names >= {*NEVER_EVICTED, *IRREPRODUCIBLE, *READ_BEHIND_OPERATORS}
