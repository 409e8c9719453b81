"""How many runs of a job or pipeline may be active, across processes: one locked file for each.

The lock is the operating system's, so that it ends with the process, however that ends.

https://docs.databricks.com/aws/en/jobs/advanced#max-concurrent-runs
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reelhouse.clock import Clock

_QUEUE_SECONDS = 48 * 3600
_LOOK_EVERY_SECONDS = 0.5


class NoSlot(Exception):
    """The greatest number of runs is active."""


@contextmanager
def slot(
    folder: Path,
    job_id: int | str,
    max_concurrent_runs: int,
    *,
    queue: bool,
    clock: Clock,
    cancel: threading.Event,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold one of the job's slots. With `queue` wait for one, for 48 hours at most. Raises `NoSlot`.

    `on_wait` is called once when there is something to wait for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    deadline = clock.monotonic() + _QUEUE_SECONDS
    descriptor = _try(folder, job_id, max_concurrent_runs)
    if descriptor is None and queue and max_concurrent_runs:
        on_wait()
    while descriptor is None:
        if not queue or max_concurrent_runs == 0 or cancel.is_set() or clock.monotonic() >= deadline:
            raise NoSlot
        clock.sleep(_LOOK_EVERY_SECONDS, cancel)
        descriptor = _try(folder, job_id, max_concurrent_runs)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(folder: Path, job_id: int | str, slots: int) -> int | None:
    for number in range(slots):
        descriptor = os.open(folder / f"{job_id}.{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return descriptor
    return None
