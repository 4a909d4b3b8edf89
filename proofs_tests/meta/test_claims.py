# SPDX-License-Identifier: Apache-2.0
"""The table of claims itself."""

from dataclasses import astuple
from typing import Any

import pytest

from ..claims import BEGIN, END, Claim, Evidence, in_order, with_table
from ..claims_table import CLAIM, ClaimsTable, Row, summed

BUDGET = Claim("T2", "The bytes in use never exceed the budget.", "proved for all")
EQUAL = Claim("T10", "Both engines evict the same storages.", "property-tested")


def test_keys_are_ordered_as_numbers() -> None:
    evidence = [Evidence(EQUAL, "b.py::test_b"), Evidence(BUDGET, "a.py::test_a")]
    assert [entry.claim.key for entry in in_order(evidence)] == ["T2", "T10"]


def test_counts_of_the_same_thing_are_added() -> None:
    assert summed(["1,200 programs", "GPT-2", "30 programs", "GPT-2"]) == ["1,230 programs", "GPT-2"]


def test_a_claim_holds_only_if_every_test_of_it_that_ran_passed() -> None:
    assert Row(BUDGET, outcomes=["passed", "passed"]).status == "passed"
    assert Row(BUDGET, outcomes=["passed", "skipped"]).status == "passed (1 skipped)"
    assert Row(BUDGET, outcomes=["skipped"]).status == "skipped"
    assert Row(BUDGET, outcomes=["passed", "failed", "skipped"]).status == "failed"


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([("setup", "passed"), ("call", "passed"), ("teardown", "passed")], "passed"),
        ([("setup", "failed"), ("teardown", "passed")], "failed"),
        ([("setup", "passed"), ("call", "passed"), ("teardown", "failed")], "failed"),
        ([("setup", "skipped"), ("teardown", "passed")], "skipped"),
    ],
)
def test_a_claim_fails_with_what_surrounds_its_test(reports: list[tuple[Any, Any]], status: str) -> None:
    table = ClaimsTable(None)
    for when, outcome in reports:
        properties: list[tuple[str, object]] = [(CLAIM, astuple(BUDGET))]
        place = ("test_a.py", 1, "test_a")
        table.pytest_runtest_logreport(
            pytest.TestReport("test_a.py::test_a", place, {}, outcome, None, when, user_properties=properties)
        )
    assert {made: row.status for made, row in table.rows.items()} == {BUDGET: status}


def test_only_the_table_between_the_markers_is_replaced() -> None:
    assert with_table(f"a\n{BEGIN}\nold\n{END}\nb\n", "new") == f"a\n{BEGIN}\nnew\n{END}\nb\n"
    with pytest.raises(ValueError, match="needs the lines"):
        with_table("no markers", "new")


@pytest.mark.parametrize(("statement", "method"), [("No full stop", "measured"), ("A sentence.", "believed")])
def test_a_claim_that_is_no_sentence_or_has_no_method_is_refused(statement: str, method: str) -> None:
    with pytest.raises(ValueError, match="claim T1"):
        Claim("T1", statement, method)
