"""What the names of an expression stand for. Every level of a factory sees its own scope and no other.

https://learn.microsoft.com/azure/data-factory/control-flow-system-variables
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reelhouse.clock import Clock, SystemClock


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()
"""No value at all, as opposed to null."""


@dataclass(frozen=True)
class Scope:
    """Names and ports. None, or NOTHING for values that may be null, means that the scope does not have them.

    `variables` and `activities` have lower-case keys: letter case of those names is ignored.
    """

    pipeline: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] | None = None
    activities: Mapping[str, Any] | None = None
    item: Any = NOTHING
    dataset: Mapping[str, Any] | None = None
    linked_service: Mapping[str, Any] | None = None
    trigger: Mapping[str, Any] | None = None
    clock: Clock = field(default_factory=SystemClock)
    guid: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    random: random.Random = field(default_factory=random.Random)
