# SPDX-License-Identifier: Apache-2.0
"""The monitor and the trace format: what is accepted, and how a refusal reads."""

from dataclasses import replace
from pathlib import Path

import pytest

from dtr_spec.__main__ import main
from dtr_spec.configuration import initial
from dtr_spec.monitor import check
from dtr_spec.program import Alias, Call, Constant, Fresh, Pin, Program, Release
from dtr_spec.step import Label, apply, event_of, finished
from dtr_spec.step import Refusal as Refused
from dtr_spec.trace import Event, Trace, TraceError

from ..mutants.planting import Edit

PROGRAM = Program(
    (
        Constant(0, 1),
        Call("f", (0,), (Fresh(1, 2),), profile=(2,), cost=3),
        Call("g", (0,), (Fresh(2, 2),), profile=(3, -1)),
        Call("read", (1,)),
        Release(2),
    )
)

RUN = [
    *(("constant", 0), ("call", 1), ("lock", 0), ("allocate", 2), ("execute", 1), ("bind", 1), ("commit",)),
    *(("call", 2), ("lock", 0), ("evict", 1), ("allocate", 3), ("free", 1), ("execute", 2), ("bind", 2), ("commit",)),
    *(("call", 3), ("need", 1), ("lock", 0), ("evict", 2), ("allocate", 2), ("replay", 1), ("bind", 1), ("commit",)),
    *(("lock", 1), ("execute", 3), ("commit",), ("release", 2), ("collect", 2)),
]


Labels = list[tuple[str, *tuple[int, ...]]]


def trace(labels: Labels = RUN, budget: int = 4, program: Program = PROGRAM) -> Trace:
    """The trace of a run given by its labels."""
    c = initial(program, budget)
    events: list[Event] = []
    for rule, *operands in labels:
        label = Label(rule, tuple(operands))
        after = apply(c, label)
        assert not isinstance(after, Refused), (label, after)
        events.append(event_of(label, after))
        c = after
    assert finished(c)
    return Trace(program, budget, tuple(events))


def test_a_run_is_accepted() -> None:
    """With eviction and rematerialization, at a budget that the eager machine would exceed."""
    verdict = check(trace())
    assert verdict, verdict.reason
    assert [str(o) for o in verdict.observations] == ["call.read.read(call.f.output.0(constant.0))"]


def test_a_budget_of_one_byte_less_is_refused() -> None:
    """The first event that does not fit is named, with the premise that it violates."""
    short = trace()
    verdict = check(Trace(PROGRAM, 3, short.events))
    assert not verdict
    assert "event 10 (allocate 3): rule allocate does not apply: it requires used + n ≤ budget" in verdict.reason


def test_evicting_a_locked_storage_is_refused() -> None:
    """The refusal shows the rules that apply and the configuration."""
    events = list(trace().events)
    events.insert(24, Event("evict", 1, 0, 1))
    verdict = check(Trace(PROGRAM, 4, tuple(events)))
    assert verdict.index == 24
    assert "resident(s) ∧ recoverable(s) ∧ (∀ x ∈ frames. ¬(s ∈ locked(x)))" in verdict.reason
    assert "rules that apply: execute" in verdict.reason


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="a budget of -1 bytes; it cannot be negative"):
        check(Trace(PROGRAM, -1, ()))


def test_a_wrong_byte_count_is_refused() -> None:
    """Every event says how many bytes are in use; the monitor counts for itself."""
    events = list(trace().events)
    events[3] = events[3]._replace(used=4)
    assert "reports 4 bytes in use, where the machine has 3" in check(Trace(PROGRAM, 4, tuple(events))).reason


def test_an_unfinished_run_is_refused() -> None:
    """A trace that stops in the middle of a call is no run."""
    verdict = check(Trace(PROGRAM, 4, trace().events[:-4]))
    assert "the trace ends after 24 events, but the run does not" in verdict.reason


def test_half_a_rematerialization_at_the_end_is_refused() -> None:
    """The client is done, a frame is not."""
    program = Program(PROGRAM.commands[:2])
    labels = [*RUN[:7], ("evict", 1), ("need", 1), ("lock", 0)]
    c = initial(program, 4)
    events: list[Event] = []
    for rule, *operands in labels:
        after = apply(c, Label(rule, tuple(operands)))
        assert not isinstance(after, Refused)
        events.append(event_of(Label(rule, tuple(operands)), after))
        c = after
    assert "the trace ends after 10 events, but the run does not" in check(Trace(program, 4, tuple(events))).reason


