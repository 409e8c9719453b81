"""A query that runs in a thread of its own, and what others may ask of it meanwhile."""

from __future__ import annotations

import contextvars
import json
import threading
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from reelhouse.clock import Clock
from reelhouse.runs.record import RunKind, RunLog, RunStatus, current_run
from reelhouse.streaming import progress as progress_of
from reelhouse.streaming.checkpoint import Checkpoint
from reelhouse.streaming.errors import QueryFailed, condition_of, describe
from reelhouse.streaming.progress import Identity
from reelhouse.streaming.query import BatchResult, MicroBatches, run
from reelhouse.streaming.sink import Sink
from reelhouse.streaming.source import Source
from reelhouse.streaming.trigger import Trigger

_PROGRESS_KEPT = 100


class RunningQuery:
    """One run of a query, from `start` to its end. All methods may be called from any thread."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        sources: list[Source],
        sink: Sink,
        trigger: Trigger,
        *,
        name: str | None,
        session_id: str,
        clock: Clock,
        runs: RunLog | None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.session_id = session_id
        self.trigger = trigger
        self.started_at = clock.now()
        self._checkpoint = checkpoint
        self._sources = sources
        self._sink = sink
        self._clock = clock
        self._runs = runs
        self._on_end = on_end
        self.identity = Identity(checkpoint.query_id(), str(uuid.uuid4()), name)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._idle_count = 0
        self._progress: deque[dict[str, Any]] = deque(maxlen=_PROGRESS_KEPT)
        self._failure: BaseException | None = None
        self._message = "Initializing sources"
        self._busy = False

    # --- for others

    def start(self) -> None:
        """Begin to run. The thread belongs to the same run (and active session) as the caller."""
        context = contextvars.copy_context()
        name = f"stream execution thread for {self.identity.name or ''}[id = {self.identity.query_id}]"
        self._thread = threading.Thread(target=context.run, args=(self.run,), name=name, daemon=True)
        self._thread.start()

    @property
    def is_active(self) -> bool:
        return not self._ended.is_set()

    @property
    def failure(self) -> QueryFailed | None:
        """Why the query ended, when it was not meant to."""
        if self._failure is None:
            return None
        failed = QueryFailed(self.identity.query_id, self.identity.run_id, self._failure)
        failed.__cause__ = self._failure
        return failed

    def await_termination(self, seconds: float | None = None) -> bool:
        """Wait for the end; False when it has not come in time. Raises `QueryFailed` when the query failed."""
        if not self._ended.wait(seconds):
            return False
        if failure := self.failure:
            raise failure
        return True

    def stop(self) -> None:
        """End the query after the batch it is at, and wait for that; not when the query itself asks for it."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._ended.wait()

    def process_all_available(self) -> None:
        """Wait until all that was there at the call has been processed. Raises `QueryFailed` when the query failed."""
        with self._changed:
            # The look for news that is under way may have begun before the call; the one after it has not.
            wanted = self._idle_count + (2 if self._busy else 1)
            self._changed.wait_for(lambda: self._idle_count >= wanted or self._ended.is_set())
        if failure := self.failure:
            raise failure

    def status(self) -> tuple[str, bool, bool]:
        """Message, whether data is available, whether a trigger is active."""
        return self._message, self._busy, self._busy

    def progress(self) -> list[dict[str, Any]]:
        """The last batches' progress, oldest first."""
        return list(self._progress)

    def explain(self) -> str:
        """What the query does, in a few lines."""
        lines = [f"== Streaming query {self.identity.name or self.identity.query_id}, {self.trigger} =="]
        lines += [f"Source {index}: {source.description}" for index, source in enumerate(self._sources)]
        return "\n".join([*lines, f"Sink: {self._sink.description}", f"Checkpoint: {self._checkpoint.folder}", ""])

    # --- the thread

    def run(self) -> None:
        """Run to the end. Nothing is raised; see `failure`."""
        run_id = None
        try:
            run_id = self._begin()
            batches = MicroBatches(self._checkpoint, self._sources, self._sink, clock=self._clock)
            self._message, self._busy = "Getting offsets", True
            run(
                batches,
                self.trigger,
                stop=self._stop,
                on_batch=lambda result: self._on_batch(result, batches),
                on_idle=self._on_idle,
                on_wake=self._on_wake,
                clock=self._clock,
            )
        except BaseException as failure:
            # What user code raises in foreachBatch comes here too, SystemExit and FailPoint among it.
            self._failure = failure
        finally:
            self._close(run_id)

    def _begin(self) -> str | None:
        if self._runs is None:
            return None
        begun = self._runs.begin(
            RunKind.QUERY,
            self.identity.name or self.identity.query_id,
            type="streaming",
            input={
                "query_id": self.identity.query_id,
                "checkpoint": self._checkpoint.folder,
                "trigger": str(self.trigger),
                "sources": [source.description for source in self._sources],
                "sink": self._sink.description,
            },
            run_id=self.identity.run_id,
        )
        current_run.set(begun.id)
        return begun.id

    def _on_batch(self, result: BatchResult, batches: MicroBatches) -> None:
        self._message = "Processing new data"
        self._progress.append(
            progress_of.progress(
                self.identity,
                result,
                sources=[source.description for source in self._sources],
                sink=self._sink.description,
                outstanding=batches.outstanding(),
            )
        )

    def _on_idle(self) -> None:
        with self._changed:
            self._message, self._busy = "Waiting for data to arrive", False
            self._idle_count += 1
            self._changed.notify_all()

    def _on_wake(self) -> None:
        with self._changed:
            self._busy = True

    def _close(self, run_id: str | None) -> None:
        failure = self._failure
        try:
            for source in self._sources:
                source.close()
            self._checkpoint.release()
            if self._runs is not None and run_id is not None:
                status = RunStatus.FAILED if failure else RunStatus.SUCCEEDED
                error = {"condition": condition_of(failure), "message": describe(failure)} if failure else None
                last = self._progress[-1] if self._progress else None
                output = {"batches": len(self._progress), "progress": last and json.loads(json.dumps(last))}
                self._runs.end(run_id, status, output=output, error=error)
        finally:
            with self._changed:
                self._message, self._busy = "Terminated with exception" if failure else "Stopped", False
                self._ended.set()
                self._changed.notify_all()
            self._on_end()
