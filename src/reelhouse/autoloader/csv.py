"""CSV files as Arrow columns of text, with the values that Spark reads from them.

Regular text (see `regular.py`) is read by pyarrow; irregular records are taken apart by `tokens.py` and put back in
regular form, so that the columns of a block always come from one vectorised pass and in the file's order.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from reelhouse.autoloader.dialect import NONE, Dialect, Mode
from reelhouse.autoloader.regular import Regular, regular
from reelhouse.autoloader.tokens import BLANKS, Tokens
from reelhouse.errors import UserError

BLOCK_BYTES = 4 << 20
_BOM = codecs.BOM_UTF8
_BLANKS = BLANKS.encode()
_LINE_ENDS = "\r\n"


@dataclass(frozen=True)
class Block:
    """Some rows of a file: `columns` by position, all text; `corrupt` holds the raw text of malformed records."""

    columns: list[pa.Array]
    corrupt: pa.Array | None
    rows: int
    raws: Callable[[], Sequence[str]] = tuple
    """Gives the raw text of each row."""


@dataclass(frozen=True)
class Span:
    """A part of a file: the records that begin in `start` up to `end`."""

    start: int
    end: int


def read_header(path: str, dialect: Dialect) -> list[str]:
    """The column names of a file: its header as Spark names columns, or `_c0`, `_c1`, … when it has none.

    Empty for a file without records.
    """
    values = _first_record(path, dialect)
    if values is None:
        return []
    if not dialect.header:
        return [f"_c{i}" for i in range(len(values))]
    return safe_names([value or "" for value in values])


def safe_names(values: Sequence[str], *, case_sensitive: bool = False) -> list[str]:
    """Header values as column names: an empty one becomes `_c<position>`, one that comes twice gets its position.

    >>> safe_names(["id", "", "ID"])
    ['id0', '_c1', 'ID2']
    """
    folded = [value if case_sensitive else value.lower() for value in values]
    return [
        f"_c{i}" if not value else f"{value}{i}" if folded.count(folded[i]) > 1 else value
        for i, value in enumerate(values)
    ]


def read_blocks(path: str, dialect: Dialect, width: int, span: Span | None = None) -> Iterator[Block]:
    """The records of a file, or of a span of it, as blocks of `width` columns of text; the header is left out.

    Raises `UserError` in mode FAILFAST for a record that has not `width` values.
    """
    if dialect.multi_line:
        yield from _many_line_blocks(path, dialect, width)
        return
    expressions = regular(dialect, width)
    tokens = Tokens(dialect)
    for data in _drop_header(_line_blocks(path, dialect, span), dialect, span):
        block = _block_of_lines(data, dialect, width, expressions, tokens, path)
        if block.rows:
            yield block


def can_split(path: str, dialect: Dialect) -> bool:
    """Whether parts of the file can be read on their own."""
    if dialect.multi_line or dialect.line_separator or dialect.encoding not in ("utf-8", "ascii", "iso8859-1"):
        return False
    with open(path, "rb") as file:
        return b"\n" in file.read(1 << 16)


# --- one record per line ------------------------------------------------------------------------------------------


def _line_blocks(path: str, dialect: Dialect, span: Span | None) -> Iterator[bytes]:
    """Whole lines of a file in UTF-8, some megabytes at a time."""
    size = os.path.getsize(path)
    start, end = (span.start, min(span.end, size)) if span else (0, size)
    rest = b""
    with open(path, "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline()
        else:
            _skip_bom(file.read(3), file)
        decoder = None if dialect.encoding == "utf-8" else codecs.getincrementaldecoder(dialect.encoding)("replace")
        ending = (dialect.line_separator or "\n").encode()
        while file.tell() < end:
            data = file.read(min(BLOCK_BYTES, end - file.tell()))
            if file.tell() >= end and end < size:
                data += file.readline() if not data.endswith(b"\n") else b""
            if decoder:
                data = decoder.decode(data, file.tell() >= size).removeprefix("\ufeff").encode()
            data = rest + data
            cut = data.rfind(ending) + len(ending) if file.tell() < end else len(data)
            if cut >= len(ending):
                rest = data[cut:]
                yield data[:cut]
            else:
                rest = data
    if rest:
        yield rest


def _skip_bom(head: bytes, file: object) -> None:
    if head != _BOM:
        file.seek(0)  # type: ignore[attr-defined]  # any binary file


def _lines(data: bytes, dialect: Dialect) -> list[bytes]:
    """The lines of a block that hold a record: not blank, not a comment."""
    lines = data.split(dialect.line_separator.encode()) if dialect.line_separator else data.splitlines()
    lines = [line for line in lines if line.strip(_BLANKS)]
    if dialect.comment != NONE:
        comment = dialect.comment.encode()
        lines = [line for line in lines if not line.startswith(comment)]
    return lines


def _drop_header(blocks: Iterator[bytes], dialect: Dialect, span: Span | None) -> Iterator[bytes]:
    """The blocks without the rows to skip and without the header line, which stand at the file's beginning."""
    skip, header = dialect.skip_rows, dialect.header
    if span and span.start:
        skip, header = 0, False
    ending = dialect.line_separator.encode()
    for data in blocks:
        while data and (skip or header):
            line, data = _split_line(data, ending)
            if skip:
                skip -= 1
            elif _lines(line, dialect):
                header = False
        if data:
            yield data


