# SPDX-License-Identifier: Apache-2.0
"""The runtime on real tensors: small trainings, single operators, failures, accessors; each against eager PyTorch."""
