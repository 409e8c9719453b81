"""Runs what can run at a time, in the order of the graph. Knows nothing of what is run."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait


def run_in_order(
    waits_for: Mapping[str, Collection[str]],
    run: Callable[[str], bool],
    skip: Callable[[str], None],
    *,
    parallelism: int,
) -> None:
    """Run every key once those that it waits for have run, `parallelism` at a time, each in a thread of the caller's
    context.

    `run` tells whether it succeeded; what waits for a key that did not is given to `skip`. The keys come in an order
    in which each follows what it waits for. An exception of `run` ends everything and is raised.
    """
    done: dict[str, bool] = {}
    pending = list(waits_for)
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(max_workers=max(1, parallelism), thread_name_prefix="flow") as pool:
        while pending or running:
            for key in list(pending):
                needed = [n for n in waits_for[key] if n in waits_for]
                if any(done.get(n) is False for n in needed):
                    pending.remove(key)
                    done[key] = False
                    skip(key)
                elif all(done.get(n) for n in needed) and len(running) < parallelism:
                    pending.remove(key)
                    running[pool.submit(contextvars.copy_context().run, run, key)] = key
            if not running:
                continue
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                done[running.pop(future)] = future.result()
