"""What notebooks print, kept apart by thread and without secrets.

`sys.stdout` belongs to the process, notebooks run side by side: while any runs, a stand-in passes each text on to the
notebook whose context it is printed in.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

_receiver: ContextVar[Callable[[str], object] | None] = ContextVar("notebook_output", default=None)
_lock = threading.Lock()
_users = 0


class _Switch(io.TextIOBase):
    """Gives texts to the receiver of the present context, or to the real output where there is none."""

    def __init__(self, real: TextIO) -> None:
        self.real = real

    def write(self, text: str) -> int:
        receiver = _receiver.get()
        if receiver is None:
            return self.real.write(text)
        receiver(text)
        return len(text)

    def flush(self) -> None:
        self.real.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class declares a plain attribute
        return self.real.encoding


@contextmanager
def redirected(receiver: Callable[[str], object] | None, redact: Callable[[str], str]) -> Iterator[None]:
    """While this holds, what this context prints goes to `receiver` (None: the real output), redacted first."""
    global _users
    with _lock:
        _users += 1
        if not isinstance(sys.stdout, _Switch):
            sys.stdout = _Switch(sys.stdout)
        switch = sys.stdout
    target: Callable[[str], object] = receiver or switch.real.write
    token = _receiver.set(lambda text: target(redact(text)))
    try:
        yield
    finally:
        _receiver.reset(token)
        with _lock:
            _users -= 1
            if _users == 0 and sys.stdout is switch:
                sys.stdout = switch.real
