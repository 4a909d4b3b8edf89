# SPDX-License-Identifier: Apache-2.0
"""Operators on functions (``torch.cond``, ``flex_attention``): called in Python, and seen through what they call.

Torch chooses their kernels in Python, by dispatch key, and knows no fallbacks there: within a scope it would look for
a kernel under the core's key and find none. So they pass over that key, and the operators inside them are caught.
"""

import torch
from torch import _ops

KEY = "Fake"
"""Under which the core sees operators, as in ``csrc/torch/interpose.h``; the same key in every thread and scope."""


def pass_over_the_core() -> None:
    """Those that there are, and those that are defined later."""
    key = torch._C._dispatch_key_parse(KEY)
    later = _ops._HIGHER_ORDER_OP_DEFAULT_FALLTHROUGH_DISPATCH_KEYS
    if key in later:
        return
    later.append(key)
    for operator in _ops._higher_order_ops.values():
        operator.fallthrough(key)
