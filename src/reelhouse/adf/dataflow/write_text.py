"""Writes rows of texts as delimited text, as Spark's writer does: quoted where it has to be, nothing row by row.

https://learn.microsoft.com/azure/data-factory/format-delimited-text#sink-properties
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from reelhouse.adf.delimited import Dialect

if TYPE_CHECKING:
    import pyarrow as pa


def write_header(file: BinaryIO, names: list[str], dialect: Dialect) -> None:
    """The line of names, where the dialect has one."""
    import pyarrow as pa

    if dialect.first_row_as_header:
        batch = pa.RecordBatch.from_arrays([pa.array([name], pa.string()) for name in names], names=names)
        write_batch(file, batch, dialect)


def write_batch(file: BinaryIO, batch: pa.RecordBatch, dialect: Dialect, *, quote_all: bool = False) -> None:
    """The lines of a batch of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batch.num_rows:
        return
    columns = [_quoted(column.cast(pa.large_string()), dialect, quote_all=quote_all) for column in batch.columns]
    separator = pa.scalar(dialect.delimiter, pa.large_string())
    lines = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, separator)
    end = dialect.row_delimiter or "\n"
    ended = pc.binary_join_element_wise(lines, pa.scalar(end, pa.large_string()), pa.scalar("", pa.large_string()))
    encoding = dialect.encoding.removesuffix("-sig")
    if encoding == "utf-8":
        # The texts lie one behind the other in the buffer of the array.
        file.write(_bytes(ended))
    else:
        file.write(_bytes(ended).decode("utf-8").encode(encoding))


def _bytes(column: pa.Array) -> bytes:
    import pyarrow as pa

    offsets = pa.Array.from_buffers(pa.int64(), len(column) + 1, [None, column.buffers()[1]], offset=column.offset)
    data = column.buffers()[2]
    if data is None:
        return b""
    return bytes(memoryview(data)[offsets[0].as_py() : offsets[len(column)].as_py()])


def _quoted(column: pa.Array, dialect: Dialect, *, quote_all: bool) -> pa.Array:
    """Each value as it stands in a line. An empty text is quoted, so that it is told from a null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    quote, escape = dialect.quote, dialect.escape
    null = pa.scalar(dialect.null_value, pa.large_string())
    if not quote:
        return pc.fill_null(column, null)
    special = "|".join(re.escape(char) for char in (dialect.delimiter, quote, "\n", "\r"))
    needs = pc.or_(pc.match_substring_regex(column, f"{special}|^$"), pa.scalar(quote_all))
    if dialect.null_value:
        needs = pc.or_(needs, pc.equal(column, null))
    escaped = column
    if escape and escape != quote:
        escaped = pc.replace_substring(escaped, escape, escape * 2)
    escaped = pc.replace_substring(escaped, quote, f"{escape or quote}{quote}")
    mark = pa.scalar(quote, pa.large_string())
    inside = pc.binary_join_element_wise(mark, escaped, mark, pa.scalar("", pa.large_string()))
    return pc.fill_null(pc.if_else(needs, inside, column), null)
