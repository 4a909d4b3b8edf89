# SPDX-License-Identifier: Apache-2.0
"""Everything that can happen to every small program, under every policy and budget."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count

import pytest

from dtr_spec.configuration import Configuration, initial
from dtr_spec.explore import Exploration, ExplorationLimitError, explorations, explore
from dtr_spec.invariants import DECLARED, INVARIANTS
from dtr_spec.program import Call, Constant, Fresh, Pin, Program, Release
from dtr_spec.rules import RULES
from dtr_spec.step import Label, apply, successors
from dtr_spec.terms import Term, eager

from ..claims import claim
from ..mutants.planting import Edit
from ..profiles import is_thorough
from .small_programs import Bounds, small_programs

BOUNDS = Bounds(commands=2, operators=2, storages=2, results=1, size=2, mutations=1, aliases=1, releases=1, pins=1)
"""Of what is explored by default."""

FURTHER = (
    Bounds(commands=3, operators=3, storages=2, results=1, size=1, mutations=2, aliases=1, releases=1, pins=1),
    Bounds(commands=2, operators=2, storages=3, results=2, size=1, mutations=1, aliases=1, releases=1, pins=1),
)
"""Under ``--thorough``: a command more, and two results of a call.

What is justified by a fault (``JUSTIFIED``): every bound of ``BOUNDS``; of these, 3 commands, 3 calls and 2 mutations,
and 3 results of which 2 are one call's. No bound is said to be enough: a fault that needs more of anything is missed.
"""

ALL = (
    "exhaustive to 2 commands: 2 operators, 2 results of 1 or 2 bytes, a mutation, an alias, a release, a pin; "
    "every budget, every policy"
)
"""The method of all claims here; ``BOUNDS`` in words."""

MORE = "--thorough: 3 commands, 2 mutations; calls with 2 results"


def everything(bounds: Bounds) -> Iterator[tuple[Program, list[Exploration]]]:
    """All runs of all programs within bounds, at every budget up to the first that never runs out, or at which a
    property fails."""
    for program in small_programs(bounds):
        found: list[Exploration] = []
        for exploration in explorations(program, count()):
            found.append(exploration)
            if not exploration.out_of_memory or broken(program, found):
                break
        yield program, found


def broken(program: Program, found: list[Exploration]) -> set[str]:
    """The properties that fail of a program's runs so far."""
    failed = {name for each in found for name, _ in each.violations}
    return failed | {name for name, holds in CHECKS.items() if not holds(program, found)}


def readings(found: list[Exploration]) -> dict[int, set[Term]]:
    """What each call has been seen to read."""
    seen: dict[int, set[Term]] = {}
    for call, term in (observation for each in found for observation in each.observations):
        seen.setdefault(call, set()).add(term)
    return seen


CHECKS: dict[str, Callable[[Program, list[Exploration]], bool]] = {
    "progress": lambda _, found: not any(each.stuck for each in found),
    "out of memory": lambda _, found: not any(each.misjudged for each in found),
    "the rank falls": lambda _, found: not any(each.unranked for each in found),
    "policies agree": lambda _, found: all(len(terms) == 1 for terms in readings(found).values()),
    "reads are eager": lambda program, found: (
        {term for terms in readings(found).values() for term in terms} <= set(eager(program).observations)
    ),
    "finishing reads all": lambda program, found: (
        not found[-1].finished or len(readings(found)) == len(eager(program).observations)
    ),
}
"""What is explored besides the invariants."""


@claim("T1", "Every resident storage and kept copy holds the eager machine's term.", method=ALL, scope=MORE)
@claim("T2", "M is the sum of what is resident, kept and held by frames, and at most B.", method=ALL, scope=MORE)
@claim("T3", "What is locked, constant, held or pinned stays in memory.", method=ALL, scope=MORE)
@claim("T4", "What a promised recipe reads is there, or promised itself.", method=ALL, scope=MORE)
@claim("T5", "A step exists, or the program is done, or memory is out.", method=ALL, scope=MORE)
@claim(
    "T5", "Memory is out exactly if bytes are asked for, M + n > B, and nothing is evictable.", method=ALL, scope=MORE
)
@claim(
    "T6",
    "The written rank falls at every step. The COMMIT of what was rebuilt is one step with each LOCK, HOLD or PIN "
    "of it that may follow; of one whose result is evicted by then, so that none may follow, nothing is claimed.",
    method=ALL,
    scope=MORE,
)
@claim("T7", "All policies that finish, within any budgets, observe the same terms.", method=ALL, scope=MORE)
def test_all_small_programs_under_all_policies_and_budgets(claim_scope: Callable[[str], None]) -> None:
    """No property fails in any reachable configuration, nor at any step from one."""
    states = steps = runs = programs = 0
    rules: set[str] = set()
    for bounds in (BOUNDS, *FURTHER) if is_thorough() else (BOUNDS,):
        for program, found in everything(bounds):
            assert broken(program, found) == set(), program
            states, steps = states + sum(each.states for each in found), steps + sum(each.steps for each in found)
            programs, runs = programs + 1, runs + len(found)
            rules |= found[-1].labels | found[-2].labels
    assert rules == set(RULES)
    claim_scope(f"{programs:,} programs, {runs:,} with their budgets, {states:,} configurations, {steps:,} steps")


