# SPDX-License-Identifier: Apache-2.0
"""A heuristic named on the command line is loaded, or refused with the reason."""

from pathlib import Path

import pytest

from dtr_reference import HEURISTICS
from dtr_reference.heuristic_option import HeuristicOptionError, load_heuristic

LARGEST_FIRST = """
class LargestFirst:
    def score(self, storage, clock):
        return -storage.size

class Unfinished:
    pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(LARGEST_FIRST)
    return path


def test_a_class_in_a_file_is_loaded(file: Path) -> None:
    assert type(load_heuristic(f"{file}:LargestFirst")).__name__ == "LargestFirst"


def test_a_built_in_is_found_by_name() -> None:
    assert isinstance(load_heuristic("h_dtr"), HEURISTICS["h_dtr"])


def test_what_is_missing_is_named(file: Path) -> None:
    with pytest.raises(HeuristicOptionError, match=r"must be FILE\.py:CLASS or one of h_dtr, "):
        load_heuristic("LargestFirst")
    with pytest.raises(HeuristicOptionError, match="no Python file at"):
        load_heuristic(f"{file.parent / 'absent.py'}:LargestFirst")
    with pytest.raises(HeuristicOptionError, match="it has LargestFirst, Unfinished"):
        load_heuristic(f"{file}:SmallestFirst")
    with pytest.raises(HeuristicOptionError, match="needs a method score"):
        load_heuristic(f"{file}:Unfinished")
