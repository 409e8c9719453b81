"""Reads delimited text in blocks with Arrow's parser, whose rules are those of RFC 4180, after what is not in them has
been rewritten: encodings, escape characters, lines to skip. A dialect that Arrow has no form for is read in Python.

https://learn.microsoft.com/azure/data-factory/format-delimited-text
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from reelhouse.adf.delimited import Dialect, column_names, read_rows
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.movement.rows import Progress
from reelhouse.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 22
_ROWS = 10_000
_UTF8 = ("utf-8", "utf-8-sig", "ascii", "us-ascii", "utf8")


def read_text(file: BinaryIO, path: Path | None, dialect: Dialect, progress: Progress) -> Iterator[pa.RecordBatch]:
    """The rows of one file as columns of text, in order. At least one batch comes, an empty one when there is no row.

    Rows with fewer columns than the first end in nulls, those with more are bad. Raises `ActivityFailed`.
    """
    try:
        if _is_plain(dialect):
            yield from _Blocks(file, path, dialect, progress).batches()
        else:
            yield from _slowly(file, dialect, progress)
    except UserError as error:
        raise ActivityFailed("2200", f"ErrorCode=DelimitedTextBadDataDetected,{progress.file}: {error}") from error


def _is_plain(dialect: Dialect) -> bool:
    ascii_only = all(
        len(mark.encode()) == 1 for mark in (dialect.delimiter, dialect.quote or '"', dialect.escape or '"')
    )
    return ascii_only and dialect.row_delimiter in (None, "\n", "\r\n", "\r")


class _Blocks:
    """One file on its way through Arrow."""

    def __init__(self, file: BinaryIO, path: Path | None, dialect: Dialect, progress: Progress) -> None:
        self._path = path
        self._dialect = dialect
        self._progress = progress
        self._file = file
        self._short: list[tuple[int | None, str]] = []
        self._names: list[str] = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        import pyarrow.csv as csv

        dialect = self._dialect
        stream = _Utf8(self._file, dialect)
        first = stream.first_row()
        if first is None:
            yield pa.record_batch([], names=[])
            return
        self._names = column_names(first, dialect.first_row_as_header)
        count = len(self._names)
        if len(set(self._names)) < count:
            twin = next(name for name in self._names if self._names.count(name) > 1)
            raise ActivityFailed(
                "2200", f"ErrorCode=DelimitedTextDuplicateColumn,{self._progress.file} has two columns '{twin}'"
            )
        plain_names = [str(index) for index in range(count)]
        schema = pa.schema([(name, pa.string()) for name in self._names])
        seen = False
        try:
            reader = csv.open_csv(
                stream.rest(self._path),
                read_options=csv.ReadOptions(column_names=plain_names, block_size=_BLOCK, use_threads=False),
                parse_options=csv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char=dialect.quote or False,
                    double_quote=bool(dialect.quote),
                    escape_char=False,
                    newlines_in_values=bool(dialect.quote),
                    invalid_row_handler=self._ragged,
                ),
                convert_options=csv.ConvertOptions(
                    column_types={name: pa.string() for name in plain_names},
                    null_values=[dialect.null_value],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            position = 1
            for batch in reader:
                # Arrow parses ahead: rows that were left out may belong to a batch that is still to come.
                whole, taken = self._with_short(batch, position)
                position += batch.num_rows + taken
                seen = True
                self._progress.rows_read += whole.num_rows
                yield pa.record_batch(whole.columns, schema=schema)
        except pa.ArrowInvalid as error:
            if "Empty CSV file" not in str(error):
                raise ActivityFailed(
                    "2200", f"ErrorCode=DelimitedTextBadDataDetected,{self._progress.file}: {error}"
                ) from error
        if self._short:
            rest = pa.record_batch([pa.nulls(0, pa.string())] * count, names=plain_names)
            whole, _ = self._with_short(rest, None)
            self._progress.rows_read += whole.num_rows
            seen = True
            yield pa.record_batch(whole.columns, schema=schema)
        if not seen:
            yield pa.record_batch([pa.nulls(0, pa.string())] * count, schema=schema)

    def _ragged(self, row: Any) -> str:
        self._short.append((row.number, row.text))
        return "skip"

    def _with_short(self, batch: pa.RecordBatch, start: int | None) -> tuple[pa.RecordBatch, int]:
        """The batch with the rows in it that Arrow left out for their number of columns, and how many those were.

        `start` is the number of the batch's first row in the file; None takes all rows that are left.
        """
        import pyarrow as pa

        parts: list[pa.RecordBatch] = []
        done = used = 0
        for number, text in self._short:
            at = done if start is None or number is None else number - start - used
            if at > batch.num_rows:
                break
            used += 1
            values = next(read_rows(io.BytesIO(text.encode()), _rfc(self._dialect)), [])
            if len(values) > len(self._names):
                self._progress.rows_read += 1
                _too_many(values, len(self._names), self._progress)
                continue
            parts.append(batch.slice(done, at - done))
            done = at
            row = [*values, *[None] * (len(self._names) - len(values))]
            parts.append(pa.record_batch([pa.array([value], pa.string()) for value in row], names=batch.schema.names))
        del self._short[:used]
        if not parts:
            return batch, used
        parts.append(batch.slice(done))
        return pa.Table.from_batches(parts).combine_chunks().to_batches()[0], used


def _too_many(values: list[str | None], expected: int, progress: Progress) -> None:
    row = {f"Prop_{index}": value for index, value in enumerate(values)}
    message = f"A row of {progress.file} has {len(values)} columns, expected {expected}"
    progress.bad.add(row, "DelimitedTextMoreColumnsThanDefined", message)


def _rfc(dialect: Dialect) -> Dialect:
    """The dialect of text that was rewritten."""
    return Dialect(dialect.delimiter, None, dialect.quote, dialect.quote, "utf-8", False, dialect.null_value)


class _Utf8:
    """The text of a file as UTF-8 whose quoted values have doubled quotes and no escapes, from the first row on."""

    def __init__(self, file: BinaryIO, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._recodes = dialect.encoding not in _UTF8
        self._escapes = bool(dialect.quote and dialect.escape and dialect.escape != dialect.quote)
        self._start = 0

    def first_row(self) -> list[str | None] | None:
        """The header, or the first row of a file without; it is not consumed when it is no header."""
        head = self._blocks()
        row = re.compile(_row_pattern(self._dialect), re.DOTALL)
        end = re.compile(rb"\r\n|\n|\r")
        held = b""
        left = self._dialect.skip_lines
        position = 0
        finished = False
        while True:
            while held[position : position + 1] in (b"\r", b"\n") and held[position : position + 1]:
                position += 1
            match = end.search(held, position) if left else row.match(held, position)
            complete = match is not None and match.end() < len(held)
            if not complete and not finished:
                more = next(head, b"")
                finished = not more
                held += more
                continue
            if match is None or match.end() == position:
                if left and position < len(held):
                    position, left = len(held), left - 1
                    continue
                return None
            if left:
                position, left = match.end(), left - 1
                continue
            break
        found = next(read_rows(io.BytesIO(match[0]), _rfc(self._dialect)), None)
        self._start = match.end() if self._dialect.first_row_as_header else position
        self._held = held
        self._head = head
        return found

    def rest(self, path: Path | None) -> Any:
        """What Arrow reads: the rows without a header."""
        import pyarrow as pa

        if path is not None and not self._recodes and not (self._escapes and _contains(path, self._dialect.escape)):
            native = pa.OSFile(str(path))
            native.seek(self._start + self._mark)
            return native
        return pa.PythonFile(_Chunks(chain([self._held[self._start :]], self._head)), mode="r")

    def _blocks(self) -> Iterator[bytes]:
        blocks = self._raw()
        first = next(blocks, b"")
        self._mark = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
        blocks = chain([first[self._mark :]], blocks)
        return _unescaped(blocks, self._dialect) if self._escapes else blocks

    def _raw(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self._dialect.encoding)() if self._recodes else None
        try:
            while data := self._file.read(_BLOCK):
                yield decoder.decode(data).encode() if decoder else data
            if decoder:
                yield decoder.decode(b"", final=True).encode()
        except UnicodeDecodeError as error:
            raise UserError(f"The file is not {self._dialect.encoding}: {error.reason} at byte {error.start}") from None


def _contains(path: Path, mark: str) -> bool:
    """Whether a character is in a file: cheap beside parsing it."""
    wanted = mark.encode()
    with path.open("rb") as file:
        while data := file.read(_BLOCK):
            if wanted in data:
                return True
    return False


def _row_pattern(dialect: Dialect) -> bytes:
    """A whole row of rewritten text, with its end."""
    delimiter, quote = re.escape(dialect.delimiter.encode()), re.escape(dialect.quote.encode())
    bare = rb"[^" + delimiter + rb"\r\n]*"
    value = rb"(?:" + quote + rb"(?:[^" + quote + rb"]|" + quote * 2 + rb")*" + quote + rb")?" + bare if quote else bare
    return value + rb"(?:" + delimiter + value + rb")*(?:\r\n|\n|\r)?"


def _unescaped(blocks: Iterator[bytes], dialect: Dialect) -> Iterator[bytes]:
    """Text whose quoted values are written as RFC 4180 says. Outside of quotes an escape character is a character."""
    mark, quote, escape = (re.escape(part.encode()) for part in (dialect.delimiter, dialect.quote, dialect.escape))
    value = re.compile(
        rb"(?<![^" + mark + rb"\r\n])" + quote + rb"(?:[^" + quote + escape + rb"]|" + quote * 2 + rb"|" + escape
        + rb"[\s\S])*(?:" + quote + rb"(?!" + quote + rb")|" + escape + rb"?\Z)"
    )  # fmt: skip
    plain_quote, plain_escape = dialect.quote.encode(), dialect.escape.encode()
    inner = re.compile(escape + rb"([" + quote + escape + rb"])")

    def rewritten(match: re.Match[bytes]) -> bytes:
        found = match[0]
        if plain_escape not in found:
            return found
        return inner.sub(lambda pair: plain_quote * 2 if pair[1] == plain_quote else plain_escape, found)

    held = b""
    for block in chain(blocks, [None]):
        text = held + (block or b"")
        cut = len(text)
        if block is not None:
            last = None
            for match in value.finditer(text):
                last = match
            if last is not None and last.end() == len(text):
                cut = last.start()
            else:
                # What follows the last quoted value is bare text: it is cut where a value begins.
                start = last.end() if last is not None else 0
                cut = max((text.rfind(one, start) for one in (dialect.delimiter.encode(), b"\n", b"\r")), default=-1)
                cut = start if cut < 0 else cut
        out = value.sub(rewritten, text[:cut]) if cut else b""
        held = text[cut:]
        if out:
            yield out


class _Chunks:
    """A file to read of blocks."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = b""
        self.closed = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._held) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._held += block
        found, self._held = (self._held, b"") if size < 0 else (self._held[:size], self._held[size:])
        return found

    def close(self) -> None:
        self.closed = True


def _slowly(file: BinaryIO, dialect: Dialect, progress: Progress) -> Iterator[pa.RecordBatch]:
    """Character by character, for dialects that Arrow has no form for."""
    import pyarrow as pa

    rows = read_rows(file, dialect)
    first = next(rows, None)
    if first is None:
        yield pa.record_batch([], names=[])
        return
    names = column_names(first, dialect.first_row_as_header)
    if not dialect.first_row_as_header:
        rows = chain([first], rows)
    empty = True
    while chunk := list(islice(rows, _ROWS)):
        progress.rows_read += len(chunk)
        kept = []
        for row in chunk:
            if len(row) > len(names):
                _too_many(row, len(names), progress)
            else:
                kept.append([*row, *[None] * (len(names) - len(row))])
        columns = list(zip(*kept, strict=True)) if kept else [()] * len(names)
        empty = False
        yield pa.record_batch([pa.array(column, pa.string()) for column in columns], names=names)
    if empty:
        yield pa.record_batch([pa.nulls(0, pa.string())] * len(names), names=names)
