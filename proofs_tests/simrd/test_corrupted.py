# SPDX-License-Identifier: Apache-2.0
"""Files that were corrupted are refused by both commands: the file, the line, the reason, and nothing else happens."""

import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dtr_reference.__main__ import main as slow
from dtr_runtime.__main__ import main as fast
from dtr_spec.log import Log

from ..claims import claim
from .test_log import ALIAS_B, CALL, MALFORMED, MEMORY_A, MEMORY_B, RELEASE_A, START, A, copied, mutate

SOUND = (START, A, MEMORY_A, CALL, MEMORY_B, ALIAS_B, RELEASE_A)
"""Seven lines with nothing wrong; b is never released, which is allowed."""
MOST_DIGITS = "9" * 18


def text(*lines: str) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def sound(number: int, old: str, new: str) -> bytes:
    """The sound log with one line (by its number) changed."""
    assert old in SOUND[number - 1]
    return text(*SOUND[: number - 1], SOUND[number - 1].replace(old, new), *SOUND[number:])


def then(*lines: str) -> bytes:
    """The sound log and more."""
    return text(*SOUND, *lines)


def call(args: str, results: str, *details: str) -> tuple[str, ...]:
    return (f'{{"INSTRUCTION":"CALL","NAME":"f","ARGS":{args},"RESULT":{results},"TIME":"1"}}', *details)


def memory(name: str, size: str = "8") -> str:
    return f'{{"INSTRUCTION":"MEMORY","NAME":"{name}","MEMORY":"{size}"}}'


def alias(name: str, of: str = "-1") -> str:
    return f'{{"INSTRUCTION":"ALIAS","NAME":"{name}","ALIAS":"{of}"}}'


