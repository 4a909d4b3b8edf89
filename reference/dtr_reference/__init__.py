# SPDX-License-Identifier: Apache-2.0
"""The algorithm of Dynamic Tensor Rematerialization in plain Python; the README says how choices are resolved."""

from .heuristics import HEURISTICS
from .machine import Deallocation, Machine, OutOfMemory, Run, run
from .values import Interpretation, Mixing, Terms

__all__ = ["HEURISTICS", "Deallocation", "Interpretation", "Machine", "Mixing", "OutOfMemory", "Run", "Terms", "run"]
