# SPDX-License-Identifier: Apache-2.0
"""The semantics of Dynamic Tensor Rematerialization: what any correct DTR may do."""
