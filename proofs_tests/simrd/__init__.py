# SPDX-License-Identifier: Apache-2.0
"""The paper's simulator, matched number for number."""
