"""Ctrl-C stops a run in order, whatever moment it comes at."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.05
"""The system may hand a signal to any thread, and one that waits without end does not see it then."""


def call_apart(work: Callable[[], T], cancel: threading.Event, look: Callable[[], None] = lambda: None) -> T:
    """What `work` returns or raises, called in a thread of its own. Ctrl-C sets `cancel`; a second one gives up.

    `look` is called here every few milliseconds meanwhile.

    Python raises Ctrl-C between any two instructions of the main thread. Here it can only come while this thread
    waits, so no step of the run is ever cut in two.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    over = threading.Event()
    context = contextvars.copy_context()

    def body() -> None:
        try:
            outcome.append(context.run(work))
        except BaseException as error:
            failure.append(error)
        finally:
            over.set()

    thread = threading.Thread(target=body, name="pipeline run", daemon=True)
    while not over.is_set():
        try:
            if thread.ident is None:
                thread.start()
            over.wait(LOOK_EVERY_SECONDS)
            look()
        except KeyboardInterrupt:
            if cancel.is_set():
                raise
            cancel.set()
    if failure:
        raise failure[0]
    return outcome[0]