@dataclass(frozen=True)
class Needed:
    """A fault that programs within ``bounds`` show, and none does if the bound named is one less."""

    bound: str
    fault: Edit
    bounds: Bounds
    shown: str
    """A property that fails."""


_RULES = "dtr_spec.rules"

JUSTIFIED = (
    Needed(
        "operators",
        Edit(f"{_RULES}:execute", "c.kept[w].has(c.version[w]) | unread(c, w, c.version[w])", "c.alive[w]"),
        Bounds(commands=2, operators=2, storages=1, mutations=1),
        "recoverable_has_its_inputs",
    ),
    Needed(
        "storages",
        Edit(f"{_RULES}:need", "no(c.resident[s]),", "no(c.resident[s]), top < 2,"),
        Bounds(commands=2, operators=2, storages=2),
        "progress",
    ),
    Needed(
        "results",
        Edit(f"{_RULES}:bind", "ite((c.target[top] == CLIENT) | (c.target[top] == s), size, 0)", "size"),
        Bounds(commands=1, operators=1, storages=2, results=2),
        "owed_is_held",
    ),
    Needed(
        "size",
        Edit(f"{_RULES}:evict", "c.used - c.facts.size(s)", "c.used - 1"),
        Bounds(commands=1, operators=1, storages=1, size=2),
        "accounted",
    ),
    Needed(
        "mutations",
        Edit(f"{_RULES}:keep", "used=c.used + c.facts.size(s),", "used=c.used,"),
        Bounds(commands=1, operators=1, storages=1, mutations=1),
        "accounted",
    ),
    Needed(
        "aliases",
        Edit(f"{_RULES}:alias", "c.handles[s] + 1", "c.handles[s]"),
        Bounds(commands=1, operators=0, storages=0, aliases=1),
        "named_is_alive",
    ),
    Needed(
        "releases",
        Edit(f"{_RULES}:collect", ", unread(c, s, c.version[s])", ""),
        Bounds(commands=2, operators=1, storages=1, releases=1),
        "recoverable_has_its_inputs",
    ),
    Needed(
        "pins",
        Edit(f"{_RULES}:pin", ", c.resident[s])", ")"),
        Bounds(commands=2, operators=1, storages=1, pins=1),
        "irrecoverable_is_resident",
    ),
    Needed(
        "commands",
        Edit(f"{_RULES}:release", "c.handles[s] - 1", "0"),
        Bounds(commands=2, operators=0, storages=0, aliases=1, releases=1),
        "named_is_alive",
    ),
    Needed(
        "mutations",
        Edit(f"{_RULES}:keep", "c.kept[s].add(version)", "EMPTY.add(version)"),
        Bounds(commands=2, operators=2, storages=1, mutations=2),
        "recoverable_has_its_inputs",
    ),
    *(
        Needed(
            bound,
            Edit(f"{_RULES}:advance", "c.facts.chain(t, c.stage[top] + 1)", "c.facts.chain(t, 1)"),
            Bounds(commands=3, operators=3, storages=1, mutations=2),
            "frames_run_the_program",
        )
        for bound in ("commands", "operators", "mutations")
    ),
    Needed(
        "storages",
        Edit(f"{_RULES}:free", "top > 0,", "top > 0, top < 3,"),
        Bounds(commands=2, operators=2, storages=3, results=2),
        "progress",
    ),
    Needed(
        "results",
        Edit(f"{_RULES}:free", "top > 0,", "top > 0, top < 3,"),
        Bounds(commands=2, operators=2, storages=3, results=2),
        "progress",
    ),
)


