"""Threads that are used again: to start one takes as long as a small activity."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable

IDLE_SECONDS = 1.0


class Workers:
    """As many threads as there is work at the same time; work never waits for another piece of work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[Callable[[], None] | None]] = []

    def start(self, work: Callable[[], None], name: str) -> None:
        """Call `work` in a thread, with the context variables of the caller. It must not raise."""
        context = contextvars.copy_context()

        def within() -> None:
            context.run(work)

        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is not None:
            inbox.put(within)
        else:
            threading.Thread(target=self._serve, args=(within,), name=name, daemon=True).start()

    def close(self) -> None:
        """End the threads that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _serve(self, work: Callable[[], None]) -> None:
        inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        following: Callable[[], None] | None = work
        while following is not None:
            following()
            with self._lock:
                self._idle.append(inbox)
            following = self._next(inbox)

    def _next(self, inbox: queue.SimpleQueue[Callable[[], None] | None]) -> Callable[[], None] | None:
        try:
            return inbox.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            with self._lock:
                if inbox in self._idle:
                    self._idle.remove(inbox)
                    return None
            return inbox.get()  # it was given work in this very moment
