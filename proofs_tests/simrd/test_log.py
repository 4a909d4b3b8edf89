# SPDX-License-Identifier: Apache-2.0
"""Logs are read as they are written, and what is malformed is refused with its line."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr_spec.copies import schedule
from dtr_spec.log import Log, LogError

from ..claims import claim
from .data import logs, text
from .generated import random_log

randoms = st.randoms(use_true_random=False)
A, MEMORY_A = '{"INSTRUCTION":"CONSTANT","NAME":"a"}', '{"INSTRUCTION":"MEMORY","NAME":"a","MEMORY":"8"}'
CALL = '{"INSTRUCTION":"CALL","NAME":"f","ARGS":["a"],"RESULT":["b"],"TIME":"1"}'
MEMORY_B, ALIAS_B = (
    '{"INSTRUCTION":"MEMORY","NAME":"b","MEMORY":"8"}',
    '{"INSTRUCTION":"ALIAS","NAME":"b","ALIAS":"-1"}',
)
START = '{"INSTRUCTION":"ANNOTATE","ANNOTATION":"START"}'
RELEASE_A = '{"INSTRUCTION":"RELEASE","NAME":"a"}'
GOOD = (A, MEMORY_A, CALL, MEMORY_B, ALIAS_B)


def mutate(args: str, mutated: str) -> str:
    return f'{{"INSTRUCTION":"MUTATE","NAME":"g","ARGS":{args},"MUTATE":{mutated},"TIME":"1"}}'


def copied(instruction: str, target: str, source: str) -> str:
    return f'{{"INSTRUCTION":"{instruction}","DST":"{target}","SRC":"{source}"}}'


MALFORMED = {
    "no JSON": (("{",), 1, "not JSON"),
    "a number of ten thousand digits": ((mutate("[]", "[" + "1" * 10_000 + "]"),), 1, "not JSON"),
    "nested without end": (("[" * 100_000,), 1, "not JSON"),
    "an empty line": ((A, MEMORY_A, "", CALL), 3, "not JSON"),
    "no object": (("[]",), 1, "a JSON object was expected"),
    "no instruction": (('{"NAME":"a"}',), 1, "unknown INSTRUCTION None"),
    "another instruction": (('{"INSTRUCTION":"FREE","NAME":"a"}',), 1, "unknown INSTRUCTION 'FREE'"),
    "a field too many": (('{"INSTRUCTION":"RELEASE","NAME":"a","AGE":"1"}',), 1, "unknown field 'AGE'"),
    "a field twice": (('{"INSTRUCTION":"RELEASE","NAME":"a","NAME":"b"}',), 1, "a field is given twice"),
    "a field too few": (('{"INSTRUCTION":"RELEASE"}',), 1, "field 'NAME' must be of type str, found None"),
    "a number for a name": (('{"INSTRUCTION":"RELEASE","NAME":1}',), 1, "field 'NAME' must be of type str, found 1"),
    "a bare number": ((A, MEMORY_A.replace('"8"', "8")), 2, "field 'MEMORY' must be of type str"),
    "bytes that are no number": ((A, MEMORY_A.replace("8", "8.5")), 2, "must be a decimal string"),
    "digits of another script": ((A, MEMORY_A.replace("8", "٨")), 2, "must be a decimal string"),
    "too many bytes": ((A, MEMORY_A.replace("8", "8" * 19)), 2, "at most 18 digits"),
    "a leading zero": ((A, MEMORY_A.replace("8", "08")), 2, "must be a decimal string"),
    "negative bytes": ((A, MEMORY_A.replace("8", "-8")), 2, "field 'MEMORY' cannot be -8"),
    "negative time": ((A, MEMORY_A, CALL.replace('"1"', '"-1"')), 3, "field 'TIME' cannot be -1"),
    "a constant without memory": ((A, CALL), 2, "the MEMORY of 'a' was expected"),
    "a constant with another's memory": ((A, MEMORY_B), 2, "the MEMORY of 'a' was expected"),
    "a constant at the end": ((A,), 2, "the log ends before the MEMORY of 'a'"),
    "memory of nothing": ((MEMORY_A,), 1, "MEMORY must follow"),
    "alias of nothing": ((*GOOD, ALIAS_B), 6, "ALIAS must follow"),
    "a call cut off": (GOOD[:-1], 5, "the log ends before the ALIAS of 'b'"),
    "a call with its lines swapped": ((*GOOD[:3], ALIAS_B, MEMORY_B), 4, "the MEMORY of 'b' was expected"),
    "an alias of no argument": ((*GOOD[:-1], ALIAS_B.replace("-1", "1")), 5, "ALIAS 1, but the call has 1"),
    "an alias below -1": ((*GOOD[:-1], ALIAS_B.replace("-1", "-2")), 5, "field 'ALIAS' cannot be -2"),
    "a call without result": ((A, MEMORY_A, CALL.replace('"b"', "")), 3, "a CALL needs a NAME and a RESULT"),
    "a call without name": ((A, MEMORY_A, CALL.replace('"f"', '""')), 3, "a CALL needs a NAME and a RESULT"),
    "a result named twice": ((A, MEMORY_A, CALL.replace('"b"', '"b","b"')), 3, "a result is named twice"),
    "a result that is a number": ((A, MEMORY_A, CALL.replace('"b"', "1")), 3, "field 'RESULT' must list names"),
    "a result that exists": ((A, MEMORY_A, CALL.replace('"b"', '"a"')), 3, "'a' is already in use"),
    "a name used again": ((A, MEMORY_A, RELEASE_A, A), 4, "'a' is already in use"),
    "an unknown argument": ((CALL,), 1, "'a' denotes no tensor"),
    "a released argument": ((A, MEMORY_A, RELEASE_A, CALL), 4, "'a' was released"),
    "an argument from before": ((A, MEMORY_A, START, CALL), 4, "'a' is from before START"),
    "an unknown release": ((RELEASE_A,), 1, "'a' denotes no tensor"),
    "a second release": ((A, MEMORY_A, RELEASE_A, RELEASE_A), 4, "'a' was released"),
    "a second release from before": ((A, MEMORY_A, START, RELEASE_A, RELEASE_A), 5, "'a' was released"),
    "a second start": ((START, START), 2, "a second START"),
    "a mutation of nothing": ((A, MEMORY_A, mutate('["a"]', "[]")), 3, "a MUTATE needs a NAME and a position"),
    "a mutation of no argument": ((A, MEMORY_A, mutate('["a"]', "[1]")), 3, "must list positions among 1"),
    "a mutation of true": ((A, MEMORY_A, mutate('["a","a"]', "[true]")), 3, "must list positions among 2"),
    "a mutation twice": ((A, MEMORY_A, mutate('["a","a"]', "[0,1]")), 3, "MUTATE lists one tensor twice"),
    "a copy of nothing": ((copied("COPY", "b", "a"),), 1, "'a' denotes no tensor"),
    "a copy over a name": ((A, MEMORY_A, copied("COPY", "a", "a")), 3, "'a' is already in use"),
    "a copy from nothing": ((A, MEMORY_A, copied("COPY_FROM", "a", "b")), 3, "'b' denotes no tensor"),
    "a copy into nothing": ((A, MEMORY_A, copied("COPY_FROM", "b", "a")), 3, "'b' denotes no tensor"),
    "a copy from itself": ((A, MEMORY_A, copied("COPY_FROM", "a", "a")), 3, "cannot be copied from itself"),
}


@claim("logs", "Each kind of malformed log is refused with its line and the reason.", method="computed")
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_log_is_refused(name: str, claim_scope: Callable[[str], None]) -> None:
    lines, number, reason = MALFORMED[name]
    with pytest.raises(LogError, match=rf"^log:{number}: .*{re.escape(reason)}"):
        Log.parse(lines)
    claim_scope("1 kinds")


def test_the_lines_that_the_malformed_ones_spoil_are_good() -> None:
    good = (START, *GOOD, mutate('["a","b"]', "[1,0]"), copied("COPY", "c", "a"), RELEASE_A)
    assert len(Log.parse(good).entries) == 6
    assert len(Log.parse((A, MEMORY_A, START, RELEASE_A)).measured) == 0


@claim("logs", "The published logs are read, and written as they were, byte for byte.", method="computed")
@pytest.mark.needs_simrd_data
@pytest.mark.parametrize("log", logs() or ("no log",), ids=lambda log: log.partition("-")[0])
def test_published_logs_are_written_as_they_were_read(log: str) -> None:
    lines = text(log).splitlines()
    assert list(Log.parse(lines).lines()) == lines


@claim("logs", "What is written is read back, from lines and from files.", method="property-tested")
@given(randoms)
def test_logs_round_trip(tmp_path_factory: pytest.TempPathFactory, draw: random.Random) -> None:
    log = random_log(draw)
    assert Log.parse(log.lines()) == log
    path = tmp_path_factory.mktemp("logs") / "log"
    log.save(path)
    assert Log.load(path) == log


@claim(
    "logs",
    "A log spoiled at random is refused with a line of it, or has nothing that is not read.",
    method="property-tested",
)
@given(randoms)
def test_spoiled_logs_are_refused_or_read_whole(draw: random.Random) -> None:
    lines = list(random_log(draw, 12).lines())
    for _ in range(draw.randint(1, 3)):
        draw.choice(SPOILERS)(lines, draw)
    try:
        log = Log.parse(lines)
    except LogError as error:
        found = re.match(r"log:(\d+): .", str(error))
        assert found is not None
        assert 1 <= int(found[1]) <= len(lines) + 1
    else:
        assert list(map(json.loads, log.lines())) == list(map(json.loads, lines))
        schedule(log)


def drop_line(lines: list[str], draw: random.Random) -> None:
    if lines:
        del lines[draw.randrange(len(lines))]


def repeat_line(lines: list[str], draw: random.Random) -> None:
    if lines:
        lines.insert(draw.randrange(len(lines)), draw.choice(lines))


def cut_off(lines: list[str], draw: random.Random) -> None:
    del lines[draw.randint(0, len(lines)) :]


def change_word(lines: list[str], draw: random.Random) -> None:
    """A word or number of one line becomes one of another."""
    if lines:
        i = draw.randrange(len(lines))
        old, new = (draw.choice(re.findall(r"[\w-]+|\W", line) or [""]) for line in (lines[i], draw.choice(lines)))
        lines[i] = lines[i].replace(old, new, 1)


def change_character(lines: list[str], draw: random.Random) -> None:
    if lines:
        i = draw.randrange(len(lines))
        at = draw.randint(0, len(lines[i]))
        lines[i] = lines[i][:at] + chr(draw.randrange(1, 0x3000)) + lines[i][at + draw.randrange(2) :]


SPOILERS = (drop_line, repeat_line, cut_off, change_word, change_character)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LogError, match="not UTF-8 text"):
        Log.load(path)