def shown(bounds: Bounds) -> set[str]:
    """The properties that fail of the first program within bounds of which any fails."""
    return next((failed for program, found in everything(bounds) if (failed := broken(program, found))), set())


@pytest.mark.parametrize("needed", JUSTIFIED, ids=lambda needed: f"{needed.bound}-{needed.fault.place}")
def test_a_fault_needs_the_bound(needed: Needed) -> None:
    """Each bound is there for something: a fault that is found at it is missed one below."""
    further = needed.bounds.mutations > BOUNDS.mutations or needed.bounds.storages > BOUNDS.storages
    if further and not is_thorough():
        pytest.skip("needs --thorough: the bound is one of those explored then")
    below = replace(needed.bounds, **{needed.bound: getattr(needed.bounds, needed.bound) - 1})
    with needed.fault.planted():
        assert needed.shown in shown(needed.bounds)
        assert shown(below) == set()


def fault(rule: str, old: str, new: str) -> Edit:
    """A fault in a rule, or in a notion that rules share."""
    return Edit(f"{_RULES}:{rule}", old, new)


CAN_FAIL: dict[str, tuple[str, Edit]] = {
    "results are another's": ("resident_is_eager", fault("bind", "c.outcome[top][s]", "c.facts.leaf(s)")),
    "copied to the next version": ("kept_is_eager", fault("keep", ".set(version, c.", ".set(version + 1, c.")),
    "beyond the budget": ("within_budget", fault("allocate", ", c.used + n <= c.budget),", ",),")),
    "copies are free": ("accounted", fault("keep", "used=c.used + c.facts.size(s),", "used=c.used,")),
    "locks are ignored": (
        "locked_is_resident",
        fault("evictable", " & c.frames.every(lambda d: no(c.locked[d].has(s)))", ""),
    ),
    "held without bytes": ("irrecoverable_is_resident", fault("hold", "c.resident[s], ", "")),
    "read, and collected": ("recoverable_has_its_inputs", fault("collect", ", unread(c, s, c.version[s])", "")),
    "a view is no handle": ("named_is_alive", fault("alias", "c.handles[s] + 1", "c.handles[s]")),
    "rebuilt for nothing": (
        "stack_descends",
        fault("need", "(no(c.executed[top]) & wanted(c, top, s))", "(no(c.executed[top]) & (top < 3))"),
    ),
    "a call within a call": ("stack_is_bounded", fault("call", "client_turn(c), ", "no(c.stopped), c.depth < 2, ")),
    "gone, but promised": ("recoverable_is_alive", fault("collect", "recoverable=c.recoverable.set(s, False),", "")),
    "the client waits": ("alive_is_created", fault("constant", "position=c.position + 1,", "")),
    "past the end": ("position_is_in_the_program", fault("commit", "c.position + 1", "c.position + 2")),
    "still the old version": ("versions_are_current", fault("execute", "c.version[s] + 1", "c.version[s]")),
    "begun with the last call": ("frames_run_the_program", fault("need", "chain(s, 0)", "chain(s, c.version[s])")),
    "executed when pushed": (
        "only_the_top_has_executed",
        fault("emptied", "c.executed.set(d, False)", "c.executed.set(d, d > 1)"),
    ),
    "locked for fun": ("locked_is_wanted", fault("lock", "wanted(c, top, s),", "")),
    "rebuilt as another": (
        "rebuilt_is_eager",
        fault("replay", "lambda s: computed(c, top, s)", "lambda s: facts.leaf(s)"),
    ),
    "computed as another": (
        "unbound_is_eager",
        fault(
            "execute", "set_each(created, lambda s: computed(c, top, s))", "set_each(created, lambda s: facts.leaf(s))"
        ),
    ),
    "replayed before it is overwritten": (
        "unbound_waits",
        fault("replay", "ite(s == t, c.stage[top] == c.version[t], c.version[s] == 0)", "True"),
    ),
    "rebuilt though there": ("rebuilt_is_absent", fault("need", "no(c.resident[s]),", "")),
    "anything is kept": ("kept_is_past", fault("keep", "c.facts.written(c.call[top]).has(s),", "c.recoverable[s],")),
    "given back though owed": ("owed_is_held", fault("free", "n <= spare", "n <= c.held[top]")),
    "asked for again": (
        "profile_is_followed",
        fault("allocate", "cursor=c.cursor.set(top, c.cursor[top] + 1)", "cursor=c.cursor"),
    ),
    "too early": ("out of memory", fault("out_of_memory", "c.budget < c.used + n", "c.budget <= c.used + n")),
    "though something is evictable": (
        "out of memory",
        fault("out_of_memory", ",\n            facts.storages(c).every(lambda s: no(evictable(c, s)))", ""),
    ),
    "bytes vanish": ("out of memory", fault("out_of_memory", "c.but(stopped=True)", "c.but(stopped=True, used=0)")),
    "locked twice": ("the rank falls", fault("lock", "no(c.locked[top].has(s)),", "")),
    "replayed for ever": ("the rank falls", fault("replay", "c.executed.set(top, True)", "c.executed")),
    "wrong version": (
        "policies agree",
        fault("seen", "ite(version == c.version[s], c.content[s], c.kept_content[s][version])", "c.content[s]"),
    ),
    "another's value": (
        "reads are eager",
        fault("seen", "ite(s == c.target[d], c.outcome[d][s], current)", "c.facts.leaf(s)"),
    ),
    "never called": ("progress", fault("call", "c.position == k", "c.position == k, c.used <= 0")),
    "never read": ("finishing reads all", fault("commit", "c.position + 1", "c.position + 2")),
}
"""Fault -> a property that fails of some small program because of it, and the edit."""


