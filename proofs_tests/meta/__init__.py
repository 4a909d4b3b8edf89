# SPDX-License-Identifier: Apache-2.0
"""Tests of the repository itself: what its documents say is what its files hold."""
