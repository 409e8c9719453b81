"""Named places where a test can stop the process, to see that a crash there loses nothing and doubles nothing.

`REELHOUSE_FAIL_AT=delta.before_commit` ends the process at that point, as `kill -9` would; with a `:N` behind the name
at the N-th time it is reached, with `!raise` behind it by an exception.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_reached: Counter[str] = Counter()


class FailPoint(BaseException):
    """Raised at a fail point that is told to raise. No `except Exception` catches it."""


def reach(name: str) -> None:
    """Say that the point `name` is reached. Nothing happens unless `REELHOUSE_FAIL_AT` names it."""
    wanted = os.environ.get("REELHOUSE_FAIL_AT")
    if not wanted:
        return
    wanted, _, how = wanted.partition("!")
    wanted, _, count = wanted.partition(":")
    if wanted != name:
        return
    _reached[name] += 1
    if count and _reached[name] != int(count):
        return
    if how == "raise":
        raise FailPoint(name)
    os.kill(os.getpid(), signal.SIGKILL)
