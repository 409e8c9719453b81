"""What a plan read and wrote, as plain data, and the port it is recorded through.

The columns follow `system.access.table_lineage` and `column_lineage`,
https://docs.databricks.com/aws/en/admin/system-tables/lineage
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Dataset:
    """A table, a view, or a path. `type` is TABLE, PATH, VIEW, MATERIALIZED_VIEW, STREAMING_TABLE or URL.

    `name` is the full table name, the address of a path (abfss://…), or an http URL.
    """

    type: str
    name: str


@dataclass(frozen=True)
class ColumnPair:
    """A target column and one source column that its value comes from."""

    source: Dataset
    source_column: str
    target_column: str


@dataclass(frozen=True)
class LineageEvent:
    """One read or write. `target` is None for a read, `sources` is empty for a write of literals."""

    sources: tuple[Dataset, ...]
    target: Dataset | None
    columns: tuple[ColumnPair, ...] = ()
    target_version: int | None = None


class LineagePort(Protocol):
    def record(self, event: LineageEvent, *, run_id: str | None = None) -> None:
        """Keep the event. Without `run_id` it belongs to `runs.record.current_run`. From any thread."""