WHOLE = text(*SOUND)
CORRUPTED: dict[str, tuple[bytes, int, str]] = {
    # no text
    "an empty file": (b"", 1, "the log ends without the annotation START"),
    "a newline": (b"\n", 1, "not JSON"),
    "all byte values": (bytes(range(256)), 1, "not JSON"),
    "random bytes": (random.Random(0).randbytes(1000), 1, "not UTF-8 text"),
    "compressed": (zlib.compress(WHOLE), 1, "not UTF-8 text"),
    "NUL bytes": (b"\0" * 4096, 1, "not JSON"),
    "NUL bytes at the end": (WHOLE + b"\0" * 512, 8, "not JSON"),
    "a NUL in a name": (WHOLE.replace(b'"f"', b'"f\0"'), 4, "not JSON"),
    "UTF-16": (WHOLE.decode().encode("utf-16"), 1, "not UTF-8 text"),
    "UTF-16 without a mark": (WHOLE.decode().encode("utf-16-le"), 1, "not JSON"),
    "UTF-32": (WHOLE.decode().encode("utf-32"), 1, "not UTF-8 text"),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + WHOLE, 1, "not JSON"),
    "Latin-1": (WHOLE.replace(b'"f"', b'"\xe9"'), 4, "not UTF-8 text"),
    "half a surrogate pair": (WHOLE.replace(b'"f"', b'"\xed\xa0\x80"'), 4, "not UTF-8 text"),
    # lines
    "cut off in a line": (WHOLE[: len(WHOLE) // 2], 4, "not JSON"),
    "cut off in a character": (sound(4, '"f"', '"fé"').partition(b"\xa9")[0], 4, "not UTF-8 text"),
    "cut off before its start": (text(A, MEMORY_A), 3, "the log ends without the annotation START"),
    "its first line lost": (text(*SOUND[1:]), 7, "the log ends without the annotation START"),
    "another's start": (sound(1, "START", "BEGIN"), 8, "the log ends without the annotation START"),
    "a blank line at the end": (WHOLE + b"\n", 8, "not JSON"),
    "a blank line among carriage returns": (WHOLE.replace(b"\n", b"\r\n") + b"\r\n", 8, "not JSON"),
    "carriage returns alone": (WHOLE.replace(b"\n", b"\r"), 1, "not JSON"),
    "two objects in a line": (WHOLE.replace(b"}\n", b"}", 1), 1, "not JSON"),
    "an object over two lines": (WHOLE.replace(b",", b",\n", 1), 1, "not JSON"),
    "one list of all": (json.dumps([json.loads(line) for line in SOUND]).encode(), 1, "a JSON object was expected"),
    "commas between lines": (WHOLE.replace(b"}\n", b"},\n"), 1, "not JSON"),
    "single quotes": (sound(4, '"', "'"), 4, "not JSON"),
    "a comment": (text(START, "// " + A), 2, "not JSON"),
    "a merge conflict": (text(*SOUND[:3], "<<<<<<< HEAD", *SOUND[3:]), 4, "not JSON"),
    "two writers at once": (text(START, A[:20] + RELEASE_A, A[20:]), 2, "not JSON"),
    # numbers
    "NaN for a time": (sound(4, '"1"', "NaN"), 4, "field 'TIME' must be of type str"),
    "infinity for a time": (sound(4, '"1"', '"Infinity"'), 4, "must be a decimal string"),
    "an exponent": (sound(4, '"1"', '"1e3"'), 4, "must be a decimal string"),
    "a float that is whole": (sound(4, '"1"', '"1.0"'), 4, "must be a decimal string"),
    "hexadecimal": (sound(3, '"8"', '"0x8"'), 3, "must be a decimal string"),
    "a plus sign": (sound(3, '"8"', '"+8"'), 3, "must be a decimal string"),
    "an underscore": (sound(3, '"8"', '"8_0"'), 3, "must be a decimal string"),
    "a space before a number": (sound(3, '"8"', '" 8"'), 3, "must be a decimal string"),
    "minus zero": (sound(3, '"8"', '"-0"'), 3, "must be a decimal string"),
    "no digits": (sound(3, '"8"', '""'), 3, "must be a decimal string"),
    "wide digits": (sound(3, '"8"', '"\uff18"'), 3, "must be a decimal string"),
    "true for bytes": (sound(3, '"8"', "true"), 3, "field 'MEMORY' must be of type str"),
    "a googol of bytes": (sound(3, '"8"', f'"1{"0" * 100}"'), 3, "at most 18 digits"),
    "more bytes than count": (
        text(START, A, memory("a", MOST_DIGITS), *call("[]", '["b"]', memory("b", MOST_DIGITS)), alias("b")),
        6,
        "bytes, more than",
    ),
    "more bytes than count, by copies": (
        text(START, A, memory("a", MOST_DIGITS), mutate('["a"]', "[0]")),
        4,
        "bytes, more than",
    ),
    "more time than counts": (
        sound(4, '"1"', f'"{MOST_DIGITS}"') + text(mutate('["b"]', "[0]").replace('"1"', f'"{MOST_DIGITS}"')),
        8,
        "ns, more than",
    ),
    "a position that is a float": (then(mutate('["b"]', "[0.0]")), 8, "must list positions among 1"),
    "a position that is infinite": (then(mutate('["b"]', "[Infinity]")), 8, "must list positions among 1"),
    "a position below none": (then(mutate('["b"]', "[-1]")), 8, "must list positions among 1"),
    "a position beyond all": (then(mutate('["b"]', f"[{10**30}]")), 8, "must list positions among 1"),
    # fields
    "a key twice, once by its code": (sound(7, '"NAME"', '"NAME":"b","\\u004eAME"'), 7, "a field is given twice"),
    "a name that is null": (sound(7, '"a"', "null"), 7, "field 'NAME' must be of type str"),
    "an instruction in small letters": (sound(7, "RELEASE", "release"), 7, "unknown INSTRUCTION 'release'"),
    "an instruction that is a list": (sound(7, '"RELEASE"', '["RELEASE"]'), 7, "unknown INSTRUCTION ['RELEASE']"),
    "a key in small letters": (sound(7, "NAME", "name"), 7, "unknown field 'name'"),
    "arguments in a string": (sound(4, '["a"]', '"a"'), 4, "field 'ARGS' must be of type list"),
    "arguments in an object": (sound(4, '["a"]', '{"a":0}'), 4, "field 'ARGS' must be of type list"),
    "an argument that is a list": (sound(4, '["a"]', '[["a"]]'), 4, "field 'ARGS' must list names"),
    "objects without end": (b'{"INSTRUCTION":' * 50_000, 1, "not JSON"),
    "lists without end in a field": (sound(4, '["a"]', "[" * 50_000), 4, "not JSON"),
    # names and what belongs together
    "a result that is its own argument": (then(*call('["c"]', '["c"]')), 8, "'c' denotes no tensor"),
    "calls that need each other": (
        then(*call('["d"]', '["c"]', memory("c"), alias("c")), *call('["c"]', '["d"]', memory("d"), alias("d"))),
        8,
        "'d' denotes no tensor",
    ),
    "a use after its release": (then(*call('["a"]', '["c"]')), 8, "'a' was released"),
    "a mutation after its release": (then(mutate('["a"]', "[0]")), 8, "'a' was released"),
    "a copy after its release": (then(copied("COPY", "c", "a")), 8, "'a' was released"),
    "a copy over a released name": (then(copied("COPY", "a", "b")), 8, "'a' is already in use"),
    "an alias without arguments": (
        then(*call("[]", '["c"]', memory("c"), alias("c", "0"))),
        10,
        "ALIAS 0, but the call has 0 arguments",
    ),
    "an alias by name": (then(*call('["b"]', '["c"]', memory("c"), alias("c", "b"))), 10, "must be a decimal string"),
    "memory before its call": (text(START, MEMORY_B, ALIAS_B, CALL), 2, "MEMORY must follow"),
    "two results' memories swapped": (
        then(*call('["b"]', '["c","d"]', memory("d"), alias("d"), memory("c"), alias("c"))),
        9,
        "the MEMORY of 'c' was expected",
    ),
    "one result's lines lost": (then(*call('["b"]', '["c","d"]', memory("c"), alias("c"))), 11, "the log ends before"),
    "a memory too many": (then(*call('["b"]', '["c"]', memory("c"), memory("c"))), 10, "the ALIAS of 'c' was expected"),
}


def refusals(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What both commands say of a log that they must refuse."""
    said = []
    for main in (slow, fast):
        assert main(["simulate", str(path), "--heuristic", "h_lru", "--ratios", "0.5"]) == 2
        out, err = capsys.readouterr()
        assert out == "", "something was simulated"
        said.append(err[err.index(str(path)) :])
    return said


@claim("logs", "Each kind of corrupted file is refused by both commands with file, line and reason.", method="computed")
@pytest.mark.parametrize("name", [*CORRUPTED, *MALFORMED])
def test_corrupted_files_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], claim_scope: Callable[[str], None]
) -> None:
    path = tmp_path / "log"
    if name in CORRUPTED:
        content, number, reason = CORRUPTED[name]
    else:
        lines, number, reason = MALFORMED[name]
        content = text(*lines)
    path.write_bytes(content)
    for said in refusals(path, capsys):
        assert said.startswith(f"{path}:{number}: ")
        assert reason in said
    claim_scope("1 kinds")


def test_what_looks_odd_and_is_not_wrong(tmp_path: Path) -> None:
    """Carriage returns before newlines, blanks around tokens, no newline at the end: JSON allows them, simrd too."""
    expected = Log.parse(SOUND)
    for content in (WHOLE.replace(b"\n", b"\r\n"), WHOLE.replace(b":", b" : "), WHOLE[:-1]):
        path = tmp_path / "log"
        path.write_bytes(content)
        assert Log.load(path) == expected


def test_sums_that_grow_too_large_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The largest sums that a log may have: no count overflows."""
    half = str(2**59 // 2)
    path = tmp_path / "log"
    path.write_bytes(
        text(START, A, memory("a", half), *call('["a"]', '["b"]', memory("b", half), alias("b"))).replace(
            b'"TIME":"1"', f'"TIME":"{2**59}"'.encode()
        )
        + text(*call('["b"]', '["c"]', memory("c", half), alias("c")), mutate('["c"]', "[0]"))
    )
    answers = []
    for main in (slow, fast):
        assert main(["simulate", str(path), "--ratios", "1.0,0.5,1e12", "--limit", "inf"]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
