# SPDX-License-Identifier: Apache-2.0
"""Figure 3: DTR against schedules planned ahead, on our own training graphs.

The paper extended Checkmate's experiment, whose graphs come from Keras at published sizes; these have the same
architectures, layer by layer, at sizes at which HiGHS often proves an optimum in seconds. All costs and peaks are the
machine's.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from matplotlib.figure import Figure

from dtr_reference.baselines import (
    Execution,
    InfeasibleError,
    Plan,
    RoundingError,
    SolverError,
    checkpoint_all,
    chen_greedy,
    chen_sqrt,
    execute,
    least_budget,
    optimal,
    rounded,
    treeverse,
    treeverse_within,
)
from dtr_reference.graphs import TrainingGraph, chain, mobilenet, resnet, unet, vgg
from dtr_runtime.simulator import simulate

from .drawing import LABELS, legend, panels
from .grid import Grid
from .result import Finding, Result

GRAPHS: dict[str, Callable[[], TrainingGraph]] = {
    "chain of 8": lambda: chain(8),
    "chain of 16": lambda: chain(16),
    "VGG-16": lambda: vgg(batch=64, side=32, width=16),
    "MobileNet": lambda: mobilenet(batch=64, side=32, width=8, blocks=5),
    "U-Net": lambda: unet(batch=16, side=64, width=8, depth=2),
    "ResNet": lambda: resnet(blocks=1, batch=64, side=16, width=8),
}
DTR = ("h_dtr", "h_dtr_eq", "h_lru")
STATIC = ("Chen sqrt(N)", "Chen greedy", "treeverse")
NEAR = 1.1


@dataclass(frozen=True)
class Point:
    """One schedule. ``cost`` is in units of the cost without rematerialization, None if the scheme has no schedule."""

    graph: str
    scheme: str
    budget: int
    share: float
    """Of the way from the least feasible budget to the peak without rematerialization."""
    cost: float | None
    proved: bool = False
    """The solver proved that no schedule costs less."""


def run(grid: Grid) -> Result:
    """Every scheme at every budget."""
    points = [point for name in grid.static_graphs for point in _points(name, grid)]
    findings = (_near_optimal(points), _lru(points))
    title = "DTR and static schemes on our training graphs (after figure 3)"
    return Result("figure3", title, [asdict(point) for point in points], findings, drawn(points))


def drawn(points: list[Point]) -> Figure:
    """A panel a graph, a line a scheme, where it has a schedule."""
    graphs = tuple(dict.fromkeys(point.graph for point in points))
    figure, axes = panels(graphs)
    for name, chart in zip(graphs, axes, strict=True):
        for scheme in dict.fromkeys(point.scheme for point in points):
            shown = [(p.share, p.cost) for p in points if (p.graph, p.scheme) == (name, scheme) and p.cost is not None]
            chart.plot(
                [x for x, _ in shown], [y for _, y in shown], marker=".", linewidth=1, label=LABELS.get(scheme, scheme)
            )
        chart.set_xlabel("budget: least feasible to peak", fontsize=8)
        chart.set_ylabel("slowdown", fontsize=8)
        chart.set_ylim(0.98, 2)
        chart.tick_params(labelsize=7)
    legend(figure, axes)
    return figure


def _points(name: str, grid: Grid) -> Iterator[Point]:
    graph = GRAPHS[name]()
    least, peak = _least(graph, grid.solver_seconds), checkpoint_all(graph).peak
    for share in grid.static_shares:
        budget = least + int(share * (peak - least))
        for scheme, cost, proved in _schemes(graph, budget, grid.solver_seconds):
            yield Point(name, scheme, budget, share, None if cost is None else cost / graph.cost, proved)


def _least(graph: TrainingGraph, seconds: float) -> int:
    """The least feasible budget, or if the solver finds none in time, treeverse's."""
    try:
        return least_budget(graph, seconds).execution.peak
    except SolverError:
        return min(treeverse(graph, snapshots).peak for snapshots in range(1, len(graph.forward)))


def _schemes(graph: TrainingGraph, budget: int, seconds: float) -> Iterator[tuple[str, int | None, bool]]:
    try:
        best = optimal(graph, budget, seconds)
        yield "optimal", best.execution.cost, best.execution.cost == best.bound
    except SolverError:
        yield "optimal", None, False
    yield "rounded", _cost(lambda: rounded(graph, budget)), False
    yield "Chen sqrt(N)", _cost(lambda: _fitting(chen_sqrt(graph), budget)), False
    yield "Chen greedy", _cost(lambda: chen_greedy(graph, budget)), False
    yield "treeverse", _cost(lambda: treeverse_within(graph, budget)), False
    for heuristic in DTR:
        done = simulate(graph.program(), budget, heuristic, record=False)
        yield heuristic, done.clock - 1 if done.status == "finished" else None, False


def _cost(scheme: Callable[[], Execution]) -> int | None:
    try:
        return scheme().cost
    except (InfeasibleError, RoundingError):
        return None


def _fitting(plan: Plan, budget: int) -> Execution:
    if plan.peak > budget:
        raise InfeasibleError(budget, plan.peak)
    return execute(plan, budget)


def _pairs(points: list[Point], one: str, other: str) -> list[tuple[Point, float, float]]:
    """Where both schemes have a schedule: their costs."""
    costs = {(point.graph, point.budget, point.scheme): point.cost for point in points}
    pairs = ((p, p.cost, costs[p.graph, p.budget, other]) for p in points if p.scheme == one)
    return [(point, mine, theirs) for point, mine, theirs in pairs if mine is not None and theirs is not None]


def _near_optimal(points: list[Point]) -> Finding:
    ratios = [mine / best for h in ("h_dtr", "h_dtr_eq") for _, mine, best in _pairs(points, h, "optimal")]
    near = sum(ratio <= NEAR for ratio in ratios)
    proved = sum(point.proved for point in points)
    missing = [p for p in points if p.scheme in ("h_dtr", "h_dtr_eq") and p.cost is None]
    return Finding(
        "section 4.3",
        "h_DTR and h_DTR^eq come close to the optimal schedule",
        near >= 0.9 * (len(ratios) + len(missing)),
        f"within {NEAR - 1:.0%} of the best schedule of the integer program ({proved} proved optimal) at {near} of "
        f"{len(ratios) + len(missing)} budgets, at worst {max(ratios):.2f} times it; out of memory at {len(missing)}",
    )


def _lru(points: list[Point]) -> Finding:
    lost = [
        (point, scheme)
        for scheme in STATIC
        for point in points
        if point.scheme == scheme and point.cost is not None and point.cost < _lru_cost(points, point)
    ]
    compared = sum(point.scheme in STATIC and point.cost is not None for point in points)
    return Finding(
        "section 4.3",
        "even h_LRU is better than the static baselines (Chen et al., treeverse)",
        not lost,
        f"of {compared} static schedules {len(lost)} cost less than h_LRU at the same budget",
    )


def _lru_cost(points: list[Point], at: Point) -> float:
    costs = [p.cost for p in points if (p.graph, p.budget, p.scheme) == (at.graph, at.budget, "h_lru")]
    return float("inf") if costs[0] is None else costs[0]
