"""The change data feed: which rows each version inserted, updated and deleted, told by files.

A commit that rewrites rows it does not change says what it changed in files of their own (`_change_data/`). Any other
commit needs none: its new files are insertions, its removed ones deletions.
https://docs.databricks.com/aws/en/delta/delta-change-data-feed and
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#add-cdc-file
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from reelhouse.delta import log
from reelhouse.delta.properties import is_true
from reelhouse.delta.snapshot import Snapshot, open_snapshot, time_of
from reelhouse.delta.staging import StagedFile
from reelhouse.errors import Unsupported, UserError

ENABLED = "delta.enableChangeDataFeed"
TYPE, VERSION, TIME = "_change_type", "_commit_version", "_commit_timestamp"
COLUMNS = (TYPE, VERSION, TIME)
INSERT, DELETE, PREIMAGE, POSTIMAGE = "insert", "delete", "update_preimage", "update_postimage"
FOLDER = "_change_data"


@dataclass(frozen=True)
class ChangeFile:
    """A file of changed rows. `type` is None where each row says it itself; `timestamp` counts milliseconds."""

    path: str
    size: int
    rows: int | None
    partition_values: tuple[tuple[str, str | None], ...]
    type: str | None
    version: int
    timestamp: int


def is_enabled(properties: Mapping[str, str]) -> bool:
    """Whether a table with these properties records its changes."""
    return is_true(properties, ENABLED)


def changes(location: str, first: int, last: int, name: str) -> list[ChangeFile]:
    """The files of what the versions `first` to `last` changed.

    Raises `UserError` for a version at which the table recorded no changes, or whose entry is gone.
    """
    enabled = _is_enabled_at(location, first)
    found: list[ChangeFile] = []
    for version in range(first, last + 1):
        try:
            entry = log.read_entry(location, version)
        except FileNotFoundError:
            raise UserError(
                f"DELTA_CHANGE_DATA_FILE_NOT_FOUND: the log of '{name}' no longer has version {version}",
                remedy="Start at a later version.",
            ) from None
        enabled = enabled_after(entry, enabled)
        if not enabled:
            raise not_recorded(name, version, last)
        found += changes_of(location, version, entry)
    return found


def enabled_after(entry: Iterable[log.Action], before: bool) -> bool:
    """Whether the table records changes from a version on."""
    for metadata in log.actions_of(entry, "metaData"):
        before = is_enabled(metadata.get("configuration") or {})
    return before


def changes_of(location: str, version: int, entry: Sequence[log.Action]) -> list[ChangeFile]:
    """The files of what one version changed. Raises `Unsupported` for rows that deletion vectors hide."""
    info = next(log.actions_of(entry, "commitInfo"), {})
    moment = time_of(info, location, version)
    own = list(log.actions_of(entry, "cdc"))
    if own:
        return [_file(location, action, None, version, moment) for action in own]
    by_type = {INSERT: "add", DELETE: "remove"}
    return [
        _file(location, action, type, version, moment)
        for type, kind in by_type.items()
        for action in log.actions_of(entry, kind)
        if action.get("dataChange", True)
    ]


def not_recorded(name: str, version: int, last: int) -> UserError:
    """The error for a version at which nothing was recorded."""
    return UserError(
        f"DELTA_MISSING_CHANGE_DATA: '{name}' recorded no changes at version {version} (asked for up to {last})",
        remedy=f"ALTER TABLE … SET TBLPROPERTIES ({ENABLED} = true) records them from then on.",
    )


def _is_enabled_at(location: str, version: int) -> bool:
    if version <= 0:
        return False
    before = open_snapshot(location, version - 1)
    return before is not None and is_enabled(before.properties)


def _file(location: str, action: Mapping[str, Any], type: str | None, version: int, moment: int) -> ChangeFile:
    if action.get("deletionVector"):
        raise Unsupported(f"Changes of '{location}' that deletion vectors tell are not supported here")
    stats = action.get("stats")
    return ChangeFile(
        os.path.join(location, unquote(action["path"]).removeprefix("file://").removeprefix("file:")),
        int(action.get("size") or 0),
        json.loads(stats).get("numRecords") if stats else None,
        tuple(sorted((action.get("partitionValues") or {}).items())),
        type,
        version,
        moment,
    )


def range_of(
    location: str,
    name: str,
    starting: tuple[int | None, str | None],
    ending: tuple[int | None, str | None],
) -> tuple[int, int, Snapshot]:
    """The first and last version of a range given by versions or timestamps, and the table as it is.

    Raises `UserError` for a range that is none.
    """
    snapshot = open_snapshot(location)
    if snapshot is None:
        raise UserError(f"DELTA_TABLE_NOT_FOUND: there is no Delta table at {location}")
    first = _version(location, name, *starting, snapshot.version, up=True)
    last = _version(location, name, *ending, snapshot.version, up=False)
    first, last = 0 if first is None else first, snapshot.version if last is None else last
    if first > snapshot.version or last < first:
        raise UserError(
            f"DELTA_INVALID_CDC_RANGE: the range of versions {first} to {last} of '{name}' is none",
            remedy=f"The newest version is {snapshot.version}.",
        )
    return first, min(last, snapshot.version), snapshot


def _version(location: str, name: str, version: int | None, timestamp: str | None, newest: int, up: bool) -> int | None:
    from datetime import UTC, datetime

    from reelhouse.delta.snapshot import commit_time

    if timestamp is None:
        return version
    try:
        moment = datetime.fromisoformat(timestamp.strip())
    except ValueError:
        raise UserError(f"'{timestamp}' is not a timestamp", remedy="Write 2026-01-31 12:00:00.") from None
    wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    times = {known: commit_time(location, known) for known in log.entry_versions(location)}
    if up:
        later = [known for known, when in times.items() if when >= wanted]
        if not later:
            raise UserError(f"DELTA_TIMESTAMP_GREATER_THAN_COMMIT: '{name}' has no version as late as {timestamp}")
        return min(later)
    return max((known for known, when in times.items() if when <= wanted), default=-1)


def move(location: str, staged: Sequence[StagedFile]) -> tuple[list[str], list[dict[str, Any]]]:
    """Give staged files of changes their final names: their paths, and their `cdc` actions."""
    write_id = uuid.uuid4()
    paths, actions = [], []
    for number, file in enumerate(staged):
        folders = [
            f"{quote(key, safe=' ')}={'__HIVE_DEFAULT_PARTITION__' if value is None else quote(value, safe=' ')}"
            for key, value in file.partition_values.items()
        ]
        relative = "/".join([FOLDER, *folders, f"cdc-{number:05d}-{write_id}.c000.zstd.parquet"])
        final = os.path.join(location, relative)
        os.makedirs(os.path.dirname(final), exist_ok=True)
        os.rename(file.path, final)
        paths.append(final)
        actions.append(
            {
                "path": quote(relative, safe="/=-_.~"),
                "partitionValues": dict(file.partition_values),
                "size": os.path.getsize(final),
                "dataChange": False,
            }
        )
    return paths, actions