def test_what_a_rule_does_not_take_is_refused() -> None:
    """A step with a number that its rule has no place for."""
    events = list(trace().events)
    assert events[6].rule == "commit"
    for wrong in (events[6]._replace(subject=1), events[6]._replace(detail=1)):
        refused = check(Trace(PROGRAM, 4, (*events[:6], wrong, *events[7:])))
        assert "rule commit takes 0 operands" in refused.reason


HANDLES = Program((Constant(0, 1), Constant(1, 1), Alias(2, 0), Pin(0), Release(2)))
"""Commands that take a handle, each while another one is live."""


@pytest.mark.parametrize("rule", ["alias", "pin", "release"])
def test_another_handle_is_refused(rule: str) -> None:
    """The operand says which handle the command takes, though the machine could do without."""
    events = trace([("constant", 0), ("constant", 1), ("alias", 2), ("pin", 0), ("release", 2)], 2, HANDLES).events
    wrong = [event._replace(subject=1) if event.rule == rule else event for event in events]
    refused = check(Trace(HANDLES, 2, tuple(wrong)))
    assert f"({rule} 1): rule {rule} does not apply: it requires handle(position) = h" in refused.reason


SCRATCH = Program((Constant(0, 1), Call("f", (0,), (Fresh(1, 1),), profile=(1, 1, -1)), Call("read", (1,))))
SCRATCH_RUN: Labels = [
    *(("constant", 0), ("call", 1), ("lock", 0), ("allocate", 1), ("allocate", 1), ("free", 1), ("execute", 1)),
    *(("bind", 1), ("commit",), ("evict", 1), ("call", 2), ("need", 1), ("lock", 0), ("allocate", 1), ("allocate", 1)),
    *(("free", 1), ("replay", 1), ("bind", 1), ("commit",), ("lock", 1), ("execute", 2), ("commit",)),
]


@pytest.mark.parametrize(("rule", "first"), [("execute", 4), ("replay", 14)])
def test_a_call_that_forgoes_its_scratch_is_refused(rule: str, first: int) -> None:
    """It has the bytes of its results, but has not asked for all that it declares."""
    events = trace(SCRATCH_RUN, 3, SCRATCH).events
    assert [event.rule for event in events[first : first + 3]] == ["allocate", "free", rule]
    refused = check(Trace(SCRATCH, 3, events[:first] + events[first + 2 :]))
    assert refused.index == first
    assert f"rule {rule} does not apply: it requires asked(" in refused.reason


def test_nothing_happens_after_the_end() -> None:
    """A run that is out of memory is over, whatever would be possible."""
    program = Program((Constant(0, 1), Call("f", (0,), (Fresh(1, 1),), profile=(1,)), Constant(2, 2)))
    labels: Labels = [("constant", 0), ("call", 1), ("lock", 0), ("allocate", 1), ("execute", 1), ("bind", 1)]
    full = trace([*labels, ("commit",), ("evict", 1), ("constant", 2)], 3, program).events
    short = (*full[:-1], Event("out_of_memory", 2, 0, 1))
    assert check(Trace(program, 2, short))
    refused = check(Trace(program, 2, (*short, Event("need", 1, 0, 1))))
    assert "rule need does not apply: it requires ¬stopped" in refused.reason


def test_a_read_that_differs_is_refused() -> None:
    """By rules that keep to their own bytes, but lose what a storage holds."""
    forgetful = Edit("dtr_spec.rules:bind", "c.outcome[top][s]", "c.facts.leaf(s)")
    with forgetful.planted():
        run = trace()
        assert check(run).reason == "a read differs from the eager machine's"
    assert check(run)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Event("evict", -1, 0, 1), "the program has no storage -1"),
        (Event("evict", 3, 0, 1), "the program has no storage 3"),
        (Event("execute", 4, 0, 1), "command 4 is not a call"),
    ],
)
def test_operands_that_are_none_are_named(event: Event, reason: str) -> None:
    assert reason in check(Trace(PROGRAM, 4, (*trace().events[:1], event))).reason


