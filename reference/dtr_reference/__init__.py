# SPDX-License-Identifier: Apache-2.0
"""The algorithm of Dynamic Tensor Rematerialization in plain Python; the README says how choices are resolved."""

from .heuristics import HEURISTICS
from .machine import Deallocation, Machine, run
from .outcome import OutOfMemory, Run
from .values import Interpretation, Mixing, Terms

__all__ = ["HEURISTICS", "Deallocation", "Interpretation", "Machine", "Mixing", "OutOfMemory", "Run", "Terms", "run"]
