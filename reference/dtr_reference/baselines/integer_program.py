# SPDX-License-Identifier: Apache-2.0
"""The integer program of Jain et al., "Checkmate: breaking the memory wall with optimal tensor rematerialization"
(MLSys 2020), sections 4.3 to 4.8, for HiGHS.

R[t, i]: stage t computes node i (R[t, t] = 1, and nothing beyond t). S[t, i]: node i's result stays into stage t.
F[t, i, k]: within stage t, node i's bytes are freed after node k, which reads it. U[t, k]: bytes in use when
k's turn in stage t has come: what is in memory then and, if k is computed, its result.

    minimize  sum C[i] R[t, i]   subject to
    R[t, k] <= R[t, i] + S[t, i]                                     k reads i
    S[t, i] <= R[t - 1, i] + S[t - 1, i],  1 - R[t, i]
    U[t, 0] = fixed + M[0] R[t, 0] + sum M[i] S[t, i]
    U[t, k + 1] = U[t, k] + M[k + 1] R[t, k + 1] - sum M[i] F[t, i, k]    over the i that k reads
    U[t, k] <= budget
    F[t, i, k] <= R[t, k],  1 - S[t + 1, i],  1 - R[t, j]            j > k reads i

``fixed`` is their M_input + 2 M_param. At the end, S[T, i] = 1 for what the graph retains; theirs retains nothing.
The last line is the product that defines their FREE, factor by factor, which makes the relaxation tighter than
counting the hazards does. They also let a result be freed after its own computation, and be computed where it stays;
an optimum does neither. Only R is integral: given R, so is the least S that serves it, and neither to keep more nor to
free less ever helps.
"""

from dataclasses import dataclass, field
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import milp
from scipy.sparse import csr_array

from ..graphs import TrainingGraph
from .plan import Plan

_LIMIT_REACHED, _INFEASIBLE = 1, 2
"""Statuses of ``scipy.optimize.milp``."""


class SolverError(RuntimeError):
    """HiGHS ended without a solution; the message is its own."""


@dataclass(frozen=True)
class Solution:
    """R and S[t + 1, i] as matrices, fractional if the program was relaxed.

    ``bound``, in clock units or, if the peak is minimized, bytes, is proved: nothing feasible is below it.
    """

    computed: NDArray[np.float64]
    stays: NDArray[np.float64]
    bound: int

    def plan(self, graph: TrainingGraph) -> Plan:
        """The integral solution: what stays is what serves the computations."""
        kept: list[frozenset[int]] = []
        stays = graph.retained
        for stage in range(len(graph.nodes) - 1, -1, -1):
            kept.append(stays)
            computed = frozenset(map(int, np.flatnonzero(self.computed[stage] > 0.5)))
            stays = stays.union(*(graph.nodes[node].reads for node in computed)) - computed
        return Plan(graph, tuple(reversed(kept)))

    def rounded(self, graph: TrainingGraph, threshold: float) -> Plan:
        """What stays is what is at least the threshold; stages compute no more than that requires."""
        rows = (np.flatnonzero(row >= threshold) for row in self.stays)
        return Plan(graph, tuple(frozenset(map(int, row)) for row in rows))


@dataclass
class _Rows:
    """Linear constraints: lower <= sum of coefficient times column <= upper."""

    entries: list[tuple[int, int, float]] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def add(self, terms: list[tuple[int, float]], lower: float, upper: float) -> None:
        self.entries += [(len(self.lower), column, coefficient) for column, coefficient in terms]
        self.lower.append(lower)
        self.upper.append(upper)

    def constraint(self, columns: int) -> tuple[csr_array, list[float], list[float]]:
        row, column, coefficient = zip(*self.entries, strict=True)
        matrix = csr_array((coefficient, (row, column)), shape=(len(self.lower), columns))
        return matrix, self.lower, self.upper


