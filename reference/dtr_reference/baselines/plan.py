# SPDX-License-Identifier: Apache-2.0
"""Plans: what a static scheme decides before anything runs.

Stage t ends with the client's call of node t (Jain et al., 2020, section 4.2: R_{t,t} = 1). A plan says which results
stay in memory from one stage to the next (their matrix S). What a stage computes (their R) follows: node t, what stays
and was not there, and whatever these need, each once and in the order of the nodes. A result is freed after
its last use in the stage unless it stays.

Cost and peak are foretold here by arithmetic, so that many plans can be compared; what a scheme reports is what the
machine measures (``execution.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ..graphs import TrainingGraph


class PlanError(ValueError):
    """A plan that cannot be carried out; the message names the stage or the step."""


class Compute(NamedTuple):
    """Compute a node's result from those of the nodes that it reads."""

    node: int


class Free(NamedTuple):
    """Give back the bytes of a node's result."""

    node: int


@dataclass(frozen=True)
class Plan:
    """``kept[t]`` are the nodes whose results stay in memory after stage t.

    Raises ``PlanError`` if there is not one entry a stage, an entry names a node whose turn is still to come, or
    the last does not keep what the graph retains.
    """

    graph: TrainingGraph
    kept: tuple[frozenset[int], ...]

    def __post_init__(self) -> None:
        if len(self.kept) != len(self.graph.nodes):
            raise PlanError(f"{len(self.kept)} stages for {len(self.graph.nodes)} nodes")
        for stage, kept in enumerate(self.kept):
            if kept and not 0 <= min(kept) <= max(kept) <= stage:
                raise PlanError(f"stage {stage} keeps {sorted(kept)}; only nodes 0 to {stage} exist by then")
        if self.kept and (lost := self.graph.retained - self.kept[-1]):
            raise PlanError(f"the last stage does not keep {sorted(lost)}, which the graph retains")

    @cached_property
    def computed(self) -> tuple[tuple[int, ...], ...]:
        """For each stage, the nodes that it computes, in order; the last is the client's."""
        return tuple(self._computed(stage) for stage in range(len(self.kept)))

    @cached_property
    def stages(self) -> tuple[tuple[Compute | Free, ...], ...]:
        """For each stage, its steps in order."""
        return tuple(tuple(self._steps(stage)) for stage in range(len(self.kept)))

    @cached_property
    def cost(self) -> int:
        """What carrying out the plan costs, in clock units."""
        return sum(self.graph.nodes[node].cost for computed in self.computed for node in computed)

    @cached_property
    def peak(self) -> int:
        """The bytes that carrying out the plan takes, the fixed ones included."""
        used = peak = self.graph.fixed
        for step in (step for steps in self.stages for step in steps):
            used += self.graph.nodes[step.node].size * (1 if isinstance(step, Compute) else -1)
            peak = max(peak, used)
        return peak

    def _kept_before(self, stage: int) -> frozenset[int]:
        return self.kept[stage - 1] if stage else frozenset()

    def _computed(self, stage: int) -> tuple[int, ...]:
        before = self._kept_before(stage)
        needed = {stage} | (self.kept[stage] - before)
        for node in range(stage, -1, -1):
            if node in needed:
                needed |= set(self.graph.nodes[node].reads) - before
        return tuple(sorted(needed))

    def _steps(self, stage: int) -> Iterator[Compute | Free]:
        last_use: dict[int, int] = {}
        for node in self.computed[stage]:
            last_use |= dict.fromkeys((node, *self.graph.nodes[node].reads), node)
        kept = self.kept[stage]
        yield from map(Free, sorted(self._kept_before(stage) - kept - last_use.keys()))
        for node in self.computed[stage]:
            yield Compute(node)
            done = (used for used in (*self.graph.nodes[node].reads, node) if last_use[used] == node)
            yield from (Free(used) for used in done if used not in kept)