@pytest.mark.parametrize("name", CAN_FAIL)
def test_each_property_can_fail(name: str) -> None:
    """With the fault, in a configuration that some run reaches."""
    property_, edit = CAN_FAIL[name]
    simple = replace(BOUNDS, size=1, pins=0)
    with edit.planted():
        tried = chain(everything(replace(simple, mutations=0)), everything(simple))
        assert any(property_ in broken(program, found) for program, found in tried)


def test_each_property_has_a_fault() -> None:
    """T1 to T7, and whatever else is explored."""
    assert {property_ for property_, _ in CAN_FAIL.values()} == {*INVARIANTS, *DECLARED, *CHECKS}


@claim("T1", "Siblings and pins too leave every term as it is.", method="exhaustive to two results and a pin")
def test_siblings_and_pins(claim_scope: Callable[[str], None]) -> None:
    """Two results of different sizes of one call, one of them pinned, the other evicted at will."""
    siblings = Program(
        (
            Constant(0, 1),
            Call("f", (0,), (Fresh(1, 2), Fresh(2, 1)), profile=(3,)),
            Pin(2),
            Release(2),
            Call("g", (1,), (Fresh(3, 1),), profile=(1,)),
            Call("read", (3,)),
        )
    )
    runs = [explore(siblings, budget) for budget in range(8)]
    for found in runs:
        assert found.violations == []
        assert found.stuck == []
        assert {term for _, term in found.observations} <= set(eager(siblings).observations)
    assert {"pin", "free", "replay"} <= runs[-1].labels
    claim_scope(f"{sum(found.states for found in runs):,} configurations")


def test_budgets_share_their_work_soundly() -> None:
    """What follows from a configuration is not taken over where the budget makes a difference."""
    program = next(p for p in small_programs(BOUNDS) if sum(p.sizes) > 3 and any(map(p.writes.get, p.writes)))
    budgets = (5, 2, 9, 3, 4, 3, 0)
    assert list(explorations(program, budgets)) == [explore(program, budget) for budget in budgets]


def test_what_a_replay_computes_in_vain_is_freed_in_any_division() -> None:
    """At once, or result by result: whoever rebuilds one of three results may do either."""
    results = tuple(Fresh(handle, size) for handle, size in ((0, 1), (1, 2), (2, 3)))
    c = initial(Program((Call("f", (), results, profile=(6,)), Call("read", (2,)))), 9)
    computed = [Label("allocate", (6,)), Label("execute", (0,)), *(Label("bind", (s,)) for s in range(3))]
    rebuilt = [Label("evict", (2,)), Label("need", (2,)), Label("allocate", (6,)), Label("replay", (0,))]
    for label in (Label("call", (0,)), *computed, Label("commit", ()), Label("call", (1,)), *rebuilt):
        after = apply(c, label)
        assert isinstance(after, Configuration), label
        c = after
    assert {label.operands[0] for label, _ in successors(c) if label.rule == "free"} == {1, 2, 3}


def test_a_limit_is_kept() -> None:
    """Too large a program is refused in words, not explored for ever."""
    program = Program((Constant(0, 1), *(Call("f", (i,), (Fresh(i + 1, 1),), profile=(1,)) for i in range(9))))
    with pytest.raises(ExplorationLimitError, match="explore a smaller program"):
        explore(program, 8, limit=500)
