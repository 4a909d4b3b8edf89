# SPDX-License-Identifier: Apache-2.0
"""How much more a heuristic pays than the optimum: measured competitive ratios over a family of programs.

An instance is a program and a budget within which some run of the machine finishes. The ratio is the cost of
the heuristic's run (all calls, replays included) over the cost of a cheapest run; where the heuristic
runs out of memory there is none, and the instance counts as failed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from dtr_spec.policy import Heuristic
from dtr_spec.program import Program

from .machine import run
from .optimum import least_cost


@dataclass(frozen=True)
class Instance:
    """A program, a budget in bytes, and the least cost (clock units) of a run within it."""

    program: Program
    budget: int
    least: int


@dataclass(frozen=True)
class Record:
    """One heuristic over all instances."""

    heuristic: str
    instances: int
    failed: int
    """Instances at which the heuristic runs out of memory."""
    optimal: int
    """Instances at which it costs no more than the optimum."""
    mean: Fraction
    """The mean ratio over the instances that did not fail."""
    worst: Fraction
    """The greatest ratio."""
    witness: Instance
    """The first instance with that ratio."""
    failure: Instance | None
    """The first failed instance."""


def instances(programs: Iterable[Program]) -> Iterator[Instance]:
    """Every program at every budget that some run can keep and that forces something out."""
    for program in programs:
        enough = sum(program.sizes) + max((sum(_positive(program, k)) for k in program.reads), default=0)
        plenty = run(program, enough, "h_lru").peak
        for budget in range(plenty):
            if (least := least_cost(program, budget)) is not None:
                yield Instance(program, budget, least)


def record(name: str, heuristic: Heuristic | str, family: Iterable[Instance]) -> Record:
    """Run a heuristic (with eager eviction) on every instance. Raises ``ValueError`` if it finishes none."""
    ratios: list[tuple[Fraction, Instance]] = []
    failed: list[Instance] = []
    for instance in family:
        ended = run(instance.program, instance.budget, heuristic)
        if ended.status == "finished":
            ratios.append((Fraction(ended.clock - 1, instance.least), instance))
        else:
            failed.append(instance)
    if not ratios:
        raise ValueError(f"{name} runs out of memory on every instance")
    worst, witness = max(ratios, key=lambda entry: entry[0])
    return Record(
        heuristic=name,
        instances=len(ratios) + len(failed),
        failed=len(failed),
        optimal=sum(ratio == 1 for ratio, _ in ratios),
        mean=Fraction(sum(ratio for ratio, _ in ratios), len(ratios)),
        worst=worst,
        witness=witness,
        failure=failed[0] if failed else None,
    )


def _positive(program: Program, call: int) -> Iterator[int]:
    return (piece for piece in program.call(call).profile if piece > 0)
