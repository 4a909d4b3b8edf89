# SPDX-License-Identifier: Apache-2.0
"""How the time to decide grows with a program, up to a million operators at a fixed ratio of memory.

    python -m benchmarks.simulation

Two networks are trained for one step on the engine, without tensors: layers in a row, of uneven sizes and
costs, and an LSTM-like network unrolled in time. The budget is a fraction of what the same program needs at
most without one. What is to be evicted is chosen by a tournament; up to some length, the same decisions are
also taken by a look at every evictable storage. Prints the seconds that the engine takes (not the time to
write the program down in Python) and writes ``benchmarks/results/simulation.json``.
"""

import random
import time
from collections.abc import Callable
from typing import Any

from rich import box
from rich.table import Table

from dtr_runtime._build import load

from .measure import publish

LENGTHS = (10_000, 30_000, 100_000, 1_000_000)
"""Operators, forward and backward together."""
SCANNED = 30_000
"""Operators of the longest program that is also run by scan."""
RATIOS = {"linear": (0.5, 0.3), "LSTM": (0.7,)}
"""Budgets over the peak without one. At half, the LSTM thrashes under heuristics that see no neighborhood."""
HEURISTICS = ("h_dtr_eq", "h_dtr_local", "h_lru", "h_size")
PLENTY = 1 << 62
CORE: Any = load()


class Tape:
    """Writes a training step down as the engine's commands; each storage has one handle, its number."""

    def __init__(self) -> None:
        self.commands: list[Any] = []
        self.storages = 0

    def constant(self, size: int) -> int:
        self.commands.append(CORE.Command.constant(size))
        return self._storage()

    def call(self, inputs: tuple[int, ...], size: int, cost: int) -> int:
        self.commands.append(CORE.Command.call(inputs, (), (size,), cost, (size,)))
        return self._storage()

    def release(self, *storages: int) -> None:
        self.commands += (CORE.Command.release(storage, storage) for storage in storages)

    def _storage(self) -> int:
        self.storages += 1
        return self.storages - 1


def linear(operators: int) -> list[Any]:
    """Half as many layers as operators, each undone from its input, its output's gradient and nothing else."""
    draw, tape = random.Random(0), Tape()
    activations, sizes = [tape.constant(1)], [1]
    for _ in range(operators // 2):
        sizes.append(draw.randint(1, 64))
        activations.append(tape.call((activations[-1],), sizes[-1], draw.randint(1, 64)))
    gradient = tape.constant(sizes[-1])
    tape.release(activations.pop())
    while len(activations) > 1:
        activation = activations.pop()
        below = tape.call((activation, gradient), sizes[len(activations)], draw.randint(1, 64))
        tape.release(gradient, activation)
        gradient = below
    tape.release(gradient, *activations)
    return tape.commands


def lstm(operators: int, width: int = 16) -> list[Any]:
    """Each step in time has seven operators forward and nine backward; all read the same parameters."""
    tape = Tape()
    parameters, sequence = tape.constant(4 * width), tape.constant(width)
    hidden, cell = tape.constant(width), tape.constant(width)
    steps: list[tuple[int, ...]] = []
    for _ in range(operators // 16):
        gates = tape.call((parameters, sequence, hidden), 4 * width, 4 * width)
        opened = tape.call((gates,), 4 * width, 4)
        forgotten = tape.call((opened, cell), width, 1)
        entered = tape.call((opened,), width, 1)
        after = tape.call((forgotten, entered), width, 1)
        tape.release(gates, forgotten, entered)
        squashed = tape.call((after,), width, 2)
        shown = tape.call((opened, squashed), width, 1)
        steps.append((hidden, cell, opened, squashed))
        hidden, cell = shown, after
    tape.release(hidden, cell)
    d_hidden, d_cell, d_parameters = tape.constant(width), tape.constant(width), tape.constant(4 * width)
    while steps:
        hidden, cell, opened, squashed = steps.pop()
        d_squashed = tape.call((d_hidden, opened), width, 1)
        d_out = tape.call((d_hidden, squashed), width, 1)
        d_after = tape.call((d_squashed, squashed, d_cell), width, 2)
        tape.release(d_hidden, d_squashed, d_cell, squashed)
        d_cell = tape.call((d_after, opened), width, 1)
        d_forget = tape.call((d_after, cell), width, 1)
        d_gates = tape.call((d_after, d_forget, d_out, opened), 4 * width, 6)
        tape.release(d_after, d_forget, d_out, opened, cell)
        d_hidden = tape.call((d_gates, parameters), width, 4 * width)
        product = tape.call((d_gates, hidden, sequence), 4 * width, 4 * width)
        summed = tape.call((d_parameters, product), 4 * width, 4)
        tape.release(d_gates, product, d_parameters, hidden)
        d_parameters = summed
    tape.release(d_hidden, d_cell, d_parameters)
    return tape.commands


NETWORKS: dict[str, Callable[[int], list[Any]]] = {"linear": linear, "LSTM": lstm}


def run(commands: list[Any], budget: int, heuristic: str, *, scan: bool) -> dict[str, Any]:
    """One run: the engine's counters, and its seconds."""
    start = time.perf_counter()
    result = CORE.simulate(commands, budget, heuristic, "eager", record=False, scan=scan)
    seconds = time.perf_counter() - start
    assert result["failure"] is None, f"{heuristic}: {result['failure']}"
    return {"seconds": seconds, **result["counters"]}


def measure(network: str, operators: int) -> list[dict[str, Any]]:
    """All ratios and heuristics on one program."""
    commands = NETWORKS[network](operators)
    plenty = run(commands, PLENTY, "h_lru", scan=False)
    rows = []
    for ratio in RATIOS[network]:
        for heuristic in HEURISTICS:
            budget = int(ratio * plenty["peak"])
            found = run(commands, budget, heuristic, scan=False)
            scanned = run(commands, budget, heuristic, scan=True) if operators <= SCANNED else None
            assert scanned is None or scanned | {"seconds": 0} == found | {"seconds": 0}
            rows.append(
                {
                    "network": network,
                    "operators": operators,
                    "ratio": ratio,
                    "heuristic": heuristic,
                    "evictions": found["evictions"],
                    "rematerializations": found["rematerializations"],
                    "slowdown": 1 + found["rematerialized"] / found["computed"],
                    "seconds": found["seconds"],
                    "seconds_by_scan": scanned and scanned["seconds"],
                    "seconds_without_budget": plenty["seconds"],
                }
            )
    return rows


def table(results: list[dict[str, Any]]) -> Table:
    """A row a run."""
    columns = (
        "network",
        "operators",
        "ratio",
        "heuristic",
        "evictions",
        "slowdown",
        "s",
        "us an\noperator",
        "s by\nscan",
    )
    shown = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for r in results:
        shown.add_row(
            r["network"],
            f"{r['operators']:,}",
            str(r["ratio"]),
            r["heuristic"],
            f"{r['evictions']:,}",
            f"{r['slowdown']:.3f}",
            f"{r['seconds']:.2f}",
            f"{r['seconds'] / r['operators'] * 1e6:.2f}",
            f"{r['seconds_by_scan']:.2f}" if r["seconds_by_scan"] else "",
        )
    return shown


def main() -> None:
    results = [row for network in NETWORKS for operators in LENGTHS for row in measure(network, operators)]
    publish("simulation", table(results), results)


if __name__ == "__main__":
    main()
