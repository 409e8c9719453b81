"""Which process writes a run, and whether it is still there.

The number alone would not do: numbers are given out again, in a container always the same ones. The time at which the
process began, where the system tells it, makes the difference.
"""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path


@functools.cache
def this_process() -> str:
    """The name of this process, `host:number` or `host:number@start`."""
    number = os.getpid()
    start = _start_of(number)
    return f"{socket.gethostname()}:{number}" + (f"@{start}" if start else "")


def has_gone(process: str) -> bool:
    """Whether a process of this machine is no longer there. Those of other machines are not judged."""
    host, _, rest = process.rpartition(":")
    number, _, start = rest.partition("@")
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    if _facts(int(number))[:1] in (["Z"], ["X"]):
        return True  # it has ended, and its parent has not looked yet
    return bool(start) and _start_of(int(number)) not in (start, "")


def _start_of(number: int) -> str:
    """When a process began, in a unit of the system; empty where it does not tell."""
    facts = _facts(number)
    return facts[19] if facts else ""


def _facts(number: int) -> list[str]:
    """What the system tells of a process behind its name: the state first; nothing where it tells nothing."""
    try:
        words = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    # The name of the program stands in parentheses and may hold blanks.
    return words.rpartition(")")[2].split()


os.register_at_fork(after_in_child=this_process.cache_clear)
