"""Writers of files: batches of one schema, one file each.

https://learn.microsoft.com/azure/data-factory/supported-file-formats-and-compression-codecs
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from reelhouse.adf.delimited import Dialect
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.movement.conversion import Rules, text_of
from reelhouse.adf.rest.json_values import plain

if TYPE_CHECKING:
    import pyarrow as pa

_ROW_GROUP = 1 << 17
_ROW_GROUP_BYTES = 64 << 20
_BAD_NAME = re.compile(r"[ ,;{}()\n\t=]")


class Writer(Protocol):
    """One file that is being written."""

    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class ParquetFileWriter:
    """Parquet. Batches are gathered to row groups."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, codec: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for field in schema:
            if _BAD_NAME.search(field.name) or not field.name:
                raise ActivityFailed(
                    "2200",
                    f"ErrorCode=ParquetInvalidColumnName,The column '{field.name}' has a name that Parquet files must "
                    "not have: no blanks and none of , ; { } ( ) =",
                )
            if pa.types.is_nested(field.type):
                raise ActivityFailed(
                    "2200", f"ErrorCode=ParquetNotSupportedType,The column '{field.name}' is nested; map what is inside"
                )
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._rows = self._size = 0
        self._writer = pq.ParquetWriter(file, schema, compression=codec)

    def write(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        self._held.append(batch)
        self._rows += batch.num_rows
        self._size += batch.nbytes
        if self._rows >= _ROW_GROUP or self._size >= _ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held, self._schema), row_group_size=self._rows)
        self._held, self._rows, self._size = [], 0, 0

    def close(self) -> None:
        self._flush()
        self._writer.close()


class TextWriter:
    """Delimited text. Values are quoted where they have to be, all of them with `quote_all`."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, dialect: Dialect, quote_all: bool) -> None:
        self._file = file
        self._dialect = dialect
        self._quote_all = quote_all
        self._end = dialect.row_delimiter or "\r\n"
        encoding = dialect.encoding.removesuffix("-sig")
        self._encode = codecs.getincrementalencoder(encoding)().encode
        marks = [
            dialect.delimiter,
            dialect.quote,
            "\r",
            "\n",
            *([dialect.row_delimiter] if dialect.row_delimiter else []),
        ]
        self._special = "|".join(re.escape(mark) for mark in marks)
        if dialect.first_row_as_header:
            import pyarrow as pa

            names = [self._quoted(pa.array([name], pa.string()))[0].as_py() for name in schema.names]
            self._put(dialect.delimiter.join(names) + self._end)

    def write(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not batch.num_rows or not batch.num_columns:
            return
        columns = [self._column(column) for column in batch.columns]
        lines = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, self._dialect.delimiter)
        whole = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), self._end)
        self._put(whole[0].as_py() + self._end)

    def _column(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = values.type
        written = values if pa.types.is_string(kind) else text_of(values, Rules()).cast(pa.string())
        textual = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if self._dialect.quote and (
            textual or self._quote_all or pc.any(pc.match_substring_regex(written, self._special)).as_py()
        ):
            written = self._quoted(written)
        return pc.fill_null(written, self._dialect.null_value)

    def _quoted(self, values: pa.Array) -> pa.Array:
        import pyarrow.compute as pc

        quote, escape = self._dialect.quote, self._dialect.escape or self._dialect.quote
        if not quote:
            return values
        needed = pc.or_(pc.match_substring_regex(values, self._special), pc.equal(values, self._dialect.null_value))
        if not self._quote_all and not pc.any(needed, min_count=0).as_py():
            return values
        inner = values
        if escape != quote:
            inner = pc.replace_substring(inner, escape, escape * 2)
        inner = pc.replace_substring(inner, quote, escape + quote)
        quoted = pc.binary_join_element_wise(quote, inner, quote, "")
        return quoted if self._quote_all else pc.if_else(needed, quoted, values)

    def _put(self, text: str) -> None:
        try:
            self._file.write(self._encode(text))
        except UnicodeEncodeError as error:
            raise ActivityFailed("2200", f"ErrorCode=UserErrorInvalidDataValue,{error}") from error

    def close(self) -> None: ...


class JsonWriter:
    """JSON: an object per line, or an array of objects. Properties without a value are left out, as Azure does."""

    def __init__(self, file: BinaryIO, encoding: str, as_array: bool) -> None:
        self._file = file
        self._encode = codecs.getincrementalencoder(encoding.removesuffix("-sig"))().encode
        self._as_array = as_array
        self._empty = True

    def write(self, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        self.write_objects({name: row[name] for name in names if row[name] is not None} for row in batch.to_pylist())

    def write_objects(self, objects: Iterable[Mapping[str, Any]]) -> None:
        texts = [json.dumps(item, separators=(",", ":"), ensure_ascii=False, default=plain) for item in objects]
        if not texts:
            return
        between = ",\r\n" if self._as_array else "\r\n"
        start = ("[" if self._as_array else "") if self._empty else between
        self._file.write(self._encode(start + between.join(texts)))
        self._empty = False

    def close(self) -> None:
        if self._as_array:
            self._file.write(self._encode("[]" if self._empty else "]"))
        elif not self._empty:
            self._file.write(self._encode("\r\n"))
