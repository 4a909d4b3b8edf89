# SPDX-License-Identifier: Apache-2.0
"""Equivalence classes of evicted storages: what they cost, and how that is related to e*."""
