# SPDX-License-Identifier: Apache-2.0
from ..garbage import uncollected as uncollected
