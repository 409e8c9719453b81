"""Reads delimited text as Copy, Lookup and GetMetadata do.

https://learn.microsoft.com/azure/data-factory/format-delimited-text
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from reelhouse.adf.expression.values import text
from reelhouse.adf.settings import DelimitedText
from reelhouse.errors import Place, UserError

_CHUNK = 1 << 16
_ENCODINGS = {"utf-8": "utf-8-sig", "utf-8 without bom": "utf-8", "utf-16": "utf-16", "utf-16be": "utf-16-be",
              "utf-32": "utf-32", "us-ascii": "ascii"}  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """How rows and columns are told apart. An empty `quote` means that nothing is quoted."""

    delimiter: str = ","
    row_delimiter: str | None = None
    quote: str = '"'
    escape: str = "\\"
    encoding: str = "utf-8-sig"
    first_row_as_header: bool = False
    null_value: str = ""
    skip_lines: int = 0


def dialect_of(settings: DelimitedText, place: Place, skip_lines: int = 0) -> Dialect:
    """The dialect of a dataset with evaluated settings. Raises `UserError` naming the property."""
    delimiter, quote, escape = text(settings.column_delimiter), text(settings.quote_char), text(settings.escape_char)
    if len(delimiter) != 1:
        raise UserError(
            f"columnDelimiter must be one character, it is '{delimiter}'", where=place.at("columnDelimiter")
        )
    if len(quote) > 1 or len(escape) > 1:
        raise UserError("quoteChar and escapeChar are one character each", where=place.at("quoteChar"))
    if not quote and escape:
        raise UserError("Without quoteChar there must be no escapeChar", where=place.at("escapeChar"))
    encoding = encoding_named(text(settings.encoding_name), place.at("encodingName"))
    return Dialect(
        delimiter,
        text(settings.row_delimiter) or None,
        quote,
        escape,
        encoding,
        text(settings.first_row_as_header).lower() == "true",
        text(settings.null_value),
        skip_lines,
    )


def encoding_named(name: str, place: Place | None = None) -> str:
    """Python's name of an `encodingName`. Raises `UserError`."""
    name = name or "UTF-8"
    encoding = _ENCODINGS.get(name.lower(), name)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise UserError(f"'{name}' is no encoding", where=place) from None
    return encoding


def read_rows(file: BinaryIO, dialect: Dialect) -> Iterator[list[str | None]]:
    """The rows of a file, the header included. A value that is not quoted and equals `nullValue` is None.

    Empty lines are no rows. Raises `UserError` for bytes that are not of the encoding.
    """
    rows = _rows(_characters(file, dialect.encoding), dialect)
    for _ in range(dialect.skip_lines):
        next(rows, None)
    yield from rows


def column_names(header: list[str | None] | None, first_row_as_header: bool) -> list[str]:
    """Names from the first row; `Prop_0`, `Prop_1`, … when it is no header."""
    if header is None:
        return []
    if first_row_as_header:
        return [name or "" for name in header]
    return [f"Prop_{index}" for index in range(len(header))]


def _characters(file: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while data := file.read(_CHUNK):
            yield from decoder.decode(data)
        yield from decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise UserError(
            f"The file is not {encoding.removesuffix('-sig')}: {error.reason} at byte {error.start}"
        ) from None


def _rows(characters: Iterator[str], dialect: Dialect) -> Iterator[list[str | None]]:
    row: list[str | None] = []
    value: list[str] = []
    quoted = was_quoted = False
    held: str | None = None
    ends = dialect.row_delimiter

    def take() -> None:
        nonlocal was_quoted
        whole = "".join(value)
        row.append(None if not was_quoted and whole == dialect.null_value else whole)
        value.clear()
        was_quoted = False

    def source() -> Iterator[str]:
        nonlocal held
        for char in characters:
            yield char
            while held is not None:
                again, held = held, None
                yield again

    stream = source()
    for char in stream:
        if quoted:
            if char == dialect.escape and dialect.escape != dialect.quote:
                following = next(stream, "")
                value.append(following if following in (dialect.quote, dialect.escape) else char + following)
            elif char == dialect.quote:
                following = next(stream, "")
                if following == dialect.quote:
                    value.append(dialect.quote)
                else:
                    quoted = False
                    held = following or None
            else:
                value.append(char)
        elif char == dialect.quote and dialect.quote and not value:
            quoted = was_quoted = True
        elif char == dialect.delimiter:
            take()
        elif ends is None and char in "\r\n":
            if row or value or was_quoted:
                take()
                yield row
                row = []
        elif (
            ends is not None
            and char == ends[-1]
            and "".join(value[-len(ends) + 1 :] if len(ends) > 1 else []) == ends[:-1]
        ):
            if len(ends) > 1:
                del value[-len(ends) + 1 :]
            if row or value or was_quoted:
                take()
                yield row
                row = []
        else:
            value.append(char)
    if row or value or was_quoted:
        take()
        yield row
