"""What DESCRIBE HISTORY and DESCRIBE DETAIL answer.

https://docs.databricks.com/aws/en/delta/history and https://docs.databricks.com/aws/en/delta/table-details
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reelhouse.delta import log
from reelhouse.delta.snapshot import Snapshot, commit_time, time_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class HistoryEntry:
    """One version, as its commit described itself."""

    version: int
    timestamp: datetime
    operation: str | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    read_version: int | None = None
    isolation_level: str | None = None
    is_blind_append: bool | None = None
    user_metadata: str | None = None
    engine_info: str | None = None


def history(location: str, limit: int | None = None) -> list[HistoryEntry]:
    """The versions whose log entries are still there, the newest first."""
    versions = log.entry_versions(location)[::-1]
    return [_entry(location, version) for version in versions[:limit]]


def _entry(location: str, version: int) -> HistoryEntry:
    info = log.read_commit_info(location, version)
    return HistoryEntry(
        version,
        datetime.fromtimestamp(time_of(info, location, version) / 1000, UTC),
        info.get("operation"),
        _texts(info.get("operationParameters")),
        _texts(info.get("operationMetrics")),
        info.get("readVersion"),
        info.get("isolationLevel"),
        info.get("isBlindAppend"),
        info.get("userMetadata"),
        info.get("engineInfo"),
    )


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in (values or {}).items() if v is not None}


def history_table(location: str, limit: int | None = None) -> pa.Table:
    """DESCRIBE HISTORY as a table, with its documented columns."""
    import pyarrow as pa

    texts = pa.map_(pa.string(), pa.string())
    schema = pa.schema(
        [
            ("version", pa.int64()),
            ("timestamp", pa.timestamp("us", "UTC")),
            ("userId", pa.string()),
            ("userName", pa.string()),
            ("operation", pa.string()),
            ("operationParameters", texts),
            ("job", pa.string()),
            ("notebook", pa.string()),
            ("clusterId", pa.string()),
            ("readVersion", pa.int64()),
            ("isolationLevel", pa.string()),
            ("isBlindAppend", pa.bool_()),
            ("operationMetrics", texts),
            ("userMetadata", pa.string()),
            ("engineInfo", pa.string()),
        ]
    )
    rows = [
        {
            "version": entry.version,
            "timestamp": entry.timestamp,
            "operation": entry.operation,
            "operationParameters": list(entry.parameters.items()),
            "readVersion": entry.read_version,
            "isolationLevel": entry.isolation_level,
            "isBlindAppend": entry.is_blind_append,
            "operationMetrics": list(entry.metrics.items()),
            "userMetadata": entry.user_metadata,
            "engineInfo": entry.engine_info,
        }
        for entry in history(location, limit)
    ]
    return pa.Table.from_pylist(rows, schema)


def detail_table(snapshot: Snapshot, name: str | None, address: str) -> pa.Table:
    """DESCRIBE DETAIL as a table of one row."""
    import pyarrow as pa

    texts = pa.list_(pa.string())
    schema = pa.schema(
        [
            ("format", pa.string()),
            ("id", pa.string()),
            ("name", pa.string()),
            ("description", pa.string()),
            ("location", pa.string()),
            ("createdAt", pa.timestamp("us", "UTC")),
            ("lastModified", pa.timestamp("us", "UTC")),
            ("partitionColumns", texts),
            ("clusteringColumns", texts),
            ("numFiles", pa.int64()),
            ("sizeInBytes", pa.int64()),
            ("properties", pa.map_(pa.string(), pa.string())),
            ("minReaderVersion", pa.int32()),
            ("minWriterVersion", pa.int32()),
            ("tableFeatures", texts),
        ]
    )
    reader, writer, reader_features, writer_features = snapshot.protocol
    row = {
        "format": "delta",
        "id": snapshot.id,
        "name": name,
        "description": snapshot.comment,
        "location": address,
        "createdAt": snapshot.created_at,
        "lastModified": datetime.fromtimestamp(commit_time(snapshot.location, snapshot.version) / 1000, UTC),
        "partitionColumns": list(snapshot.partition_columns),
        "clusteringColumns": [],
        "numFiles": len(snapshot.files),
        "sizeInBytes": sum(file.size for file in snapshot.files),
        "properties": sorted(snapshot.properties.items()),
        "minReaderVersion": reader,
        "minWriterVersion": writer,
        "tableFeatures": sorted(reader_features | writer_features),
    }
    return pa.Table.from_pylist([row], schema)
