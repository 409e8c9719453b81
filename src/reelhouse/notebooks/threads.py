"""Running user code so that it can be given up: after a time-out, or when the run is cancelled."""

from __future__ import annotations

import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from reelhouse.clock import Clock

T = TypeVar("T")

_LOOK_EVERY_SECONDS = 0.1
_GRACE_SECONDS = 10.0


class Interrupted(BaseException):
    """Thrown into a thread whose work is no longer wanted. Not an `Exception`: user code must not swallow it."""


class TimedOut(Exception):
    """The work took longer than it was given."""


class Cancelled(Exception):
    """The run that the work belongs to was cancelled."""


def call_in_thread(
    function: Callable[[], T],
    *,
    clock: Clock,
    timeout_seconds: float = 0,
    cancel: threading.Event | None = None,
    name: str = "",
) -> T:
    """What `function` returns, called in a thread of its own with a copy of this context.

    `timeout_seconds` 0 is no limit. Raises what the function raises, `TimedOut` or `Cancelled`. Work that does not
    stop within seconds of being interrupted is left behind in its (daemon) thread.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    done = threading.Event()
    context = contextvars.copy_context()

    def body() -> None:
        try:
            outcome.append(context.run(function))
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=body, name=name or None, daemon=True)
    started = clock.monotonic()
    thread.start()
    try:
        while not done.wait(_LOOK_EVERY_SECONDS):
            if cancel is not None and cancel.is_set():
                raise Cancelled(name)
            if timeout_seconds and clock.monotonic() - started >= timeout_seconds:
                raise TimedOut(name)
    except BaseException:
        _interrupt(thread, done)
        raise
    if failure:
        raise failure[0]
    return outcome[0]


def _interrupt(thread: threading.Thread, done: threading.Event) -> None:
    """Throw `Interrupted` into a thread and give it a moment to clean up."""
    if thread.ident is not None and not done.is_set():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Interrupted))
        done.wait(_GRACE_SECONDS)
