"""Stopping runs: each pipeline run has an event of its own, linked to that of the run that started it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping

from reelhouse.runs.record import HistoryLost, RunHistory

LOOK_EVERY_SECONDS = 0.5
"""How often the history is asked whether somebody wants a run to stop."""


class Cancel(threading.Event):
    """Says that a run is to stop. What is set above is set below, not the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self._below: weakref.WeakSet[Cancel] = weakref.WeakSet()
        self._lock = threading.Lock()

    def below(self) -> Cancel:
        """An event for something that this run starts."""
        event = Cancel()
        with self._lock:
            self._below.add(event)
        if self.is_set():
            event.set()
        return event

    def set(self) -> None:
        self.set_alone()
        with self._lock:
            below = list(self._below)
        for event in below:
            event.set()

    def set_alone(self) -> None:
        """Stop this run and leave what it started."""
        super().set()


class Watch:
    """Looks, while a run goes on, whether it or a run below it is to stop: by the event of the program, or by a request
    that another process left in the history."""

    def __init__(self, outside: threading.Event, history: object) -> None:
        self.root = Cancel()
        self._outside = outside
        self._history = history if isinstance(history, RunHistory) else None
        self._active: dict[str, Cancel] = {}
        self._seen: set[str] = set()
        self._next = 0.0
        self.look()

    def enter(self, run_id: str, above: Cancel | None) -> Cancel:
        """The event of a run that begins; without `above` it is the first one."""
        event = (above or self.root).below()
        self._active[run_id] = event
        return event

    def leave(self, run_id: str) -> None:
        """The run has ended."""
        self._active.pop(run_id, None)

    def look(self) -> None:
        """Called every few milliseconds: cheap while nobody wants anything."""
        if self._outside.is_set() and not self.root.is_set():
            self.root.set()
        now = time.monotonic()
        if self._history is not None and now >= self._next:
            self._next = now + LOOK_EVERY_SECONDS
            try:
                self._obey(self._history.cancel_requests())
            except HistoryLost:
                pass  # the next activity that is recorded says so

    def close(self) -> None:
        """Forget the requests that were met."""
        if self._history is not None and self._seen:
            self._history.cancel_done(sorted(self._seen))

    def _obey(self, requests: Mapping[str, bool]) -> None:
        for run_id, recursive in requests.items():
            event = self._active.get(run_id)
            if event is None:
                continue
            self._seen.add(run_id)
            if recursive:
                event.set()
            else:
                event.set_alone()
