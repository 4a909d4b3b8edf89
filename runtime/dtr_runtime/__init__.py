# SPDX-License-Identifier: Apache-2.0
"""Dynamic tensor rematerialization for PyTorch: a byte budget, kept; the same bits as without it."""

from .budget import Run as Run
from .budget import budget as budget
from .budget import evicted as evicted
from .budget import live_bytes as live_bytes
from .budget import parse as parse
from .budget import pin as pin
from .errors import BudgetError as BudgetError
from .errors import BudgetExceeded as BudgetExceeded
from .errors import NondeterministicOperator as NondeterministicOperator
from .record import Recording as Recording
from .record import record as record
from .stats import Stats as Stats
