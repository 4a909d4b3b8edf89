# SPDX-License-Identifier: Apache-2.0
"""The paper's simulator as a configuration: its heuristics and deallocation policies, by its names and by ours.

Its other choices are the same for every run; ``reference/SIMRD.md`` lists them, each with its reason.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Deallocation = Literal["ignore", "eager", "banish"]
Status = Literal["finished", "out_of_memory", "thrashed"]
Choice = Literal["least_score", "least_recent", "random"]
Cost = Literal["none", "local", "ancestors", "regions", "classes", "neighborhood", "estar", "evicted_ancestors"]


@dataclass(frozen=True, slots=True)
class Heuristic:
    """How a victim is chosen.

    ``least_score`` takes the least of cost / (size x staleness), where ``size`` and ``staleness`` say which
    factors of the denominator are kept and ``cost`` which numerator: 1 ("none"), the storage's own cost
    ("local"), or that and the cost of evicted ancestors from a cached region ("ancestors"), of ancestors and
    descendants from two cached regions, added ("regions"), of the union-find classes next to it ("classes"), of
    e* by search, where staleness counts from the latest access in all of e* ("neighborhood"). Two are ours: of
    e* by search, each storage once ("estar"), and of the evicted ancestors by search ("evicted_ancestors").
    ``least_recent`` takes the least last access, ``random`` anything.
    """

    choice: Choice
    cost: Cost = "none"
    size: bool = False
    staleness: bool = False

    @property
    def cached(self) -> bool:
        """Whether it needs what only the evictions of a run without banishing keep up to date."""
        return self.cost in ("ancestors", "regions", "classes")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did, up to where it stopped. Clock and costs in clock units, peak in bytes."""

    status: Status
    clock: int
    rematerialization_cost: int
    peak: int
    evictions: int
    evaluations: int
    """How often a heuristic was evaluated."""
    accesses: int
    """How often a heuristic looked at metadata, as simrd counts it."""


class SimrdStopsError(AssertionError):
    """simrd itself would stop here, at an assertion of its own; the message says which."""


def _ablations() -> dict[str, Heuristic]:
    costs: dict[str, Cost] = {"E": "regions", "Eq": "classes", "Local": "local"}
    made = {
        f"Ab{name}{'Size' * size}{'Stale' * stale}": Heuristic("least_score", cost, bool(size), bool(stale))
        for name, cost in costs.items()
        for size in (0, 1)
        for stale in (0, 1)
    }
    return made | {
        "AbSizeStale": Heuristic("least_score", "none", True, True),
        "AbSize": Heuristic("least_score", "none", True, False),
        "AbStale": Heuristic("least_score", "none", False, True),
        "AbRandom": Heuristic("random"),
    }


_SIMRD = {
    "DTR": Heuristic("least_score", "regions", True, True),
    "DTRUnopt": Heuristic("least_score", "neighborhood", True, True),
    "DTREqClass": Heuristic("least_score", "classes", True, True),
    "DTRLocal": Heuristic("least_score", "local", True, True),
    "MSPS": Heuristic("least_score", "ancestors", True, False),
    "LRU": Heuristic("least_recent"),
    "LargestStorage": Heuristic("least_score", "none", True, False),
    "RandomStorage": Heuristic("random"),
    **_ablations(),
}
PAPER = MappingProxyType(
    {
        "h_dtr": "DTR",
        "h_dtr_eq": "DTREqClass",
        "h_dtr_local": "DTRLocal",
        "h_lru": "LRU",
        "h_size": "LargestStorage",
        "h_msps": "MSPS",
        "h_rand": "RandomStorage",
    }
)
"""The paper's heuristics (section 4.1, appendix D): our name -> simrd's class."""
EXACT = MappingProxyType(
    {
        "h_dtr_exact": Heuristic("least_score", "estar", True, True),
        "h_msps_exact": Heuristic("least_score", "evicted_ancestors", True, False),
        "h_estar": Heuristic("least_score", "estar", True, False),
    }
)
"""The paper's definitions without simrd's caches, which simrd does not have; and that of theorem 3.1."""
HEURISTICS = MappingProxyType({**_SIMRD, **{ours: _SIMRD[theirs] for ours, theirs in PAPER.items()}, **EXACT})
"""Heuristics by the name of simrd's class, and by ours."""
DEALLOCATIONS: MappingProxyType[str, Deallocation] = MappingProxyType(
    {
        "RuntimeV1": "banish",
        "RuntimeV2": "ignore",
        "RuntimeV2Optimized": "ignore",
        "RuntimeV2Eager": "eager",
        "RuntimeV2EagerOptimized": "eager",
    }
)
"""Deallocation policies by the name of simrd's class."""


def heuristic(name: str, deallocation: Deallocation) -> Heuristic:
    """The heuristic of that name; raises ``ValueError`` if there is none, or not under that deallocation policy."""
    if name not in HEURISTICS:
        raise ValueError(f"unknown heuristic {name!r}; known are {', '.join(HEURISTICS)}")
    if deallocation not in DEALLOCATIONS.values():
        raise ValueError(f"unknown deallocation policy {deallocation!r}; known are ignore, eager, banish")
    if deallocation == "banish" and HEURISTICS[name].cached:
        raise ValueError(f"{name} needs caches that are not kept under banishing; DTRUnopt searches instead")
    return HEURISTICS[name]
