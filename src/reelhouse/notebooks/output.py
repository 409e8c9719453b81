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
from typing import BinaryIO, TextIO

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

    def fileno(self) -> int:
        return self.real.fileno()

    @property
    def buffer(self) -> BinaryIO:
        return self.real.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class declares a plain attribute
        return self.real.encoding


_switches: list[_Switch] = []


def _switch_for(real: TextIO) -> _Switch:
    """The stand-in for an output. Stand-ins are kept for ever: `print` of another thread may hold one without a
    reference of its own (CPython borrows `sys.stdout`), so that it must not go away when it is replaced."""
    switch = next((s for s in _switches if s.real is real), None)
    if switch is None:
        switch = _Switch(real)
        _switches.append(switch)
    return switch


@contextmanager
def redirected(receiver: Callable[[str], object] | None, redact: Callable[[str], str]) -> Iterator[None]:
    """While this holds, what this context prints goes to `receiver` (None: the real output), redacted first."""
    global _users
    with _lock:
        _users += 1
        if not isinstance(sys.stdout, _Switch):
            sys.stdout = _switch_for(sys.stdout)
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
