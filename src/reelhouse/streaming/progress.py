"""What a query tells about itself, in the JSON that the stock client reads.

https://docs.databricks.com/aws/en/structured-streaming/stream-monitoring
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reelhouse.streaming.checkpoint import Offset
from reelhouse.streaming.query import BatchResult


@dataclass(frozen=True)
class Identity:
    """Which query, and which run of it."""

    query_id: str
    run_id: str
    name: str | None


def progress(
    identity: Identity,
    result: BatchResult,
    *,
    sources: Sequence[str],
    sink: str,
    outstanding: Sequence[tuple[int, int] | None],
) -> dict[str, Any]:
    """The progress of one batch.

    A source's `numInputRows` is exact where the source knows it (Delta); else, with one source, it is the number of
    rows that the sink was given.
    """
    written = result.commit.rows if result.commit else None
    rows = [_rows(known, written, len(sources)) for known in result.rows_read]
    seconds = max(result.duration_ms.get("triggerExecution", 0), 1) / 1000
    return {
        "id": identity.query_id,
        "runId": identity.run_id,
        "name": identity.name,
        "timestamp": timestamp(result.started_at_ms),
        "batchId": result.batch_id,
        "batchDuration": result.duration_ms.get("triggerExecution", 0),
        "numInputRows": sum(rows),
        "inputRowsPerSecond": sum(rows) / seconds,
        "processedRowsPerSecond": sum(rows) / seconds,
        "durationMs": dict(result.duration_ms),
        "eventTime": {},
        "stateOperators": [],
        "sources": [
            {
                "description": description,
                "startOffset": _offset(start),
                "endOffset": _offset(end),
                "latestOffset": _offset(end),
                "numInputRows": count,
                "inputRowsPerSecond": count / seconds,
                "processedRowsPerSecond": count / seconds,
                "metrics": _metrics(left),
            }
            for description, start, end, count, left in zip(
                sources, result.planned.starts, result.planned.ends, rows, outstanding, strict=True
            )
        ],
        "sink": {"description": sink, "numOutputRows": -1 if written is None else written, "metrics": {}},
        "observedMetrics": {},
    }


def started(identity: Identity, moment: datetime) -> dict[str, Any]:
    """The event of a query's start."""
    return {
        "id": identity.query_id,
        "runId": identity.run_id,
        "name": identity.name,
        "timestamp": timestamp(int(moment.timestamp() * 1000)),
        "jobTags": [],
    }


def timestamp(milliseconds: int) -> str:
    """A moment as Spark writes it.

    >>> timestamp(1700000000123)
    '2023-11-14T22:13:20.123Z'
    """
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rows(known: int | None, written: int | None, sources: int) -> int:
    if known is not None:
        return known
    return written or 0 if sources == 1 else 0


def _metrics(left: tuple[int, int] | None) -> dict[str, str]:
    return {} if left is None else {"numFilesOutstanding": str(left[0]), "numBytesOutstanding": str(left[1])}


def _offset(offset: Offset | None) -> Any:
    return None if offset is None else json.dumps(dict(offset), separators=(",", ":"))
