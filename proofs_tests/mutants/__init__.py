# SPDX-License-Identifier: Apache-2.0
"""Seeded faults, and the tests that each of them makes fail: what the suite would catch."""
