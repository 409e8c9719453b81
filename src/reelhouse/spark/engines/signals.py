"""Ctrl-C belongs to the program, not to the engine inside it."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

_LARGEST_ACTION = 256
"""Bytes: more than `struct sigaction` takes on any system."""
_POINTER = ctypes.sizeof(ctypes.c_void_p)
"""The struct begins with the handler's address on Linux and macOS."""
_LOOK_EVERY_SECONDS = 0.002
_GIVE_UP_SECONDS = 5.0


def keep_interrupts(start: Callable[[], None]) -> None:
    """Call `start`, which starts the embedded engine, and keep the program's own reaction to Ctrl-C.

    Sail stops by itself on Ctrl-C, a few milliseconds after its start and on. A run that is to stop in order needs
    its engine for that, so the reaction that was there before comes back as soon as Sail has put its own in the place.
    """
    try:
        library = ctypes.CDLL(None)
        before = _action(library)
    except (OSError, TypeError, AttributeError):  # Windows: no such call, and no such habit of Sail's either
        start()
        return
    start()
    threading.Thread(target=_restore, args=(library, before), name="keep Ctrl-C", daemon=True).start()


def _restore(library: Any, before: Any) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        if _action(library).raw[:_POINTER] != before.raw[:_POINTER]:
            library.sigaction(int(signal.SIGINT), before, None)
            return
        time.sleep(_LOOK_EVERY_SECONDS)


def _action(library: Any) -> Any:
    """What the process does on Ctrl-C, as the system's own struct."""
    action = ctypes.create_string_buffer(_LARGEST_ACTION)
    library.sigaction(int(signal.SIGINT), None, action)
    return action
