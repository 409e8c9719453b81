"""Regular CSV text to columns, by pyarrow, and irregular records to regular text.

See `regular.py` for what regular is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from reelhouse.autoloader.dialect import NONE, Dialect, Mode
from reelhouse.autoloader.regular import regular
from reelhouse.errors import UserError

SHOWN = 200
"""How many characters of a record an error shows."""


@dataclass(frozen=True)
class Block:
    """Some rows of a file: `columns` by position, all text; `corrupt` holds the raw text of malformed records."""

    columns: list[pa.Array]
    corrupt: pa.Array | None
    rows: int
    raws: Callable[[], Sequence[str]] = tuple
    """Gives the raw text of each row."""


def parse_regular(data: bytes, dialect: Dialect, width: int, *, keep_empty: bool = False) -> Block:
    try:
        table = _arrow(data, dialect, width, keep_empty)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return Block([], None, 0)  # nothing but line ends
        if "UTF8" not in str(error):
            raise
        table = _arrow(data.decode("utf-8", "replace").encode(), dialect, width, keep_empty)
    columns = [_nulls(column, dialect) for column in table.columns]
    return Block([_one(column) for column in columns], None, table.num_rows)


def _arrow(data: bytes, dialect: Dialect, width: int, keep_empty: bool) -> pa.Table:
    names = [str(at) for at in range(width)]
    delimiter, quote = _form(dialect, width)
    plain = not dialect.null_value and not dialect.empty_value
    return pa_csv.read_csv(
        pa.py_buffer(data),
        read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote or False,
            double_quote=True,
            newlines_in_values=True,
            ignore_empty_lines=not keep_empty,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=plain,
        ),
    )


def _nulls(column: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    """The values with `emptyValue` in place of quoted empty ones, and nulls in place of `nullValue`."""
    if dialect.empty_value:
        column = pc.if_else(pc.equal(column, ""), dialect.empty_value, column)
    if dialect.null_value or dialect.empty_value:
        column = pc.if_else(pc.equal(column, dialect.null_value), None, column)
    return column


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], pa.string())])


def _form(dialect: Dialect, width: int) -> tuple[str, str]:
    """Delimiter and quote of the regular form: the file's own, unless none of its text can be taken as it is."""
    if regular(dialect, width) is None:
        return ",", '"'
    return dialect.delimiter, "" if dialect.quote == NONE else dialect.quote


def matches(data: bytes, expression: str) -> bool:
    """Whether an RE2 expression is found in a block."""
    offsets = pa.py_buffer(struct.pack("=ii", 0, len(data)))
    text = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(data)])  # without a copy
    return bool(pc.match_substring_regex(text, expression)[0].as_py())


def regular_form(values: Sequence[str | None], dialect: Dialect, width: int) -> bytes:
    """The record in quotes, with nothing between delimiters for a null."""
    delimiter, quote = _form(dialect, width)
    cells = ["" if value is None else _in_quotes(value, quote) for value in values[:width]]
    cells += [""] * (width - len(cells))
    return delimiter.join(cells).encode()


def _in_quotes(value: str, quote: str) -> str:
    return quote + value.replace(quote, quote * 2) + quote if quote else value


def refuse_malformed(dialect: Dialect, text: str, found: int, width: int) -> None:
    """Raise the error of a record with `found` values in place of `width`, in mode FAILFAST only."""
    if dialect.mode is Mode.FAILFAST:
        raise UserError(
            f"[MALFORMED_RECORD_IN_PARSING] A record has {found} value{'s' * (found != 1)} in place of {width}, and "
            f"mode is FAILFAST: {text[:SHOWN]!r}",
            remedy="Read it with mode PERMISSIVE or DROPMALFORMED.",
        )


def sparse(values: dict[int, str], size: int) -> pa.Array:
    texts: list[str | None] = [None] * size
    for at, text in values.items():
        texts[at] = text
    return pa.array(texts, pa.string())
