"""Files under a path as a stream: Auto Loader (`cloudFiles`) and Spark's plain file streams.

Both number files as they find them (`autoloader.state`), so an offset is one number. What differs is how rows are read
and what the offset is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reelhouse.autoloader.cleaning import CleanSource, clean
from reelhouse.autoloader.discovery import Selection, discover
from reelhouse.autoloader.state import FileState, Found
from reelhouse.clock import Clock
from reelhouse.streaming.checkpoint import Offset
from reelhouse.streaming.errors import StreamingError
from reelhouse.streaming.source import NO_LIMIT, Batch, Limit, Relation


class FileReader(Protocol):
    """Rows of files, by format and options. Called only when there is something to read."""

    def prepare(self) -> None:
        """Raise what would keep a query from starting, such as a schema that cannot be found out."""

    def read(self, found: Sequence[Found]) -> Relation:
        """The rows of these files, whose paths are relative to the source's root; no files, no rows of the schema."""


class FileSource:
    """The stream of one path. `offset_name` is `seqNum` for cloudFiles and `logOffset` for file streams."""

    def __init__(
        self,
        kind: str,
        selection: Selection,
        folder: str,
        reader: FileReader,
        clock: Clock,
        *,
        limit: Limit = NO_LIMIT,
        offset_name: str = "seqNum",
        cleaning: CleanSource | None = None,
    ) -> None:
        self.kind = kind
        self.description = f"{'CloudFilesSource' if kind == 'cloudFiles' else 'FileStreamSource'}[{selection.path}]"
        self._selection = selection
        self._folder = folder
        self._reader = reader
        self._clock = clock
        self._limit = limit
        self._offset_name = offset_name
        self._cleaning = cleaning
        self._opened: FileState | None = None
        self._bound = 0

    @property
    def _state(self) -> FileState:
        if self._opened is None:
            self._opened = FileState(self._folder)
        return self._opened

    def refresh(self, start: Offset | None) -> None:
        self._clean()
        discover(self._selection, self._state, self._clock.now())
        self._bound = self._state.last_number()

    def next_offset(self, start: Offset | None, *, limited: bool = True) -> Offset | None:
        after = self._number(start)
        limit = self._limit if limited else NO_LIMIT
        end = self._state.end_of_batch(after, self._bound, limit.files, limit.bytes)
        return start if end == after else {self._offset_name: end, "sourceVersion": 1}

    def batch(self, start: Offset | None, end: Offset) -> Batch:
        found = self._state.between(self._number(start), self._number(end))
        size = sum(file.size for file in found)
        return Batch(len(found), size, lambda: self._reader.read(found))

    def nothing(self) -> Batch:
        return Batch(0, 0, lambda: self._reader.read([]), rows=0)

    def prepare(self) -> None:
        self._reader.prepare()

    def committed(self, end: Offset) -> None:
        number = self._number(end)
        if number <= self._state.committed_through():
            return
        now, age = self._clock.now(), self._selection.max_age
        forget_before = int((now - age).timestamp() * 1e9) if age else None
        self._state.commit_through(number, int(now.timestamp() * 1000), forget_before_ns=forget_before)
        self._clean()

    def _clean(self) -> None:
        if self._cleaning is not None:
            clean(self._cleaning, self._selection.root, self._state, self._clock.now())

    def outstanding(self, end: Offset | None) -> tuple[int, int] | None:
        return self._state.outstanding(self._number(end))

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _number(self, offset: Offset | None) -> int:
        if offset is None:
            return 0
        try:
            return int(offset[self._offset_name])
        except (KeyError, TypeError, ValueError) as cause:
            raise StreamingError(
                "STREAMING_CHECKPOINT_MISMATCH",
                f"The checkpoint's offset {dict(offset)} is not one of {self.kind}.",
                remedy="Use a new checkpointLocation for a changed query.",
            ) from cause
