# SPDX-License-Identifier: Apache-2.0
"""Tests that count live bytes, undisturbed by what earlier ones left behind."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Cycles of earlier tests hold tensors; freed in the middle of one, they would give it more room than it counts."""
    gc.disable()
    yield
    gc.enable()
