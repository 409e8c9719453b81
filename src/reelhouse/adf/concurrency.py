"""How many runs of a pipeline may be active; those above it wait.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#pipeline-json
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from reelhouse.adf.definition import Pipeline
from reelhouse.adf.errors import Cancelled
from reelhouse.clock import Clock, SystemClock
from reelhouse.jobs.slots import NoSlot, slot

_log = logging.getLogger("reelhouse.adf")


class Limits:
    """The `concurrency` of pipelines: more runs of one at a time wait in a queue.

    With a folder for locks it holds among all processes that use it, without one in this run alone.
    """

    def __init__(self, folder: Path | None = None, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._semaphores: dict[str, threading.Semaphore] = {}

    def enter(
        self, pipeline: Pipeline, cancel: threading.Event, on_wait: Callable[[], None] = lambda: None
    ) -> Callable[[], None]:
        """Wait for a place; what gives it back comes back. `on_wait` is called once when there is something to wait
        for. Raises `Cancelled`."""
        if pipeline.concurrency is None:
            return lambda: None
        if self._folder is not None:
            return self._enter_among_processes(self._folder, pipeline, pipeline.concurrency, cancel, on_wait)
        with self._lock:
            semaphore = self._semaphores.setdefault(pipeline.name, threading.Semaphore(pipeline.concurrency))
        if not semaphore.acquire(blocking=False):
            on_wait()
            while not semaphore.acquire(timeout=0.05):
                if cancel.is_set():
                    raise Cancelled
        return semaphore.release

    def _enter_among_processes(
        self,
        folder: Path,
        pipeline: Pipeline,
        concurrency: int,
        cancel: threading.Event,
        on_wait: Callable[[], None],
    ) -> Callable[[], None]:
        def tell() -> None:
            on_wait()
            _log.warning(
                "Pipeline '%s' waits for an active run to end: its concurrency is %d", pipeline.name, concurrency
            )

        name = quote(pipeline.name, safe=" ")
        place = slot(folder, name, concurrency, queue=True, clock=self._clock, cancel=cancel, on_wait=tell)
        stack = ExitStack()
        try:
            stack.enter_context(place)
        except NoSlot:
            raise Cancelled from None
        return stack.close
