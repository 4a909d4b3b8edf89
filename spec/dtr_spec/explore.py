# SPDX-License-Identifier: Apache-2.0
"""All runs of a small program: every state that the machine can reach, whatever the policy does.

The successor relation lets EVICT take any evictable storage at any time, so the states found
include those of every policy, of every order of gathering inputs, and of every deallocation.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from .configuration import Configuration, initial
from .invariants import violations
from .program import Program
from .step import Label, finished, observed, successors
from .terms import Term


@dataclass
class Exploration:
    """What all runs of a program under one budget have in common, and where they end."""

    states: int = 0
    steps: int = 0
    finished: int = 0
    out_of_memory: int = 0
    stuck: list[Configuration] = field(default_factory=list)
    """T5: configurations without a step that are neither finished nor out of memory."""
    violations: list[tuple[str, Configuration]] = field(default_factory=list)
    """Invariants that fail, and where."""
    observations: set[tuple[int, Term]] = field(default_factory=set)
    """T7: (call, what it read) over all runs; one term a call if policies do not matter."""
    labels: set[str] = field(default_factory=set)
    """The rules that some run uses."""


class ExplorationLimitError(RuntimeError):
    """More states than the limit; explore a smaller program, or raise the limit."""


def explore(program: Program, budget: int, limit: int = 200_000) -> Exploration:
    """Visit every configuration reachable under a budget (bytes) and check it.

    Raises ``ExplorationLimitError`` beyond ``limit`` states.
    """
    found = Exploration()
    start = initial(program, budget)
    seen = {start.frozen()}
    queue = deque([start])
    while queue:
        c = queue.popleft()
        found.states += 1
        found.violations += [(name, c) for name in violations(c)]
        ends = True
        for label, after in _steps(c, found):
            ends = False
            found.labels.add(label.rule)
            key = after.frozen()
            if key not in seen:
                seen.add(key)
                queue.append(after)
        if ends:
            _end(c, found)
        if len(seen) > limit:
            raise ExplorationLimitError(f"more than {limit} states; explore a smaller program or raise the limit")
    return found


def _steps(c: Configuration, found: Exploration) -> Iterator[tuple[Label, Configuration]]:
    for label, after in successors(c):
        found.steps += 1
        if (seen := observed(c, label)) is not None:
            found.observations.add((label.operands[0], seen))
        yield label, after


def _end(c: Configuration, found: Exploration) -> None:
    if c.stopped:
        found.out_of_memory += 1
    elif finished(c):
        found.finished += 1
    else:
        found.stuck.append(c)