class IntegerProgram:
    """The program of one graph, in units of the sizes' greatest common divisor, and of the costs'."""

    def __init__(self, graph: TrainingGraph) -> None:
        self.graph = graph
        self.byte = gcd(*(node.size for node in graph.nodes)) or 1
        self.clock = gcd(*(node.cost for node in graph.nodes)) or 1
        self._sizes = [node.size // self.byte for node in graph.nodes]
        self._columns = 0
        stages = range(len(graph.nodes))
        self._r = {(t, i): self._column() for t in stages for i in range(t + 1)}
        self._s = {(t, i): self._column() for t in stages for i in range(t)}
        self._f = {(t, i, k): self._column() for t in stages for k in range(t + 1) for i in graph.nodes[k].reads}
        self._u = {(t, k): self._column() for t in stages for k in range(t + 1)}
        self._peak = self._column()
        self._rows = _Rows()
        for stage in stages:
            self._dependencies(stage)
            self._memory(stage)
            self._frees(stage)
        self._end()

    def cheapest(self, budget: int, *, relaxed: bool = False, seconds: float | None = None) -> Solution | None:
        """Least cost within a budget of bytes; None if there is no solution. Raises ``SolverError``."""
        objective = np.zeros(self._columns)
        for (_, node), column in self._r.items():
            objective[column] = self.graph.nodes[node].cost // self.clock
        return self._solve(objective, (budget - self.graph.fixed) // self.byte, self.clock, 0, relaxed, seconds)

    def smallest(self, seconds: float | None = None) -> Solution:
        """Least peak. Raises ``SolverError``."""
        objective = np.zeros(self._columns)
        objective[self._peak] = 1
        solution = self._solve(objective, np.inf, self.byte, self.graph.fixed, False, seconds)
        assert solution is not None
        return solution

    def _column(self) -> int:
        self._columns += 1
        return self._columns - 1

    def _dependencies(self, t: int) -> None:
        for k in range(t + 1):
            for i in self.graph.nodes[k].reads:
                self._rows.add([(self._r[t, k], 1), (self._r[t, i], -1), (self._s[t, i], -1)], -np.inf, 0)
        for i in range(t):
            there = [(self._r[t - 1, i], -1.0)] + ([(self._s[t - 1, i], -1.0)] if i < t - 1 else [])
            self._rows.add([(self._s[t, i], 1), *there], -np.inf, 0)
            self._rows.add([(self._s[t, i], 1), (self._r[t, i], 1)], -np.inf, 1)

    def _memory(self, t: int) -> None:
        size = self._sizes
        start = [(self._s[t, i], -float(size[i])) for i in range(t)]
        self._rows.add([(self._u[t, 0], 1), (self._r[t, 0], -size[0]), *start], 0, 0)
        for k in range(t):
            freed = [(self._f[t, i, k], float(size[i])) for i in self.graph.nodes[k].reads]
            grown = [(self._u[t, k + 1], 1.0), (self._u[t, k], -1.0), (self._r[t, k + 1], -float(size[k + 1]))]
            self._rows.add(grown + freed, 0, 0)
        for k in range(t + 1):
            self._rows.add([(self._u[t, k], 1), (self._peak, -1)], -np.inf, 0)

    def _frees(self, t: int) -> None:
        for k in range(t + 1):
            for i in self.graph.nodes[k].reads:
                free = self._f[t, i, k]
                self._rows.add([(free, 1), (self._r[t, k], -1)], -np.inf, 0)
                hazards = [self._r[t, j] for j in self.graph.readers[i] if k < j <= t]
                hazards += [self._s[t + 1, i]] if t + 1 < len(self.graph.nodes) else []
                for hazard in hazards:
                    self._rows.add([(free, 1), (hazard, 1)], -np.inf, 1)

    def _end(self) -> None:
        """What is retained stays behind the last stage, so nothing frees it there."""
        last = len(self.graph.nodes) - 1
        for i in self.graph.retained:
            there = [(self._r[last, i], 1.0)] + ([(self._s[last, i], 1.0)] if i < last else [])
            self._rows.add(there, 1, np.inf)
            for k in self.graph.readers[i]:
                self._rows.add([(self._f[last, i, k], 1)], 0, 0)

    def _solve(
        self,
        objective: NDArray[np.float64],
        limit: float,
        unit: int,
        offset: int,
        relaxed: bool,
        seconds: float | None,
    ) -> Solution | None:
        lower, upper = np.zeros(self._columns), np.ones(self._columns)
        upper[list(self._u.values())] = np.inf
        upper[self._peak] = limit
        lower[[self._r[t, t] for t in range(len(self.graph.nodes))]] = 1
        integral = np.zeros(self._columns)
        integral[list(self._r.values())] = 0 if relaxed else 1
        options = {"mip_rel_gap": 0.0} | ({} if seconds is None else {"time_limit": seconds})
        found = milp(
            objective,
            integrality=integral,
            bounds=(lower, upper),
            constraints=self._rows.constraint(self._columns),
            options=options,
        )
        if found.status == _INFEASIBLE:
            return None
        if found.x is None:
            raise SolverError(found.message)
        proved = found.fun if relaxed else found.mip_dual_bound
        return Solution(*self._matrices(found.x), offset + unit * _least_integer(proved))

    def _matrices(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        computed, stays = (np.zeros((len(self.graph.nodes),) * 2) for _ in range(2))
        for (t, i), column in self._r.items():
            computed[t, i] = x[column]
        for (t, i), column in self._s.items():
            stays[t - 1, i] = x[column]
        stays[-1, sorted(self.graph.retained)] = 1
        return computed, stays


def _least_integer(bound: float) -> int:
    """The least integer that is not below a bound computed in double precision to the solver's tolerances."""
    return ceil(bound - 1e-3 - 1e-9 * abs(bound))
