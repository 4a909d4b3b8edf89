# SPDX-License-Identifier: Apache-2.0
"""The notebooks are executed, and show what they print."""
