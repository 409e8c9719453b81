"""OPTIMIZE, VACUUM, RESTORE, ANALYZE. Done by delta-rs; what would change nothing makes no version.

https://docs.databricks.com/aws/en/delta/optimize, https://docs.databricks.com/aws/en/delta/vacuum,
https://docs.databricks.com/aws/en/delta/history#restore-a-delta-table-to-an-earlier-state
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reelhouse.delta import log
from reelhouse.delta.alter import column, existing
from reelhouse.delta.conflicts import ConcurrentModification
from reelhouse.delta.entry import commit_info
from reelhouse.delta.schema import fields_of
from reelhouse.delta.snapshot import Snapshot, open_snapshot, version_at
from reelhouse.delta.write import Target
from reelhouse.errors import UserError

_DEFAULT_RETENTION = timedelta(hours=168)
_UNITS = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "millisecond": timedelta(milliseconds=1),
}


@dataclass(frozen=True)
class Optimized:
    """What OPTIMIZE did. `version` is None when there was nothing to do."""

    version: int | None
    files_added: int = 0
    files_removed: int = 0
    bytes_added: int = 0
    bytes_removed: int = 0
    files_considered: int = 0
    partitions: int = 0


@dataclass(frozen=True)
class Restored:
    """What RESTORE did."""

    version: int | None
    files_after: int
    bytes_after: int
    files_removed: int = 0
    files_restored: int = 0
    bytes_removed: int = 0
    bytes_restored: int = 0


@dataclass(frozen=True)
class TableStatistics:
    """What ANALYZE TABLE finds. `rows` is None when a file of another writer has no statistics."""

    version: int
    rows: int | None
    size: int
    files: int


def optimize(target: Target, zorder_by: Sequence[str] = ()) -> Optimized:
    """Compact small files, or order all rows along a Z curve. Rows stay the same, streams see nothing of it.

    Ordering is skipped when the last one was by the same columns and no data came since. Raises `UserError` for a
    column that is missing or partitions the table.
    """
    snapshot = existing(target)
    columns = [column(fields_of(snapshot.schema), name)["name"] for name in zorder_by]
    for name in columns:
        if name in snapshot.partition_columns:
            raise UserError(
                f"DELTA_ZORDERING_ON_PARTITION_COLUMN: '{name}' partitions '{target.name or target.location}', "
                "so rows cannot be ordered by it"
            )
    considered = len(snapshot.files)
    if considered < 2 or (columns and _is_ordered_by(target.location, columns)):
        return Optimized(None, files_considered=considered)
    metrics = _run_optimize(target, snapshot, columns)
    after = existing(target)
    if after.version == snapshot.version:
        return Optimized(None, files_considered=considered)
    return Optimized(
        after.version,
        int(metrics["numFilesAdded"]),
        int(metrics["numFilesRemoved"]),
        _total(metrics["filesAdded"]),
        _total(metrics["filesRemoved"]),
        considered,
        int(metrics.get("partitionsOptimized", 0)),
    )


def _run_optimize(target: Target, snapshot: Snapshot, columns: Sequence[str]) -> Mapping[str, Any]:
    from deltalake import DeltaTable
    from deltalake.exceptions import CommitFailedError

    size = _target_size(snapshot.properties)
    try:
        optimizer = DeltaTable(target.location).optimize
        if columns:
            found: Mapping[str, Any] = optimizer.z_order(columns, target_size=size)
        else:
            found = optimizer.compact(target_size=size)
    except CommitFailedError as error:
        raise ConcurrentModification(f"'{target.name or target.location}' changed during OPTIMIZE: {error}") from error
    return found


def _total(files: Any) -> int:
    if isinstance(files, str):
        import json

        files = json.loads(files)
    return int(files.get("totalSize", 0))


def _target_size(properties: Mapping[str, str]) -> int | None:
    text = properties.get("delta.targetFileSize")
    if text is None:
        return None
    number, unit = re.match(r"(\d+)\s*([a-z]*)", text.strip().lower()).groups()  # type: ignore[union-attr]
    return int(number) * {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}[unit[:1] if unit != "b" else "b"]


def _is_ordered_by(location: str, columns: Sequence[str]) -> bool:
    """Whether the newest change of data is older than an ordering by the same columns."""
    import json

    for version in reversed(log.entry_versions(location)):
        entry = log.read_entry(location, version)
        if any(file.get("dataChange", True) for kind in ("add", "remove") for file in log.actions_of(entry, kind)):
            return False
        info: Mapping[str, Any] = next(log.actions_of(entry, "commitInfo"), {})
        if info.get("operation") == "OPTIMIZE":
            by = info.get("operationParameters", {}).get("zOrderBy") or "[]"
            ordered = json.loads(by) if isinstance(by, str) and by.startswith("[") else by
            if ordered:
                return list(ordered) == list(columns)
    return False


def vacuum(
    target: Target, retain_hours: float | None = None, *, dry_run: bool = False, check_duration: bool = True
) -> list[str]:
    """Delete data files that no version within the retention refers to; their absolute paths.

    The retention is 168 hours or the table's `delta.deletedFileRetentionDuration`. A shorter one is refused unless
    `check_duration` is false (`spark.databricks.delta.retentionDurationCheck.enabled`).
    """
    snapshot = existing(target)
    own = parse_interval(snapshot.properties.get("delta.deletedFileRetentionDuration"), _DEFAULT_RETENTION)
    retention = own if retain_hours is None else timedelta(hours=retain_hours)
    if check_duration and retention < own:
        raise UserError(
            f"DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT: {retain_hours} hours are less than the "
            f"{own.total_seconds() / 3600:g} hours that '{target.name or target.location}' keeps removed files",
            remedy="Set spark.databricks.delta.retentionDurationCheck.enabled to false if no one reads old versions.",
        )
    found = snapshot.table.vacuum(
        retention_hours=int(retention.total_seconds() // 3600),
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
    )
    paths = [_inside(target.location, path) for path in found if not _is_hidden(path)]
    # a file that is young and unreferenced may belong to a write that is about to be committed
    youngest = time.time() - retention.total_seconds()
    paths = [path for path in paths if os.path.exists(path) and os.path.getmtime(path) < youngest]
    if paths and not dry_run:
        _delete(target.location, sorted(paths), retain_hours, own, check_duration)
    return sorted(paths)


def _delete(
    location: str, paths: Sequence[str], retain_hours: float | None, own: timedelta, check_duration: bool
) -> None:
    """Delete the files between two entries of the log that say so, as Databricks does."""
    parameters = {
        "retentionCheckEnabled": str(check_duration).lower(),
        "defaultRetentionMillis": str(int(own.total_seconds() * 1000)),
    }
    if retain_hours is not None:
        parameters["specifiedRetentionMillis"] = str(int(retain_hours * 3_600_000))
    size = sum(os.path.getsize(path) for path in paths)
    _note(location, "VACUUM START", parameters, {"numFilesToDelete": len(paths), "sizeOfDataToDelete": size})
    for path in paths:
        Path(path).unlink(missing_ok=True)
    folders = len({os.path.dirname(path) for path in paths})
    _note(
        location,
        "VACUUM END",
        {"status": "COMPLETED"},
        {"numDeletedFiles": len(paths), "numVacuumedDirectories": folders},
    )


def _note(location: str, operation: str, parameters: Mapping[str, str], metrics: Mapping[str, object]) -> None:
    """A version that changes nothing and tells what was done."""
    while True:
        version = log.current_version(location)
        assert version is not None
        if log.publish(location, version + 1, [commit_info(operation, parameters, metrics, version, True)]):
            return


def _inside(location: str, path: str) -> str:
    from urllib.parse import unquote

    joined = os.path.join(location, path)
    return joined if os.path.exists(joined) else os.path.join(location, unquote(path))


def _is_hidden(path: str) -> bool:
    """Names that begin with `_` or `.` are passed over, but for partition folders and change data."""
    return any(part.startswith((".", "_")) and "=" not in part and part != "_change_data" for part in path.split("/"))


def parse_interval(text: str | None, otherwise: timedelta) -> timedelta:
    """A duration as table properties spell it.

    >>> parse_interval("interval 1 week 2 days", timedelta())
    datetime.timedelta(days=9)
    """
    if text is None:
        return otherwise
    found = re.findall(r"(\d+(?:\.\d+)?)\s+([a-z]+?)s?\b", text.lower())
    if not found or any(unit not in _UNITS for _, unit in found):
        raise UserError(f"'{text}' is no interval", remedy="Write it like 'interval 7 days'.")
    return sum((float(number) * _UNITS[unit] for number, unit in found), timedelta())


def restore(target: Target, *, version: int | None = None, timestamp: datetime | str | None = None) -> Restored:
    """Bring the table back to an earlier version, as a new version; its history stays.

    Raises `UserError` when files of that version were vacuumed.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    before = existing(target)
    wanted = version_at(target.location, timestamp) if timestamp is not None else version
    then = open_snapshot(target.location, wanted)
    assert then is not None
    if then.version == before.version:
        return Restored(None, len(before.files), sum(file.size for file in before.files))
    missing = [file.path for file in then.files if not os.path.exists(file.path)]
    if missing:
        raise UserError(
            f"DELTA_RESTORE_MISSING_FILES: {len(missing)} files of version {then.version} of "
            f"'{target.name or target.location}' are gone, for instance {missing[0]}",
            remedy="They were removed by VACUUM; choose a later version.",
        )
    try:
        DeltaTable(target.location).restore(then.version)
    except DeltaError as error:
        raise UserError(f"'{target.name or target.location}' was not restored: {error}") from error
    return _restored(before, existing(target))


def _restored(before: Snapshot, after: Snapshot) -> Restored:
    old = {file.log_path: file.size for file in before.files}
    new = {file.log_path: file.size for file in after.files}
    removed = {path: size for path, size in old.items() if path not in new}
    added = {path: size for path, size in new.items() if path not in old}
    return Restored(
        after.version,
        len(new),
        sum(new.values()),
        len(removed),
        len(added),
        sum(removed.values()),
        sum(added.values()),
    )


def analyze(target: Target) -> TableStatistics:
    """Rows, bytes and files of the table, from its log."""
    snapshot = existing(target)
    return TableStatistics(
        snapshot.version, snapshot.records, sum(file.size for file in snapshot.files), len(snapshot.files)
    )
