"""A Delta table as a stream: its content at the start, then what each version adds.

A batch reads exactly the files that the versions of its range have added, so a table's size does not matter, only its
news. Offsets have Delta's own form.
https://docs.databricks.com/aws/en/structured-streaming/delta-lake
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from reelhouse.delta import log
from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.streaming import files
from reelhouse.streaming.checkpoint import Offset
from reelhouse.streaming.errors import StreamingError
from reelhouse.streaming.source import NO_LIMIT, Batch, Limit, Relation

_DEFAULT_MAX_FILES = 1000
_DEFAULT_LIMIT = Limit(_DEFAULT_MAX_FILES)
_REFUSED = {"readchangefeed", "readchangedata", "witheventtimeorder", "schematrackinglocation", "schemalocation"}


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
class Options:
    """The options of a stream on a Delta table."""

    limit: Limit = _DEFAULT_LIMIT
    skip_change_commits: bool = False
    ignore_deletes: bool = False
    ignore_changes: bool = False
    starting_version: str | None = None
    starting_timestamp: str | None = None
    fail_on_data_loss: bool = True


def parse_options(options: Mapping[str, str]) -> Options:
    """Read the options, whose names are case-insensitive. Raises for one that is unknown or not supported."""
    known = {
        "maxfilespertrigger": "maxFilesPerTrigger",
        "maxbytespertrigger": "maxBytesPerTrigger",
        "skipchangecommits": "skipChangeCommits",
        "ignoredeletes": "ignoreDeletes",
        "ignorechanges": "ignoreChanges",
        "startingversion": "startingVersion",
        "startingtimestamp": "startingTimestamp",
        "failondataloss": "failOnDataLoss",
    }
    given: dict[str, str] = {}
    for name, value in options.items():
        lower = name.lower()
        if lower in _REFUSED and value.strip().lower() != "false":
            raise Unsupported(
                f"The option '{name}' of a stream on a Delta table is not supported",
                remedy=f"Supported: {', '.join(known.values())}.",
            )
        if lower not in known and lower not in _REFUSED and lower != "path":
            raise Unsupported(
                f"A stream on a Delta table has no option '{name}'", remedy=did_you_mean(name, known.values())
            )
        given[lower] = value
    if "startingversion" in given and "startingtimestamp" in given:
        raise UserError("'startingVersion' and 'startingTimestamp' exclude each other", remedy="Give one of them.")
    return Options(
        limit=Limit(
            positive("maxFilesPerTrigger", given.get("maxfilespertrigger")) or _DEFAULT_MAX_FILES,
            byte_count("maxBytesPerTrigger", given.get("maxbytespertrigger")),
        ),
        skip_change_commits=flag(given, "skipchangecommits"),
        ignore_deletes=flag(given, "ignoredeletes"),
        ignore_changes=flag(given, "ignorechanges"),
        starting_version=given.get("startingversion"),
        starting_timestamp=given.get("startingtimestamp"),
        fail_on_data_loss=given.get("failondataloss", "true").strip().lower() != "false",
    )


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
        self._open = open_snapshot or _open_snapshot
        self._newest = -1
        self._snapshot: Any = None
        self._schema: str | None = None
        self._added: dict[int, list[AddedFile]] = {}

    # --- Source

    def prepare(self) -> None:
        if log.current_version(self.location) is None:
            raise _no_table(self.location)

    def refresh(self, start: Offset | None) -> None:
        newest = log.current_version(self.location)
        if newest is None:
            raise _no_table(self.location)
        if newest != self._newest:
            self._newest = newest
            self._snapshot = None
        if start is not None and self._has_news(start):
            self._check_same_table(start)
        if start is None:
            self._begin()

    def next_offset(self, start: Offset | None, *, limited: bool = True) -> Offset | None:
        if start is not None and not self._has_news(start):
            return start
        limit = self._options.limit if limited else NO_LIMIT
        end, count, size = None, 0, 0
        for position, file in self._files_after(self._position(start), self._newest):
            if count and limit.reached(count, size):
                break
            end, count, size = position, count + 1, size + file.size
        return start if end is None else self._offset(end)

    def batch(self, start: Offset | None, end: Offset) -> Batch:
        self._check_same_table(end)
        last = _position_of(end)
        taken = []
        newest = last.version if last.index >= 0 else last.version - 1
        for position, file in self._files_after(self._position(start), newest):
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

    def schema(self) -> str:
        """The table's schema when the query started, as Spark's JSON. The query reads with it until it is restarted."""
        if self._schema is None:
            self._schema = str(self._current().schema)
        return self._schema

    def committed(self, end: Offset) -> None:
        done = _position_of(end).version
        self._added = {version: files for version, files in self._added.items() if version >= done}

    def outstanding(self, end: Offset | None) -> tuple[int, int] | None:
        if end is None or not self._has_news(end):
            return 0, 0
        sizes = [file.size for _, file in self._files_after(_position_of(end), self._newest)]
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

    def _files_after(self, start: Position, newest: int) -> Iterator[tuple[Position, AddedFile]]:
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
            raise _no_table(self.location)
        if "deletionVectors" in snapshot.protocol[2]:
            raise _unreadable(self.location, "deletion vectors")
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
        added = [add for add in log.actions_of(entry, "add") if add.get("dataChange", True)]
        removed = [remove for remove in log.actions_of(entry, "remove") if remove.get("dataChange", True)]
        if removed:
            if self._options.skip_change_commits:
                return []
            self._check_removals(version, added, removed)
        for metadata in log.actions_of(entry, "metaData"):
            self._check_schema(version, metadata)
        return [self._added_file(add) for add in added]

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
            raise _unreadable(self.location, "deletion vectors")
        path = unquote(add["path"]).removeprefix("file://").removeprefix("file:")
        rows = json.loads(add["stats"]).get("numRecords") if add.get("stats") else None
        partition = tuple(sorted((add.get("partitionValues") or {}).items()))
        return AddedFile(os.path.join(self.location, path), int(add["size"]), rows, partition)

    # --- table

    def _current(self) -> Any:
        if self._snapshot is None:
            self._snapshot = self._open(self.location, None)
            if self._snapshot is None:
                raise _no_table(self.location)
        return self._snapshot

    def _check_same_table(self, offset: Offset) -> None:
        known, found = offset["reservoirId"], self._current().id
        if known != found:
            raise StreamingError(
                "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE",
                f"The streaming query was reading from an unexpected Delta table (id = '{found}'). It used to read "
                f"from another Delta table (id = '{known}') according to checkpoint. This may happen when you changed "
                "the code to read from a new table or you deleted and re-created a table.",
                remedy="Please revert your change or delete your streaming query checkpoint to restart from scratch.",
            )

    def _offset(self, position: Position) -> Offset:
        return {
            "sourceVersion": 1,
            "reservoirId": self._current().id,
            "reservoirVersion": position.version,
            "index": position.index,
            "isStartingVersion": position.initial,
        }

    def _read(self, added: list[AddedFile]) -> Relation:
        from reelhouse.streaming.delta_read import read_files

        snapshot = self._current()
        if snapshot.properties.get("delta.columnMapping.mode", "none") != "none":
            raise _unreadable(self.location, "column mapping")
        return read_files(added, self.schema(), snapshot.partition_columns)


def _numbered(found: list[AddedFile], start: Position) -> Iterator[tuple[Position, AddedFile]]:
    """Files with their positions. Behind the last one a reader stands before the next version."""
    for index in range(start.index + 1, len(found)):
        last = index == len(found) - 1
        yield Position(start.version + 1) if last else Position(start.version, index, start.initial), found[index]


def _position_of(offset: Offset) -> Position:
    try:
        return Position(int(offset["reservoirVersion"]), int(offset["index"]), bool(offset["isStartingVersion"]))
    except (KeyError, TypeError, ValueError) as cause:
        raise StreamingError(
            "STREAMING_CHECKPOINT_MISMATCH",
            f"The checkpoint's offset {dict(offset)} is not one of a Delta table.",
            remedy="Use a new checkpointLocation for a changed query.",
        ) from cause


def byte_count(name: str, text: str | None) -> int | None:
    """A size as Spark writes it.

    >>> byte_count("maxBytesPerTrigger", "10g"), byte_count("maxBytesPerTrigger", "512")
    (10737418240, 512)
    """
    if text is None:
        return None
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
    digits = text.strip().lower().removesuffix("b")
    factor = units.get(digits[-1:], 1)
    try:
        count = int(digits[:-1] if digits[-1:] in units else digits) * factor
    except ValueError:
        count = 0
    if count <= 0:
        raise UserError(f"'{name}' is '{text}'", remedy="Write a size, for instance 10g or 512m.")
    return count


def positive(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.strip().isdigit() or int(text) == 0:
        raise UserError(f"'{name}' is '{text}'", remedy="Give a positive whole number.")
    return int(text)


def flag(options: Mapping[str, str], name: str) -> bool:
    value = options.get(name, "false").strip().lower()
    if value not in ("true", "false"):
        raise UserError(f"'{name}' is '{value}'", remedy="Give true or false.")
    return value == "true"


def _unreadable(location: str, feature: str) -> Unsupported:
    return Unsupported(
        f"A stream on the Delta table '{location}' with {feature} is not supported",
        remedy="Rewrite the table without, or read it as a batch.",
    )


def _open_snapshot(location: str, version: int | None) -> Any:
    from reelhouse.delta.snapshot import open_snapshot

    return open_snapshot(location, version)


def _no_table(location: str) -> StreamingError:
    return StreamingError("DELTA_TABLE_NOT_FOUND", f"Delta table '{location}' doesn't exist.")
