# SPDX-License-Identifier: Apache-2.0
"""The evidence: proofs, exhaustive explorations, properties, refinements, regressions."""
