# SPDX-License-Identifier: Apache-2.0
"""The paper's theorems and lemmas, run: where they hold, how tightly, and where they do not."""
