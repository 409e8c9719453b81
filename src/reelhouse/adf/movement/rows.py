"""What sources give and sinks take: Arrow batches with a schema, so that memory stays flat and no row is touched in
Python. Sources of documents (JSON, XML, REST) give objects instead, which a mapping makes rows of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from reelhouse.adf.errors import ActivityFailed

if TYPE_CHECKING:
    import pyarrow as pa


class BadRows(Protocol):
    """Who decides about rows that do not fit."""

    count: int

    def add(self, row: Mapping[str, Any], code: str, message: str) -> None:
        """Skip a row, or raise `ActivityFailed`: that is the default of Copy."""


class NoBadRows:
    """The first row that does not fit fails the copy."""

    count = 0

    def add(self, row: Mapping[str, Any], code: str, message: str) -> None:
        raise ActivityFailed("2200", f"ErrorCode={code},{message}")


class LaterBadRows:
    """Keeps bad rows that are found while a source is opened, before it is known who decides about them."""

    def __init__(self) -> None:
        self.count = 0
        self._held: list[tuple[Mapping[str, Any], str, str]] = []

    def add(self, row: Mapping[str, Any], code: str, message: str) -> None:
        self._held.append((row, code, message))

    def tell(self, bad: BadRows) -> None:
        """Hand them on. Raises what `bad` raises."""
        for row, code, message in self._held:
            bad.add(row, code, message)
        self._held.clear()


@dataclass
class Progress:
    """Counted while rows stream: what a Copy reports when it is over.

    `file` is the path, below the folder of the source, of the file that the rows handed over last came from; None for
    sources that are no files.
    """

    files_read: int = 0
    data_read: int = 0
    """Bytes."""
    rows_read: int = 0
    file: str | None = None
    bad: BadRows = field(default_factory=NoBadRows)


@dataclass
class RowStream:
    """Rows of a source. `batches` may be consumed once; each has `schema`, or, when the rows of several files stream
    unmapped, that of its file. `progress` is right when it is exhausted."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    progress: Progress = field(default_factory=Progress)


@dataclass
class Documents:
    """JSON objects of a source, which may be nested. `items` may be consumed once."""

    items: Iterator[dict[str, Any]]
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


class DocumentSink(RowSink, Protocol):
    """A sink that takes nested documents as they are."""

    def write_documents(self, documents: Documents) -> Written:
        """Take all documents. Raises `ActivityFailed`."""
