# SPDX-License-Identifier: Apache-2.0
"""Models in plain PyTorch, trained for a few steps with and without a budget, bit for bit.

The models (``zoo``) know nothing of rematerialization; ``training`` takes it as a context.
"""
