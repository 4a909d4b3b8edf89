# SPDX-License-Identifier: Apache-2.0
"""What the paper proves, made executable: quantities that its lemmas bound, counts and their growth."""
