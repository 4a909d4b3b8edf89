# SPDX-License-Identifier: Apache-2.0
"""T8, the other way round: the monitor rejects traces that were tampered with."""

from collections import Counter
from collections.abc import Callable, Iterator

from rich.console import RenderableType
from rich.table import Table

from dtr_spec.monitor import check
from dtr_spec.rules import RULES
from dtr_spec.trace import Trace

from ..claims import claim
from ..strategies import Case
from .checks import check_refinement, reference, simulator
from .corpus import every_rule
from .tampering import genuine, tampered

Tally = Counter[tuple[str, str, str]]
"""(rule of the event, kind of tampering, verdict) -> how many forgeries."""


CASES = (
    Case(every_rule(), 7, "h_dtr", "banish"),
    Case(every_rule(), 8, "h_size", "banish"),
    Case(every_rule(), 8, "h_dtr", "eager"),
    Case(every_rule(), 10, "h_lru", "ignore"),
)
"""Out of memory, finished with rematerialization, the other deallocation policies, and without pressure."""


def traces() -> Iterator[Trace]:
    """Real traces, of the reference and of the engine, which together use every rule."""
    for number, case in enumerate(CASES):
        yield reference(case).trace if number % 2 else simulator(case).trace


@claim(
    "T8",
    "One event deleted, duplicated, swapped or altered: rejected, or a run that the explorer finds too.",
    method="property-tested",
)
def test_tampered_traces_are_rejected(
    claim_scope: Callable[[str], None], exhibit: Callable[[RenderableType], None]
) -> None:
    """Every single tampering of every event of some real traces."""
    tally: Tally = Counter()
    for trace in traces():
        check_refinement(trace)
        for forged in tampered(trace):
            accepted = bool(check(forged.trace))
            assert not accepted or genuine(forged.trace), f"{forged.kind} of event {forged.position}: {forged.trace}"
            tally[forged.rule, forged.kind, "accepted" if accepted else "rejected"] += 1
    assert {rule for rule, _, _ in tally} == set(RULES)
    accepted = sum(count for (_, _, verdict), count in tally.items() if verdict == "accepted")
    exhibit(table(tally))
    claim_scope(f"{tally.total():,} forgeries")
    claim_scope(f"{accepted:,} accepted, being runs")


def table(tally: Tally) -> Table:
    """Rejected of all, by the rule of the event and the kind of tampering."""
    kinds = list(dict.fromkeys(kind for _, kind, _ in tally))
    shown = Table("event", *kinds, title="tampered traces: rejected / all (the others are runs themselves)")
    for rule in sorted({rule for rule, _, _ in tally}):
        counts = [(tally[rule, kind, "rejected"], tally[rule, kind, "accepted"]) for kind in kinds]
        shown.add_row(rule, *(f"{rejected}/{rejected + accepted}" for rejected, accepted in counts))
    return shown
