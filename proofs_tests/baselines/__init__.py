# SPDX-License-Identifier: Apache-2.0
"""Training graphs and static schemes."""
