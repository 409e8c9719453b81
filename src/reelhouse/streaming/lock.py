"""A lock that a process holds and that its death gives back, however it dies."""

from __future__ import annotations

import os
import sys


class Lock:
    """Exclusive among processes of this machine and among threads of this process.

    Where the system has no advisory locks (Windows) it always succeeds: entries that are put if absent still keep two
    runs from writing the same batch.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """True when it is ours now, False when somebody else has it. Never waits."""
        if sys.platform == "win32":
            return True
        import fcntl

        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def give_back(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
