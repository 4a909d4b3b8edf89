# SPDX-License-Identifier: Apache-2.0
"""The same programs on every implementation: values, bytes, steps and decisions compared."""
