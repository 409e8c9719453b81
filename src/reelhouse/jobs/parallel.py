"""Several pieces of work side by side, and stopping them together."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY_SECONDS = 0.1


class Stop(threading.Event):
    """Says that work is to stop; tells those below."""

    def __init__(self) -> None:
        super().__init__()
        self._below: list[Stop] = []

    def below(self) -> Stop:
        stop = Stop()
        self._below.append(stop)
        if self.is_set():
            stop.set()
        return stop

    def set(self) -> None:
        super().set()
        for stop in self._below:
            stop.set()


def in_parallel(work: Callable[[int], T], items: Iterable[int], concurrency: int, stop: threading.Event) -> list[T]:
    """The results of all items, in their order; what was not begun when `stop` was set is left out.

    Raises what a piece of work raises, after the others that run have ended.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    results: dict[int, T] = {}
    failures: list[BaseException] = []

    def worker() -> None:
        while not stop.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                results[item] = work(item)
            except BaseException as error:
                failures.append(error)
                return

    count = min(concurrency, waiting.qsize())
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(worker,), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK_EVERY_SECONDS)
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join()
        raise
    if failures:
        raise failures[0]
    return [results[item] for item in sorted(results)]
