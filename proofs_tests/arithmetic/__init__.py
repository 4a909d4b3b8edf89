# SPDX-License-Identifier: Apache-2.0
"""The engine's arithmetic: scores compared in fixed widths are compared as rationals."""
