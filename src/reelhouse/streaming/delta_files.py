"""Which data files a Delta table had at the start of a stream, and which each later version adds.

Read off the log's entries. What a stream cannot pass over in silence (removed rows, another schema, a lost entry,
another table at the place) is raised here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from reelhouse.delta import change_feed, log
from reelhouse.delta.snapshot import commit_time
from reelhouse.errors import Unsupported
from reelhouse.streaming.delta_options import Options
from reelhouse.streaming.errors import StreamingError


@dataclass(frozen=True, order=True)
class Position:
    """All before `version` is read, and its files up to `index`. `initial`: its files are the table's content then."""

    version: int
    index: int = -1
    initial: bool = False


@dataclass(frozen=True)
class AddedFile:
    """A data file that a version adds."""

    path: str
    size: int
    rows: int | None
    partition_values: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class AddedChanges(AddedFile):
    """A file of changed rows. `type` is None where each row says it itself; `timestamp` counts milliseconds."""

    type: str | None
    version: int
    timestamp: int


class TableFiles:
    """The files of one table, for one run of a query."""

    def __init__(self, location: str, options: Options, open_snapshot: Callable[[str, int | None], Any] | None) -> None:
        self.location = location
        self._options = options
        self._open = open_snapshot or _open_snapshot
        self._newest: int | None = None
        self._snapshot: Any = None
        self._schema: str | None = None
        self._added: dict[int, list[AddedFile]] = {}

    def look(self) -> tuple[int, bool]:
        """The newest version, and whether it is another than at the last look. Raises when there is no table."""
        newest = log.current_version(self.location)
        if newest is None:
            raise no_table(self.location)
        is_new = newest != self._newest
        if is_new:
            self._newest, self._snapshot = newest, None
        return newest, is_new

    def schema(self) -> str:
        """The table's schema when the query started, as Spark's JSON. The query reads with it until it is restarted."""
        if self._schema is None:
            self._schema = str(self.current().schema)
        return self._schema

    def forget_before(self, version: int) -> None:
        """Versions before this one are not asked for any more."""
        self._added = {known: files for known, files in self._added.items() if known >= version}

    def after(self, start: Position, newest: int) -> Iterator[tuple[Position, AddedFile]]:
        """Each file after `start` with the position at which it is read, up to the version `newest`."""
        position = start
        if position.initial:
            found = self._initial_files(position.version)
            yield from _numbered(found, position)
            position = Position(position.version + 1)
        while position.version <= newest:
            yield from _numbered(self._files_of(position.version), position)
            position = Position(position.version + 1)

    def _initial_files(self, version: int) -> list[AddedFile]:
        snapshot = self._open(self.location, version)
        if snapshot is None:
            raise no_table(self.location)
        if "deletionVectors" in snapshot.protocol[2]:
            raise unreadable(self.location, "deletion vectors")
        if self._options.read_changes:
            return self._initial_changes(snapshot)
        return [
            AddedFile(file.path, file.size, file.records, tuple(sorted(file.partition_values.items())))
            for file in snapshot.files
        ]

    def _files_of(self, version: int) -> list[AddedFile]:
        """What a version adds; versions do not change, so each is read once in a run."""
        if version not in self._added:
            self._added[version] = self._read_version(version)
        return self._added[version]

    def _read_version(self, version: int) -> list[AddedFile]:
        try:
            entry = log.read_entry(self.location, version)
        except FileNotFoundError:
            if not self._options.fail_on_data_loss:
                return []
            raise StreamingError(
                "DELTA_STREAM_VERSION_GONE",
                f"The stream from your Delta table '{self.location}' was expecting version {version}, but the log no "
                "longer has it: some data may have been missed.",
                remedy="Set failOnDataLoss to false to go on without it, or use a new checkpointLocation.",
            ) from None
        if self._options.read_changes:
            return self._changes(version, entry)
        added = [add for add in log.actions_of(entry, "add") if add.get("dataChange", True)]
        removed = [remove for remove in log.actions_of(entry, "remove") if remove.get("dataChange", True)]
        if removed:
            if self._options.skip_change_commits:
                return []
            self._check_removals(version, added, removed)
        for metadata in log.actions_of(entry, "metaData"):
            self._check_schema(version, metadata)
        return [self._added_file(add) for add in added]

    def _initial_changes(self, snapshot: Any) -> list[AddedFile]:
        """The table's content when the stream began: to its reader, rows that were inserted then."""
        moment = commit_time(self.location, snapshot.version)
        return [
            AddedChanges(
                file.path, file.size, file.records, tuple(sorted(file.partition_values.items())),
                change_feed.INSERT, snapshot.version, moment,
            )
            for file in snapshot.files
        ]  # fmt: skip

    def _changes(self, version: int, entry: list[Any]) -> list[AddedFile]:
        name = self.location
        if not change_feed.is_enabled(self.current().properties):
            raise change_feed.not_recorded(name, version, version)
        for metadata in log.actions_of(entry, "metaData"):
            self._check_schema(version, metadata)
        return [
            AddedChanges(f.path, f.size, f.rows, f.partition_values, f.type, f.version, f.timestamp)
            for f in change_feed.changes_of(self.location, version, entry)
        ]

    def _check_removals(self, version: int, added: list[Any], removed: list[Any]) -> None:
        options = self._options
        example = unquote(removed[0]["path"])
        if added and not options.ignore_changes:
            raise StreamingError(
                "DELTA_SOURCE_TABLE_IGNORE_CHANGES",
                f"Detected a data update (for example {example}) in the source table '{self.location}' at version "
                f"{version}. This is currently not supported.",
                remedy="Set the option 'skipChangeCommits' to 'true' to leave such commits out.",
            )
        if not added and not (options.ignore_changes or options.ignore_deletes):
            raise StreamingError(
                "DELTA_SOURCE_IGNORE_DELETE",
                f"Detected deleted data (for example {example}) from the streaming source '{self.location}' at version "
                f"{version}. This is currently not supported.",
                remedy="Set the option 'ignoreDeletes' to 'true' to ignore deletes.",
            )

    def _check_schema(self, version: int, metadata: Mapping[str, Any]) -> None:
        """A version's columns have to be among those the query reads, with the same types."""
        ours = {field["name"]: field["type"] for field in json.loads(self.schema())["fields"]}
        theirs = {field["name"]: field["type"] for field in json.loads(metadata["schemaString"])["fields"]}
        changed = [name for name, kind in theirs.items() if ours.get(name) != kind]
        if changed:
            raise StreamingError(
                "DELTA_SCHEMA_CHANGED",
                f"Detected schema change in version {version} of '{self.location}': column(s) {', '.join(changed)}.",
                remedy="Restart the query; if this comes again, the change does not fit the data already read and a "
                "new checkpointLocation is needed.",
            )

    def _added_file(self, add: Mapping[str, Any]) -> AddedFile:
        if add.get("deletionVector"):
            raise unreadable(self.location, "deletion vectors")
        path = unquote(add["path"]).removeprefix("file://").removeprefix("file:")
        rows = json.loads(add["stats"]).get("numRecords") if add.get("stats") else None
        partition = tuple(sorted((add.get("partitionValues") or {}).items()))
        return AddedFile(os.path.join(self.location, path), int(add["size"]), rows, partition)

    def current(self) -> Any:
        """The table's snapshot."""
        if self._snapshot is None:
            self._snapshot = self._open(self.location, None)
            if self._snapshot is None:
                raise no_table(self.location)
        return self._snapshot

    def check_same(self, table_id: str) -> None:
        """Raise when another table lies at the place than the one with this id."""
        found = self.current().id
        if table_id != found:
            raise StreamingError(
                "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE",
                f"The streaming query was reading from an unexpected Delta table (id = '{found}'). It used to read "
                f"from another Delta table (id = '{table_id}') according to checkpoint. This may happen when you "
                "changed the code to read from a new table or you deleted and re-created a table.",
                remedy="Please revert your change or delete your streaming query checkpoint to restart from scratch.",
            )


def _numbered(found: list[AddedFile], start: Position) -> Iterator[tuple[Position, AddedFile]]:
    """Files with their positions. Behind the last one a reader stands before the next version."""
    for index in range(start.index + 1, len(found)):
        last = index == len(found) - 1
        yield Position(start.version + 1) if last else Position(start.version, index, start.initial), found[index]


def unreadable(location: str, feature: str) -> Unsupported:
    """The error for a table whose files do not tell its rows."""
    return Unsupported(
        f"A stream on the Delta table '{location}' with {feature} is not supported",
        remedy="Rewrite the table without, or read it as a batch.",
    )


def _open_snapshot(location: str, version: int | None) -> Any:
    from reelhouse.delta.snapshot import open_snapshot

    return open_snapshot(location, version)


def no_table(location: str) -> StreamingError:
    """The error for a place without a table."""
    return StreamingError("DELTA_TABLE_NOT_FOUND", f"Delta table '{location}' doesn't exist.")
