# SPDX-License-Identifier: Apache-2.0
"""The least cost of any run, by definition: a shortest path over the machine's own steps.

It takes every program, mutations included, but visits every order of every step: for very small programs,
and to check ``optimum.py``, which takes larger steps. The search is A* (Hart, Nilsson and Raphael, 1968), which here
is Dijkstra's with the costs of the client's calls that are still to come counted in advance: no run saves any.
"""

from heapq import heappop, heappush
from itertools import count

from dtr_spec.configuration import Configuration, initial
from dtr_spec.explore import ExplorationLimitError
from dtr_spec.facts import CLIENT
from dtr_spec.program import Call, Program
from dtr_spec.step import Label, event_of, finished, successors
from dtr_spec.trace import Trace

Key = tuple[object, ...]


def shortest_run(program: Program, budget: int, limit: int = 200_000) -> tuple[int, Trace] | None:
    """The cost (clock units) and trace of a cheapest run within a budget of bytes, or None if none finishes.

    Raises ``ExplorationLimitError`` beyond ``limit`` configurations.
    """
    start = initial(program, budget)
    least: dict[Key, int] = {start.frozen(): start.clock}
    came: dict[Key, tuple[Key, Label, Configuration]] = {}
    order = count()
    queue = [(0, 0, next(order), start)]
    while queue:
        _, _, _, c = heappop(queue)
        key = c.frozen()
        if finished(c):
            return c.clock - 1, _trace(came, key, program, budget)
        if c.clock > least[key]:
            continue
        for label, after in successors(c):
            then = after.frozen()
            if after.clock < least.get(then, after.clock + 1):
                least[then] = after.clock
                came[then] = key, label, after
                heappush(queue, (after.clock + _to_come(after), -after.position, next(order), after))
        if len(least) > limit:
            raise ExplorationLimitError(f"more than {limit} configurations; take a smaller program or raise the limit")
    return None


def _to_come(c: Configuration) -> int:
    """The cost of the client's calls that have not been executed."""
    under_way = c.depth > 0 and c.target[1] == CLIENT and c.executed[1]
    commands = c.facts.program.commands[c.position + under_way :]
    return sum(command.cost for command in commands if isinstance(command, Call))


def _trace(came: dict[Key, tuple[Key, Label, Configuration]], key: Key, program: Program, budget: int) -> Trace:
    events = []
    while key in came:
        key, label, after = came[key]
        events.append(event_of(label, after))
    return Trace(program, budget, tuple(events[::-1]))
