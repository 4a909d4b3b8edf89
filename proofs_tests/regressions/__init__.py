# SPDX-License-Identifier: Apache-2.0
"""What other tools for rematerialization are known to get wrong, one named test each."""
