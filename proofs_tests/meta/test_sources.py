# SPDX-License-Identifier: Apache-2.0
"""Every source file has its licence line, is short, and names no particular machine or registry."""

import re
from pathlib import Path

from .sources import files, sources, text

LICENCE = "SPDX-License-Identifier: Apache-2.0"
LONGEST = 400
COMMENT = re.compile(r"\s*(#|//|$)")
# The character classes keep these patterns from matching themselves.
ELSEWHERE = re.compile(r"py[p]i\.org|python[h]osted|download\.py[t]orch|[\"'\s(=](/home|/root|/tmp|/opt|/Users)[/]\w")


def test_every_source_file_opens_with_its_licence() -> None:
    assert not [path for path in sources() if not any(LICENCE in line for line in text(path).splitlines()[:2])]


def code_lines(path: Path) -> int:
    """Lines that are neither blank nor a comment."""
    return sum(not COMMENT.match(line) for line in text(path).splitlines())


def test_no_file_outside_the_tests_is_longer_than_can_be_read_at_once() -> None:
    product = [path for path in sources() if path.parts[0] != "proofs_tests"]
    assert not {str(path): lines for path in product if (lines := code_lines(path)) > LONGEST}


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    readable = [path for path in files() if path.suffix in {".py", ".md", ".h", ".cpp", ".toml", ".txt", ".cff", ""}]
    assert not [str(path) for path in readable if ELSEWHERE.search(text(path))]
