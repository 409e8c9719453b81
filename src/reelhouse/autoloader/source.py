"""The Python data source that an engine runs, in our process or on a Spark executor.

It needs nothing of the project but this folder and `errors.py`, and of others only pyarrow.
https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from reelhouse.autoloader import formats
from reelhouse.autoloader.dialect import boolean
from reelhouse.autoloader.request import FileEntry, Request, blamed_on, decode
from reelhouse.autoloader.shape import Shape
from reelhouse.errors import UserError

NAME = "reelhouse_files"
OPTION = "request"
SPLIT_BYTES = 32 << 20

Piece = tuple[int, int, int]
"""A file's index in the request, and the bytes of it to read (start, end)."""


class FilesDataSource(DataSource):  # type: ignore[misc]  # pyspark has no types here
    """Files of a request as rows. Its one option is the request, so that a plan says all there is to know."""

    @classmethod
    def name(cls) -> str:
        return NAME

    def schema(self) -> str:
        """Flat DDL: an engine may know no nested types here, so they travel as JSON text."""
        return schema_of(self.options[OPTION])

    def reader(self, schema: Any) -> DataSourceReader:
        return reader_of(self.options[OPTION])


class FilesReader(DataSourceReader):  # type: ignore[misc]  # pyspark has no types here
    """Reads the pieces of files that a partition was given."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def partitions(self) -> Sequence[InputPartition]:
        return [InputPartition(pieces) for pieces in plan_partitions(self._request)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        shape = Shape(self._request)
        for index, start, end in partition.value:
            file = self._request.files[index]
            yield from read_piece(self._request, shape, file, (start, end))


def read_piece(request: Request, shape: Shape, file: FileEntry, span: tuple[int, int]) -> Iterator[pa.RecordBatch]:
    """The rows of a part of a file, as the request wants them."""
    given = {name.lower(): value for name, value in request.options.items()}
    try:
        with blamed_on(file):
            for rows in formats.read(request, file, span):
                batch = shape.batch(rows, file, span)
                if batch.num_rows:
                    yield batch
    except FileNotFoundError as error:
        if not boolean(given, "ignoremissingfiles", False):
            raise UserError(
                f"[FAILED_READ_FILE.FILE_NOT_EXIST] {file.address} was there when the read was planned and is gone",
                remedy="Set option ignoreMissingFiles to true to read without it.",
            ) from error
    except (OSError, pa.ArrowException, UnicodeError) as error:
        if not boolean(given, "ignorecorruptfiles", False):
            raise UserError(
                f"[FAILED_READ_FILE.NO_HINT] {file.address} cannot be read as {request.format}: {error}",
                remedy="Set option ignoreCorruptFiles to true to read without it.",
            ) from error


def plan_partitions(request: Request) -> list[list[Piece]]:
    """Which pieces of which files each partition reads: whole files, large ones in parts where their format allows it.

    As many partitions as the engine has cores, of about the same size; files stay in their order within a partition.
    """
    total = sum(file.size for file in request.files)
    piece_bytes = max(SPLIT_BYTES // 8, min(SPLIT_BYTES, total // max(request.parallel, 1) + 1))
    pieces: list[Piece] = []
    for index, file in enumerate(request.files):
        if file.size > piece_bytes and os.path.exists(file.path) and formats.can_split(request, file):
            starts = range(0, file.size, piece_bytes)
            pieces += [(index, start, min(start + piece_bytes, file.size)) for start in starts]
        else:
            pieces.append((index, 0, file.size))
    return _share_out(pieces, min(max(request.parallel, 1), max(len(pieces), 1)))


def _share_out(pieces: Sequence[Piece], count: int) -> list[list[Piece]]:
    """The pieces in `count` groups of similar size, largest pieces placed first."""
    groups: list[list[Piece]] = [[] for _ in range(count)]
    sizes = [0] * count
    for piece in sorted(pieces, key=lambda piece: piece[1] - piece[2]):
        smallest = sizes.index(min(sizes))
        groups[smallest].append(piece)
        sizes[smallest] += piece[2] - piece[1] + 4096  # opening a file costs as well
    return [sorted(group) for group in groups]


def reader_of(request: str) -> FilesReader:
    """The reader of an encoded request."""
    return FilesReader(decode(request))


def schema_of(request: str) -> str:
    """The columns of an encoded request as flat DDL."""
    schema = Shape(decode(request)).schema
    return ", ".join(f"`{field.name.replace('`', '``')}` {_ddl(field.type)}" for field in schema)


def _ddl(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return _DDL[str(kind)]


_DDL = {
    "string": "string",
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "float": "float",
    "double": "double",
    "date32[day]": "date",
    "binary": "binary",
}
