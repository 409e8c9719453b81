"""The micro-batch loop: fix a batch, run it, note that it has run. Pure of Spark: sources and sink are handed in.

For each batch, in this order: the sources number what they found (`refresh`), `offsets/N`, the sink's own commit,
`commits/N`, the sources note the commit. Killed between any two of these, the next start finds offsets without a
commit and runs that batch again, with the same rows; the sink leaves a repeated batch out.
https://spark.apache.org/docs/latest/streaming/getting-started.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from reelhouse.clock import Clock, SystemClock
from reelhouse.delta.write import Commit
from reelhouse.failpoints import reach
from reelhouse.streaming.checkpoint import Checkpoint, Offset, Offsets, check_same_sources
from reelhouse.streaming.sink import Sink
from reelhouse.streaming.source import Batch, Source
from reelhouse.streaming.trigger import Trigger, TriggerKind


@dataclass(frozen=True)
class Planned:
    """A batch that is fixed: for each source where it begins and ends."""

    batch_id: int
    starts: tuple[Offset | None, ...]
    ends: tuple[Offset | None, ...]
    repeated: bool = False
    """It was planned by a run that did not live to commit it."""


@dataclass(frozen=True)
class BatchResult:
    """What came of a batch. `commit` is None when the sink does not say. Times are in milliseconds."""

    planned: Planned
    commit: Commit | None
    files_read: int
    bytes_read: int
    rows_read: tuple[int | None, ...] = ()
    started_at_ms: int = 0
    duration_ms: dict[str, int] = field(default_factory=dict)

    @property
    def batch_id(self) -> int:
        return self.planned.batch_id


class MicroBatches:
    """The batches of one query, one after the other. Hold the checkpoint's lock while using it."""

    def __init__(
        self, checkpoint: Checkpoint, sources: Sequence[Source], sink: Sink, *, clock: Clock | None = None
    ) -> None:
        self._checkpoint = checkpoint
        self._sources = tuple(sources)
        self._sink = sink
        self._clock = clock or SystemClock()
        self.query_id = checkpoint.query_id()
        self._last: Planned = self._recover()
        self._pending = self._last.repeated
        if not self._pending:
            self._note_committed(self._last)  # a run that was killed right after its commit has not

    @property
    def ends(self) -> tuple[Offset | None, ...]:
        """How far the planned batches reach."""
        return self._last.ends

    def _recover(self) -> Planned:
        """The newest batch of the checkpoint; `repeated` when it has no commit. Number -1 before the first."""
        newest = self._checkpoint.last_offsets()
        none: tuple[Offset | None, ...] = (None,) * len(self._sources)
        if newest is None:
            return Planned(-1, none, none)
        batch_id, offsets = newest
        check_same_sources(offsets.sources, len(self._sources), self._checkpoint.folder)
        if self._checkpoint.last_commit() == batch_id:
            return Planned(batch_id, offsets.sources, offsets.sources)
        starts = self._checkpoint.offsets(batch_id - 1).sources if batch_id else none
        return Planned(batch_id, starts, offsets.sources, repeated=True)

    def refresh(self) -> None:
        """Let the sources look for news."""
        for source, end in zip(self._sources, self._last.ends, strict=True):
            source.refresh(end)
        reach("streaming.discovered")

    def next(self, *, limited: bool = True) -> Planned | None:
        """The next batch of what `refresh` found, its offsets written; None when nothing is new."""
        if self._pending:
            return self._last
        starts = self._last.ends
        ends = tuple(
            source.next_offset(start, limited=limited) for source, start in zip(self._sources, starts, strict=True)
        )
        if ends == starts:
            if self._last.batch_id < 0:
                self._sink.idle([source.nothing() for source in self._sources])
            return None
        planned = Planned(self._last.batch_id + 1, starts, ends)
        reach("streaming.before_offsets")
        self._checkpoint.write_offsets(planned.batch_id, Offsets(ends, int(self._clock.now().timestamp() * 1000)))
        reach("streaming.after_offsets")
        self._last, self._pending = planned, True
        return planned

    def run(self, planned: Planned) -> BatchResult:
        """Bring a planned batch to the sink and commit it. Whatever is raised leaves it to be run again."""
        started_at_ms = int(self._clock.now().timestamp() * 1000)
        begin = self._clock.monotonic()
        batches = [
            _batch(source, start, end)
            for source, start, end in zip(self._sources, planned.starts, planned.ends, strict=True)
        ]
        read = self._clock.monotonic()
        commit = self._sink.add(self.query_id, planned.batch_id, batches)
        written = self._clock.monotonic()
        reach("streaming.after_sink")
        self._checkpoint.write_commit(planned.batch_id)
        self._pending = False
        reach("streaming.after_commit")
        self._note_committed(planned)
        done = self._clock.monotonic()
        return BatchResult(
            planned,
            commit,
            files_read=sum(batch.files for batch in batches),
            bytes_read=sum(batch.bytes for batch in batches),
            rows_read=tuple(batch.rows for batch in batches),
            started_at_ms=started_at_ms,
            duration_ms={
                "getBatch": _ms(read - begin),
                "addBatch": _ms(written - read),
                "commitOffsets": _ms(done - written),
                "triggerExecution": _ms(done - begin),
            },
        )

    def _note_committed(self, planned: Planned) -> None:
        for source, end in zip(self._sources, planned.ends, strict=True):
            if end is not None:
                source.committed(end)

    def outstanding(self) -> tuple[tuple[int, int] | None, ...]:
        """For each source the files and bytes that are known and not yet read."""
        return tuple(source.outstanding(end) for source, end in zip(self._sources, self._last.ends, strict=True))


def drain(batches: MicroBatches, *, limited: bool = True) -> Iterator[BatchResult]:
    """Run what is there now, and end: a batch that an earlier run left over, then the news."""
    batches.refresh()
    while (planned := batches.next(limited=limited)) is not None:
        yield batches.run(planned)


def run(
    batches: MicroBatches,
    trigger: Trigger,
    *,
    stop: threading.Event,
    on_batch: Callable[[BatchResult], None],
    on_idle: Callable[[], None] = lambda: None,
    on_wake: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
) -> None:
    """Run a query by its trigger, until it ends by itself or `stop` is set.

    `on_wake` is called before each look for news, `on_idle` when there were none.
    """
    clock = clock or SystemClock()
    while not stop.is_set():
        began = clock.monotonic()
        on_wake()
        found = False
        for result in drain(batches, limited=trigger.kind is not TriggerKind.ONCE):
            found = True
            on_batch(result)
            if stop.is_set():
                return
            if trigger.kind is TriggerKind.PROCESSING_TIME and not result.planned.repeated:
                break  # the next batch waits for the next trigger, and looks for news again
        if not found:
            on_idle()
        if trigger.ends:
            return
        passed = clock.monotonic() - began
        pause = trigger.interval_ms / 1000 - passed if trigger.interval_ms else (0.0 if found else _POLL_SECONDS)
        if pause > 0:
            clock.sleep(pause, stop)


_POLL_SECONDS = 0.05


def _batch(source: Source, start: Offset | None, end: Offset | None) -> Batch:
    return source.nothing() if end is None or start == end else source.batch(start, end)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
