"""CSV files with line ends inside values (`multiLine`).

Regular stretches go to pyarrow; from the first stretch that is not regular on, the file goes record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from reelhouse.autoloader.csv_blocks import Block, matches, parse_regular, refuse_malformed, sparse
from reelhouse.autoloader.csv_lines import skip_bom
from reelhouse.autoloader.dialect import NONE, Dialect, Mode
from reelhouse.autoloader.regular import regular
from reelhouse.autoloader.tokens import Tokens

BLOCK_BYTES = 2 << 20
_LINE_ENDS = "\r\n"


def document_blocks(path: str, dialect: Dialect, width: int) -> Iterator[Block]:
    """Regular stretches by pyarrow; from the first stretch that is not, the rest of the file record by record."""
    done = 0
    separator = _first_separator(path, dialect)
    expressions = regular(dialect, width, separator) if separator in ("\n", "\r\n") else None
    quick = expressions is not None and dialect.encoding == "utf-8" and dialect.comment == NONE
    quick = quick and not dialect.skip_rows
    header = dialect.header
    if quick and expressions:
        with open(path, "rb") as file:
            skip_bom(file)
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
                if not matches(part, expressions.block):
                    break
                block = replace(parse_regular(part, dialect, width), raws=_raws(part, dialect, separator, header))
                if header and block.rows:
                    header = False
                    block = replace(block, columns=[column[1:] for column in block.columns], rows=block.rows - 1)
                if block.rows:
                    yield block
                begin += cut
                if last:
                    return
            done = begin
    text = document_text(path, dialect, done)
    tokens = Tokens(dialect, separator)
    yield from _token_blocks(text, tokens, dialect, width, header)


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


def _token_blocks(text: str, tokens: Tokens, dialect: Dialect, width: int, header: bool) -> Iterator[Block]:
    rows: list[list[str | None]] = []
    raws: list[str] = []
    corrupt: dict[int, str] = {}
    for values, raw in tokens.records(text):
        if header:
            header = False
            continue
        if len(values) != width:
            refuse_malformed(dialect, raw, len(values), width)
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
    return Block(columns, sparse(corrupt, len(rows)) if corrupt else None, len(rows), lambda: raws)


def _first_separator(path: str, dialect: Dialect) -> str:
    """The line end of a file that is read over many lines: the option, or the first line end there is."""
    if dialect.line_separator:
        return dialect.line_separator
    with open(path, "rb") as file:
        head = file.read(1 << 20)
    return separator_of(head.decode(dialect.encoding, "ignore"), dialect)


def separator_of(text: str, dialect: Dialect) -> str:
    if dialect.line_separator:
        return dialect.line_separator
    at = min((found for end in _LINE_ENDS if (found := text.find(end)) >= 0), default=-1)
    if at < 0:
        return "\n"
    return text[at : at + 2] if text[at : at + 2] == "\r\n" else text[at]


def document_text(path: str, dialect: Dialect, start: int = 0) -> str:
    with open(path, "rb") as file:
        file.seek(start)
        text = file.read().decode(dialect.encoding, "replace").removeprefix("\ufeff")
    for _ in range(dialect.skip_rows):
        text = text.partition(separator_of(text, dialect))[2]
    return text