def test_a_line_too_many_is_refused() -> None:
    with pytest.raises(TraceError, match="more lines than the header announces"):
        Trace.parse([*trace().lines(), "{}"])


def test_a_truth_value_is_no_number() -> None:
    lines = list(trace().lines())
    lines[1] = '{"command": "constant", "handle": 0, "size": true}'
    with pytest.raises(TraceError, match="field 'size' must be of type int"):
        Trace.parse(lines)


@pytest.mark.parametrize("event", [Event("steal", 0, 0, 1), Event("evict", 99, 0, 1), Event("commit", 7, 0, 1)])
def test_nonsense_is_refused_in_words(event: Event) -> None:
    """Unknown rules, unknown storages, operands where none belong."""
    assert check(Trace(PROGRAM, 4, (event,))).reason.startswith("event 0")


def test_a_trace_survives_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """load(save(t)) == t, and the command line judges the file."""
    file = tmp_path / "run.jsonl"
    trace().save(file)
    assert Trace.load(file) == trace()
    assert main(["check-trace", str(file)]) == 0
    assert "accepted: 28 events, finished" in capsys.readouterr().out


def test_all_that_a_trace_says_is_written_and_read() -> None:
    said = replace(trace(), declared=False, configuration={"heuristic": "mine", "device": "cpu"})
    assert Trace.parse(said.lines()) == said


def test_another_version_of_the_format_is_refused() -> None:
    lines = list(trace().lines())
    lines[0] = lines[0].replace('"version": 1', '"version": 2')
    with pytest.raises(TraceError, match="1: format dtr-trace version 1 expected"):
        Trace.parse(lines)


def test_the_command_tells_a_refusal_by_its_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.jsonl"
    replace(trace(), budget=3).save(file)
    assert main(["check-trace", str(file)]) == 1
    assert "event 10 (allocate 3)" in capsys.readouterr().out


HEADER = (
    '{"format": "dtr-trace", "version": 1, "budget": 4, "declared": true, "configuration": {}, "commands": 5, '
    '"events": 28}'
)
CALL = '{"command": "call", "op": "f", "inputs": %s, "outputs": %s, "mutates": [], "cost": 3, "profile": []}'


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (1, '{"format": "other"}', "1: field 'version'"),
        (2, "{", "2: not JSON"),
        (3, '{"command": "jump"}', "3: unknown command 'jump'"),
        (2, '{"command": "constant", "handle": 0, "size": "1"}', "2: field 'size' must be of type int"),
        (2, '{"command": "constant", "handle": 0, "size": -1}', "a size cannot be negative"),
        (9, '{"rule": "evict", "subject": 0, "used": 1}', "9: field 'detail'"),
        (5, '{"command": "release", "handle": 9}', "handle 9 is not bound"),
        (2, "[]", "2: a JSON object was expected"),
        (5, '{"command": "release", "handle": 0, "of": 1}', "5: unknown field 'of'"),
        (1, HEADER.replace("4", "-1"), "1: field 'budget' cannot be negative"),
        (3, CALL % ('["0"]', "[]"), "3: field 'inputs' must list integers"),
        (3, CALL % ("[0]", "[1]"), "3: an output must be an object"),
        (3, CALL % ("[0]", '[{"handle": 1, "size": 2.0}]'), "3: field 'size' must be of type int"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(
    line: int, text: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the file, the line and what was expected."""
    lines = list(trace().lines())
    lines[line - 1] = text
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join(lines))
    with pytest.raises(TraceError, match=reason):
        Trace.load(file)
    assert main(["check-trace", str(file)]) == 2
    assert "bad.jsonl" in capsys.readouterr().err


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "binary.jsonl"
    file.write_bytes(b"\xff")
    with pytest.raises(TraceError, match=r"binary\.jsonl: not UTF-8 text"):
        Trace.load(file)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """The header says how many lines there are."""
    file = tmp_path / "short.jsonl"
    file.write_text("\n".join(list(trace().lines())[:-1]))
    with pytest.raises(TraceError, match="ends before the lines that the header announces"):
        Trace.load(file)
