# SPDX-License-Identifier: Apache-2.0
"""Attributes of torch's modules and classes that stand for others for a while."""

from collections.abc import Callable
from typing import Any

_INHERITED = object()


class Replacements:
    """What was replaced, to be put back."""

    def __init__(self) -> None:
        self._own: list[tuple[Any, str, Any]] = []

    def __len__(self) -> int:
        return len(self._own)

    def replace(self, owner: Any, name: str, changed: Callable[[Any], Any]) -> None:
        """``owner.name`` becomes what ``changed`` makes of it."""
        self._remember(owner, name)
        setattr(owner, name, changed(getattr(owner, name)))

    def remove(self, owner: Any, name: str) -> None:
        """``owner`` has no ``name`` of its own, if it had one."""
        if name in vars(owner):
            self._remember(owner, name)
            delattr(owner, name)

    def put_back(self) -> None:
        """The last one first; an attribute that was inherited is inherited again."""
        while self._own:
            owner, name, own = self._own.pop()
            if own is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, own)

    def _remember(self, owner: Any, name: str) -> None:
        self._own.append((owner, name, vars(owner).get(name, _INHERITED)))