def _split_line(data: bytes, ending: bytes) -> tuple[bytes, bytes]:
    if ending:
        line, _, rest = data.partition(ending)
        return line, rest
    line_feed, carriage_return = data.find(b"\n"), data.find(b"\r")
    ends = [at for at in (line_feed, carriage_return) if at >= 0]
    if not ends:
        return data, b""
    end = min(ends)
    return data[:end], data[end + (2 if data[end : end + 2] == b"\r\n" else 1) :]


def _first_record(path: str, dialect: Dialect) -> list[str | None] | None:
    if dialect.multi_line:
        text = _text(path, dialect)
        return next((values for values, _ in Tokens(dialect, _separator(text, dialect)).records(text)), None)
    skip = dialect.skip_rows
    for data in _line_blocks(path, dialect, None):
        while data:
            line, data = _split_line(data, dialect.line_separator.encode())
            if skip:
                skip -= 1
            elif _lines(line, dialect):
                return Tokens(dialect).line(line.decode("utf-8", "replace"))
    return None


def _block_of_lines(
    data: bytes, dialect: Dialect, width: int, expressions: Regular | None, tokens: Tokens, path: str
) -> Block:
    if (
        expressions
        and not dialect.line_separator
        and dialect.comment == NONE
        and pc.match_substring_regex(pa.array([data], pa.binary()), expressions.block)[0].as_py()
    ):
        return replace(_parse(data, dialect, width), raws=lambda: _texts(_lines(data, dialect)))
    lines = _lines(data, dialect)
    originals = list(lines)
    corrupt: dict[int, str] = {}
    dropped: list[int] = []
    for at in _irregular_lines(lines, expressions):
        text = lines[at].decode("utf-8", "replace")
        values = tokens.line(text)
        if len(values) != width:
            if dialect.mode is Mode.DROPMALFORMED:
                dropped.append(at)
            corrupt[at] = text
            _refuse_malformed(dialect, text, path)
        lines[at] = _regular_form(values, dialect, width)
    if dropped:
        gone = set(dropped)
        lines = [line for at, line in enumerate(lines) if at not in gone]
        originals = [line for at, line in enumerate(originals) if at not in gone]
        corrupt = {}
    if not lines:
        return Block([], None, 0)
    block = _parse(b"\n".join(lines) + b"\n", dialect, width, keep_empty=True)
    return replace(block, corrupt=_sparse(corrupt, block.rows) if corrupt else None, raws=lambda: _texts(originals))


