# SPDX-License-Identifier: Apache-2.0
"""The mutants: each a way in which a machine for rematerialization, or the evidence about it, is easily got wrong."""

from . import engine, evidence, glue, reference, rules

MUTANTS = (*rules.MUTANTS, *reference.MUTANTS, *evidence.MUTANTS, *engine.MUTANTS, *glue.MUTANTS)
