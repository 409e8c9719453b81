"""A Delta table as a stream: its content at the start, then what each version adds.

A batch reads exactly the files that the versions of its range have added, so a table's size does not matter, only its
news. Offsets have Delta's own form.
https://docs.databricks.com/aws/en/structured-streaming/delta-lake
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from reelhouse.delta import log
from reelhouse.errors import UserError
from reelhouse.streaming import files
from reelhouse.streaming.checkpoint import Offset
from reelhouse.streaming.delta_files import AddedFile, Position, TableFiles, no_table, unreadable
from reelhouse.streaming.delta_options import Options
from reelhouse.streaming.errors import StreamingError
from reelhouse.streaming.source import NO_LIMIT, Batch, Relation


class DeltaSource:
    """The stream of one table."""

    kind = "delta"

    def __init__(
        self,
        location: str,
        folder: str,
        options: Options,
        name: str | None = None,
        open_snapshot: Callable[[str, int | None], Any] | None = None,
    ) -> None:
        self.location = location
        self.description = f"DeltaSource[{name or location}]"
        self._folder = folder
        self._options = options
        self._table = TableFiles(location, options, open_snapshot)
        self._newest = -1

    # --- Source

    def prepare(self) -> None:
        if log.current_version(self.location) is None:
            raise no_table(self.location)

    def refresh(self, start: Offset | None) -> None:
        self._newest, is_new = self._table.look()
        if start is not None and is_new:
            self._table.check_same(start["reservoirId"])
        if start is None:
            self._begin()

    def next_offset(self, start: Offset | None, *, limited: bool = True) -> Offset | None:
        if start is not None and not self._has_news(start):
            return start
        limit = self._options.limit if limited else NO_LIMIT
        end, count, size = None, 0, 0
        for position, file in self._table.after(self._position(start), self._newest):
            end, count, size = position, count + 1, size + file.size
            if limit.reached(count, size):
                break  # before a look at the next version, which may be one that ends the query
        return start if end is None else self._offset(end)

    def batch(self, start: Offset | None, end: Offset) -> Batch:
        self._table.check_same(end["reservoirId"])
        last = _position_of(end)
        taken = []
        newest = last.version if last.index >= 0 else last.version - 1
        for position, file in self._table.after(self._position(start), newest):
            if (position.version, position.index) > (last.version, last.index):
                break
            taken.append(file)
        rows = [file.rows for file in taken]
        return Batch(
            files=len(taken),
            bytes=sum(file.size for file in taken),
            relation=lambda: self._read(taken),
            rows=None if None in rows else sum(row for row in rows if row is not None),
            of_table=True,
        )

    def nothing(self) -> Batch:
        return Batch(0, 0, lambda: self._read([]), rows=0, of_table=True)

    def committed(self, end: Offset) -> None:
        self._table.forget_before(_position_of(end).version)

    def outstanding(self, end: Offset | None) -> tuple[int, int] | None:
        if end is None or not self._has_news(end):
            return 0, 0
        try:
            sizes = [file.size for _, file in self._table.after(_position_of(end), self._newest)]
        except UserError:
            return None  # a version that cannot be read ends the query when it comes to it, not before
        return len(sizes), sum(sizes)

    def close(self) -> None:
        pass

    # --- where the stream begins

    def _begin(self) -> None:
        """Fix, for good, where the stream begins: a replay of batch 0 in another process has to begin there too."""
        path = os.path.join(self._folder, "start.json")
        if files.read(path) is None:
            files.put_if_absent(path, json.dumps(self._offset(self._beginning())))

    def _beginning(self) -> Position:
        options = self._options
        if options.starting_timestamp is not None:
            return Position(self._version_since(options.starting_timestamp))
        if options.starting_version is None:
            return Position(self._newest, initial=True)
        if options.starting_version.strip().lower() == "latest":
            return Position(self._newest + 1)
        try:
            version = int(options.starting_version)
        except ValueError:
            raise UserError(
                f"'{options.starting_version}' is not a startingVersion", remedy="Give a version number or 'latest'."
            ) from None
        if not 0 <= version <= self._newest + 1:
            raise StreamingError(
                "DELTA_VERSION_NOT_FOUND", f"'{self.location}' has no version {version}; the newest is {self._newest}."
            )
        return Position(version)

    def _version_since(self, text: str) -> int:
        from reelhouse.delta.snapshot import commit_time

        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise UserError(f"'{text}' is not a startingTimestamp", remedy="Write 2026-01-31 12:00:00.") from None
        wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
        for version in log.entry_versions(self.location):
            if commit_time(self.location, version) >= wanted:
                return version
        raise StreamingError(
            "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
            f"'{self.location}' has no version as late as startingTimestamp {text}.",
        )

    def _position(self, start: Offset | None) -> Position:
        if start is not None:
            return _position_of(start)
        text = files.read(os.path.join(self._folder, "start.json"))
        if text is None:
            raise StreamingError(
                "DELTA_SOURCE_NOT_STARTED", f"The stream on '{self.location}' has lost its start.json."
            )
        return _position_of(json.loads(text))

    # --- files

    def _has_news(self, start: Offset) -> bool:
        return bool(start["isStartingVersion"]) or int(start["reservoirVersion"]) <= self._newest

    def _offset(self, position: Position) -> Offset:
        return {
            "sourceVersion": 1,
            "reservoirId": self._table.current().id,
            "reservoirVersion": position.version,
            "index": position.index,
            "isStartingVersion": position.initial,
        }

    def _read(self, added: list[AddedFile]) -> Relation:
        from reelhouse.streaming.delta_read import read_changes, read_files

        snapshot = self._table.current()
        if snapshot.properties.get("delta.columnMapping.mode", "none") != "none":
            raise unreadable(self.location, "column mapping")
        if self._options.read_changes:
            return read_changes(added, self._table.schema(), snapshot.partition_columns)
        return read_files(added, self._table.schema(), snapshot.partition_columns)


def _position_of(offset: Offset) -> Position:
    try:
        return Position(int(offset["reservoirVersion"]), int(offset["index"]), bool(offset["isStartingVersion"]))
    except (KeyError, TypeError, ValueError) as cause:
        raise StreamingError(
            "STREAMING_CHECKPOINT_MISMATCH",
            f"The checkpoint's offset {dict(offset)} is not one of a Delta table.",
            remedy="Use a new checkpointLocation for a changed query.",
        ) from cause