def _texts(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace") for line in lines]


def _irregular_lines(lines: list[bytes], expressions: Regular | None) -> Sequence[int]:
    if expressions is None:
        return range(len(lines))
    matches = pc.match_substring_regex(pa.array(lines, pa.binary()), expressions.record)
    found: list[int] = pc.indices_nonzero(pc.invert(matches)).to_pylist()
    return found


def _regular_form(values: Sequence[str | None], dialect: Dialect, width: int) -> bytes:
    """The record in quotes, with nothing between delimiters for a null."""
    delimiter, quote = _form(dialect, width)
    cells = ["" if value is None else _in_quotes(value, quote) for value in values[:width]]
    cells += [""] * (width - len(cells))
    return delimiter.join(cells).encode()


def _in_quotes(value: str, quote: str) -> str:
    return quote + value.replace(quote, quote * 2) + quote if quote else value


def _refuse_malformed(dialect: Dialect, text: str, path: str) -> None:
    if dialect.mode is Mode.FAILFAST:
        raise UserError(
            f"[MALFORMED_RECORD_IN_PARSING] A malformed record is in {path}, and mode is FAILFAST: {text[:500]!r}",
            remedy="Read it with mode PERMISSIVE or DROPMALFORMED.",
        )


def _sparse(values: dict[int, str], size: int) -> pa.Array:
    texts: list[str | None] = [None] * size
    for at, text in values.items():
        texts[at] = text
    return pa.array(texts, pa.string())


# --- records over many lines --------------------------------------------------------------------------------------


def _many_line_blocks(path: str, dialect: Dialect, width: int) -> Iterator[Block]:
    """Regular stretches by pyarrow; from the first stretch that is not, the rest of the file record by record."""
    done = 0
    separator = _first_separator(path, dialect)
    expressions = regular(dialect, width, separator) if separator in ("\n", "\r\n") else None
    quick = expressions is not None and dialect.encoding == "utf-8" and dialect.comment == NONE
    header = dialect.header
    if quick and expressions:
        with open(path, "rb") as file:
            _skip_bom(file.read(3), file)
            begin, rest = file.tell(), b""
            while quick:
                data = file.read(BLOCK_BYTES)
                last = len(data) < BLOCK_BYTES
                data = rest + data
                if not data:
                    return
                cut = len(data) if last else _even_cut(data, dialect)
                if not cut:
                    rest = data
                    continue
                part, rest = data[:cut], data[cut:]
                if not pc.match_substring_regex(pa.array([part], pa.binary()), expressions.block)[0].as_py():
                    break
                block = replace(_parse(part, dialect, width), raws=_raws(part, dialect, separator, header))
                if header and block.rows:
                    header = False
                    block = replace(block, columns=[column[1:] for column in block.columns], rows=block.rows - 1)
                if block.rows:
                    yield block
                begin += cut
                if last:
                    return
            done = begin
    text = _text(path, dialect, done)
    tokens = Tokens(dialect, separator)
    yield from _token_blocks(text, tokens, dialect, width, header, path)


def _raws(part: bytes, dialect: Dialect, separator: str, header: bool) -> Callable[[], Sequence[str]]:
    def raws() -> Sequence[str]:
        found = [raw for _, raw in Tokens(dialect, separator).records(part.decode("utf-8", "replace"))]
        return found[1:] if header else found

    return raws


def _even_cut(data: bytes, dialect: Dialect) -> int:
    """Where the last line ends that has an even number of quotes before it; 0 if none does."""
    quote = dialect.quote.encode()
    cut = data.rfind(b"\n") + 1
    quotes = data.count(quote, 0, cut)
    while cut and quotes % 2:
        before = data.rfind(b"\n", 0, cut - 1) + 1
        quotes -= data.count(quote, before, cut)
        cut = before
    return cut


def _token_blocks(text: str, tokens: Tokens, dialect: Dialect, width: int, header: bool, path: str) -> Iterator[Block]:
    rows: list[list[str | None]] = []
    raws: list[str] = []
    corrupt: dict[int, str] = {}
    for values, raw in tokens.records(text):
        if header:
            header = False
            continue
        if len(values) != width:
            _refuse_malformed(dialect, raw, path)
            if dialect.mode is Mode.DROPMALFORMED:
                continue
            corrupt[len(rows)] = raw
            values = (values + [None] * width)[:width]
        rows.append(values)
        raws.append(raw)
        if len(rows) >= 16384:
            yield _block_of_rows(rows, raws, corrupt, width)
            rows, raws, corrupt = [], [], {}
    if rows:
        yield _block_of_rows(rows, raws, corrupt, width)


def _block_of_rows(rows: list[list[str | None]], raws: list[str], corrupt: dict[int, str], width: int) -> Block:
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(width)]
    return Block(columns, _sparse(corrupt, len(rows)) if corrupt else None, len(rows), lambda: raws)


def _first_separator(path: str, dialect: Dialect) -> str:
    """The line end of a file that is read over many lines: the option, or the first line end there is."""
    if dialect.line_separator:
        return dialect.line_separator
    with open(path, "rb") as file:
        head = file.read(1 << 20)
    return _separator(head.decode(dialect.encoding, "ignore"), dialect)


def _separator(text: str, dialect: Dialect) -> str:
    if dialect.line_separator:
        return dialect.line_separator
    at = min((found for end in _LINE_ENDS if (found := text.find(end)) >= 0), default=-1)
    if at < 0:
        return "\n"
    return text[at : at + 2] if text[at : at + 2] == "\r\n" else text[at]


def _text(path: str, dialect: Dialect, start: int = 0) -> str:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read().decode(dialect.encoding, "replace").removeprefix("\ufeff")


# --- regular text to columns --------------------------------------------------------------------------------------


def _parse(data: bytes, dialect: Dialect, width: int, *, keep_empty: bool = False) -> Block:
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
