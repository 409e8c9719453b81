"""What a table holds at one version: its files, schema, properties. Read by delta-rs, handed on as plain data."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from reelhouse.delta import log
from reelhouse.errors import UserError

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class DataFile:
    """A file of a table. `path` is absolute, `log_path` how the log names it, `records` None without statistics."""

    path: str
    log_path: str
    size: int
    records: int | None
    partition_values: Mapping[str, str | None]


class Transactions(Mapping[str, int]):
    """The last version of each application's transactions. It can be asked, not listed: the log is no index of them."""

    def __init__(self, table: DeltaTable) -> None:
        self._table = table

    def __getitem__(self, app_id: str) -> int:
        version = self._table.transaction_version(app_id)
        if version is None:
            raise KeyError(app_id)
        return int(version)

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the transactions of a table can be asked by name, not listed")

    def __len__(self) -> int:
        raise TypeError("the transactions of a table can be asked by name, not counted")


@dataclass(frozen=True)
class Snapshot:
    """A table at one version. `schema` is the JSON of a Spark `StructType`, which is also Delta's."""

    location: str
    version: int
    id: str
    schema: str
    partition_columns: tuple[str, ...]
    properties: Mapping[str, str]
    comment: str | None
    name: str | None
    created_at: datetime | None
    protocol: tuple[int, int, frozenset[str], frozenset[str]]
    """Reader version, writer version, reader features, writer features."""
    table: DeltaTable = field(repr=False, compare=False)

    @cached_property
    def files(self) -> tuple[DataFile, ...]:
        """The data files, in the order of their paths."""
        import pyarrow as pa

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            adds = pa.table(self.table.get_add_actions())
        columns = {name: adds.column(name).to_pylist() for name in ("path", "size_bytes", "num_records")}
        partitions = adds.column("partition").to_pylist() if "partition" in adds.column_names else [{}] * adds.num_rows
        files = [
            DataFile(self._absolute(path), path, size, records, _as_text(partition))
            for path, size, records, partition in zip(
                columns["path"], columns["size_bytes"], columns["num_records"], partitions, strict=True
            )
        ]
        return tuple(sorted(files, key=lambda file: file.path))

    @property
    def transactions(self) -> Mapping[str, int]:
        """The last committed version of each application (`txn` actions)."""
        return Transactions(self.table)

    @property
    def records(self) -> int | None:
        """The number of rows by the files' statistics, None when a file has none."""
        counts = [file.records for file in self.files]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def needs_delta_reader(self) -> bool:
        """Whether reading the files as they lie gives wrong rows: partition values, renamed columns, deleted rows."""
        if self.partition_columns or self.properties.get("delta.columnMapping.mode", "none") != "none":
            return True
        return "deletionVectors" in self.protocol[2]

    def _absolute(self, log_path: str) -> str:
        path = unquote(log_path)
        if path.startswith("file:"):
            return path.removeprefix("file://").removeprefix("file:")
        return path if os.path.isabs(path) else os.path.join(self.location, path)


def _as_text(partition: Mapping[str, Any] | None) -> dict[str, str | None]:
    return {k: None if v is None else _partition_text(v) for k, v in (partition or {}).items()}


def _partition_text(value: object) -> str:
    """A partition value as the log spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S" + (".%f" if value.microsecond else ""))
    return str(value)


def open_snapshot(
    location: str, version: int | None = None, timestamp: datetime | str | None = None
) -> Snapshot | None:
    """The table at `location`, now or at a version or point in time; None when there is no table.

    `timestamp` without a zone is UTC. Raises `UserError` for a version that does not exist or whose log is gone, and
    for a timestamp before the first version or after the last, as Delta does.
    https://docs.databricks.com/aws/en/delta/history#query-an-earlier-version-of-the-table-time-travel
    """
    newest = log.current_version(location)
    if newest is None:
        return None
    if timestamp is not None:
        version = version_at(location, timestamp)
    if version is not None and not 0 <= version <= newest:
        oldest = next(iter(log.entry_versions(location)), newest)
        raise UserError(
            f"DELTA_VERSION_NOT_FOUND: '{location}' has no version {version}",
            remedy=f"Versions {oldest} to {newest} can be asked for.",
        )
    return _read(location, version)


def _read(location: str, version: int | None) -> Snapshot:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(location, version=version)
    except (DeltaError, TableNotFoundError) as error:
        raise UserError(f"The Delta table at '{location}' cannot be read: {error}") from error
    metadata = table.metadata()
    protocol = table.protocol()
    return Snapshot(
        location=location,
        version=table.version(),
        id=str(metadata.id),
        schema=table.schema().to_json(),
        partition_columns=tuple(metadata.partition_columns),
        properties=dict(metadata.configuration),
        comment=metadata.description,
        name=metadata.name,
        created_at=datetime.fromtimestamp(metadata.created_time / 1000, UTC) if metadata.created_time else None,
        protocol=(
            protocol.min_reader_version,
            protocol.min_writer_version,
            frozenset(protocol.reader_features or ()),
            frozenset(protocol.writer_features or ()),
        ),
        table=table,
    )


def version_at(location: str, timestamp: datetime | str) -> int:
    """The last version that was committed at or before `timestamp`."""
    moment = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else timestamp
    wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    times = [(version, commit_time(location, version)) for version in log.entry_versions(location)]
    if not times or wanted < times[0][1]:
        raise UserError(
            f"DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION: '{location}' has no version at {moment.isoformat(' ')}",
            remedy=f"The earliest is of {_utc(times[0][1])}." if times else "",
        )
    if wanted > times[-1][1]:
        raise UserError(
            f"DELTA_TIMESTAMP_GREATER_THAN_COMMIT: '{location}' has no version as late as {moment.isoformat(' ')}",
            remedy=f"The latest is of {_utc(times[-1][1])}.",
        )
    return max(version for version, time in times if time <= wanted)


def commit_time(location: str, version: int) -> int:
    """When a version was committed, in milliseconds since 1970."""
    return time_of(log.read_commit_info(location, version), location, version)


def time_of(info: Mapping[str, Any], location: str, version: int) -> int:
    """When a commit was made, by what it says of itself, or else by its file; milliseconds since 1970."""
    time = info.get("inCommitTimestamp") or info.get("timestamp")
    if time is not None:
        return int(time)
    return int(log.entry_path(location, version).stat().st_mtime * 1000)


def _utc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(" ")
