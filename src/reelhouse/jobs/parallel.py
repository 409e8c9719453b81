"""Several pieces of work side by side, and stopping them together."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY_SECONDS = 0.1
GRACE_SECONDS = 30.0
"""How long work that is given up may take to end; one that never began is not waited for longer either."""


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

    def worker(ended: threading.Event) -> None:
        try:
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
        finally:
            ended.set()

    # Not `Thread.join`: up to Python 3.12 a thread counts as ended once an exception is thrown into who joins it.
    begun: list[threading.Event] = []
    try:
        for _ in range(min(concurrency, waiting.qsize())):
            ended, context = threading.Event(), contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(worker, ended), daemon=True)
            begun.append(ended)
            thread.start()
        for ended in begun:
            while not ended.wait(LOOK_EVERY_SECONDS):
                pass
    except BaseException:
        stop.set()
        for ended in begun:
            ended.wait(GRACE_SECONDS)
        raise
    if failures:
        raise failures[0]
    return [results[item] for item in sorted(results)]
