"""What sources give and sinks take: Arrow batches with a schema, so that memory stays flat and no row is touched in
Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Progress:
    """Counted while rows stream: what a Copy reports when it is over."""

    files_read: int = 0
    data_read: int = 0
    """Bytes."""
    rows_read: int = 0


@dataclass
class RowStream:
    """Rows of a source. `batches` may be consumed once; each has `schema`. `progress` is right when it is exhausted."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class Written:
    """What a sink did. `extra` are output fields of its own, such as `sqlDwPolyBase`."""

    rows: int
    data: int = 0
    """Bytes."""
    files: int | None = None
    """None for sinks that are no files."""
    extra: Mapping[str, Any] = field(default_factory=dict)


class RowSink(Protocol):
    """Where rows go. Nothing is visible before `write` returns, and nothing stays when it raises."""

    def schema(self) -> pa.Schema | None:
        """The columns that exist already, so that a mapping can be made; None when the sink takes what comes."""

    def write(self, stream: RowStream) -> Written:
        """Take all rows. Raises `ActivityFailed` with Data Factory's codes."""
