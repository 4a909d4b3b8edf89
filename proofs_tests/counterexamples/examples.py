# SPDX-License-Identifier: Apache-2.0
"""The counterexamples: programs, and the runs that show something false. The README tells each one's story.

`python -m proofs_tests.counterexamples.examples` writes the traces anew.
"""

from dataclasses import dataclass, replace

from dtr_reference import Deallocation, run
from dtr_spec.program import Program
from dtr_spec.trace import Trace

from ..reference.programs import Builder
from . import FOLDER


@dataclass(frozen=True)
class Example:
    """One run, kept as ``name``.jsonl."""

    name: str
    shows: str
    program: Program
    budget: int
    heuristic: str = "h_dtr_eq"
    deallocation: Deallocation = "ignore"

    def trace(self) -> Trace:
        """The run on the reference, saying what it shows."""
        ran = run(self.program, self.budget, self.heuristic, self.deallocation).trace
        return replace(ran, configuration={"shows": self.shows, **ran.configuration})


def dearer_with_more() -> Program:
    """Six tensors of one byte: t_2 reads t_1, t_3 reads t_0 and t_1, t_5 reads t_1."""
    build = Builder()
    t0, t1 = build.call("t0"), build.call("t1")
    build.call("t2", t1)
    build.call("t3", t0, t1)
    build.call("t4")
    build.call("t5", t1)
    return build.program()


def infeasible_with_more() -> Program:
    """t_0, t_2 and t_3 take two bytes, t_1 takes one and reads t_0; at the end t_1 and t_2 are read."""
    build = Builder()
    t0 = build.call("t0", sizes=(2,))
    t1 = build.call("t1", t0)
    t2 = build.call("t2", sizes=(2,))
    build.call("t3", sizes=(2,))
    build.read(t1, t2)
    return build.program()


def phantom() -> Program:
    """t_1, t_2 and t_5 read t_0, t_3 reads t_1, t_4 reads t_3; one byte each."""
    build = Builder()
    t0 = build.call("t0")
    t1 = build.call("t1", t0)
    build.call("t2", t0)
    build.call("t4", build.call("t3", t1))
    build.call("t5", t0)
    return build.program()


def two_parents(*order: int) -> Program:
    """t_1 and t_3 read t_0; at the end t_1 and t_2 are read, in the order given. One byte each."""
    build = Builder()
    t0 = build.call("t0")
    build.call("t1", t0)
    build.call("t2")
    build.call("t3", t0)
    build.read(*order)
    return build.program()


def released_source() -> Program:
    """t_1 reads t_0, which is released once t_2 is there; t_3 reads t_2. One byte each."""
    build = Builder()
    t0 = build.call("t0")
    build.call("t1", t0)
    t2 = build.call("t2")
    build.release(t0)
    build.call("t3", t2)
    return build.program()


EXAMPLES = (
    Example("dearer_with_3", "with 3 bytes no call is replayed", dearer_with_more(), 3),
    Example("dearer_with_4", "with 4 bytes a call is replayed", dearer_with_more(), 4),
    Example("infeasible_with_3", "with 3 bytes the program finishes", infeasible_with_more(), 3),
    Example("infeasible_with_4", "with 4 bytes it runs out of memory", infeasible_with_more(), 4),
    Example("phantom_exact", "h_DTR evicts storage 3 at event 39", phantom(), 3, "h_dtr"),
    Example("phantom_classes", "h_DTR^eq evicts storage 4 at event 39", phantom(), 3, "h_dtr_eq"),
    Example("parents_1_2", "storage 1 before storage 2: finishes", two_parents(1, 2), 2),
    Example("parents_2_1", "storage 2 before storage 1: out of memory", two_parents(2, 1), 2),
    Example("released_banish", "banishing runs out of memory", released_source(), 2, deallocation="banish"),
    Example("released_eager", "eager eviction replays nothing", released_source(), 2, deallocation="eager"),
)


def example(name: str) -> Example:
    """The example of that name."""
    return next(found for found in EXAMPLES if found.name == name)


if __name__ == "__main__":
    for found in EXAMPLES:
        found.trace().save(FOLDER / f"{found.name}.jsonl")
