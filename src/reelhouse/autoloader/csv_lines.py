"""CSV files with a record on each line: cut into blocks of lines, and those into columns.

A block that is regular as it stands goes to pyarrow. One in which single records need care has those put in regular
form first, so it still takes one vectorised pass and rows keep the file's order.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from reelhouse.autoloader.csv_blocks import Block, matches, parse_regular, refuse_malformed, regular_form, sparse
from reelhouse.autoloader.dialect import NONE, Dialect, Mode
from reelhouse.autoloader.regular import Regular, regular
from reelhouse.autoloader.tokens import BLANKS, Tokens

BLOCK_BYTES = 2 << 20
_BLANKS = BLANKS.encode()
_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Span:
    """A part of a file: the records that begin in `start` up to `end`."""

    start: int
    end: int


def whole_lines(path: str, dialect: Dialect, span: Span | None) -> Iterator[bytes]:
    """Whole lines of a file in UTF-8, some megabytes at a time."""
    size = os.path.getsize(path)
    start, end = (span.start, min(span.end, size)) if span else (0, size)
    rest = b""
    with open(path, "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline()
        else:
            skip_bom(file)
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


def skip_bom(file: BinaryIO) -> None:
    """Go past a byte order mark, if the file begins with one."""
    if file.read(3) != codecs.BOM_UTF8:
        file.seek(0)


def record_lines(data: bytes, dialect: Dialect) -> list[bytes]:
    """The lines of a block that hold a record: not blank, not a comment."""
    lines = data.split(dialect.line_separator.encode()) if dialect.line_separator else data.splitlines()
    lines = [line for line in lines if line.strip(_BLANKS)]
    if dialect.comment != NONE:
        comment = dialect.comment.encode()
        lines = [line for line in lines if not line.startswith(comment)]
    return lines


def without_header(blocks: Iterator[bytes], dialect: Dialect, span: Span | None) -> Iterator[bytes]:
    """The blocks without the rows to skip and without the header line, which stand at the file's beginning."""
    skip, header = dialect.skip_rows, dialect.header
    if span and span.start:
        skip, header = 0, False
    ending = dialect.line_separator.encode()
    for data in blocks:
        while data and (skip or header):
            line, data = split_line(data, ending)
            if skip:
                skip -= 1
            elif record_lines(line, dialect):
                header = False
        if data:
            yield data


def split_line(data: bytes, ending: bytes) -> tuple[bytes, bytes]:
    if ending:
        line, _, rest = data.partition(ending)
        return line, rest
    line_feed, carriage_return = data.find(b"\n"), data.find(b"\r")
    ends = [at for at in (line_feed, carriage_return) if at >= 0]
    if not ends:
        return data, b""
    end = min(ends)
    return data[:end], data[end + (2 if data[end : end + 2] == b"\r\n" else 1) :]


def block_of_lines(data: bytes, dialect: Dialect, width: int, expressions: Regular | None, tokens: Tokens) -> Block:
    if expressions and not dialect.line_separator and dialect.comment == NONE and not _has_blank_line(data, dialect):
        whole = data if matches(data, expressions.block) else _repaired(data, dialect, width, tokens)
        if whole is not None:
            return replace(parse_regular(whole, dialect, width), raws=lambda: _texts(record_lines(data, dialect)))
    lines = record_lines(data, dialect)
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
            refuse_malformed(dialect, text, len(values), width)
        lines[at] = regular_form(values, dialect, width)
    if dropped:
        gone = set(dropped)
        lines = [line for at, line in enumerate(lines) if at not in gone]
        originals = [line for at, line in enumerate(originals) if at not in gone]
        corrupt = {}
    if not lines:
        return Block([], None, 0)
    block = parse_regular(b"\n".join(lines) + b"\n", dialect, width, keep_empty=True)
    return replace(block, corrupt=sparse(corrupt, block.rows) if corrupt else None, raws=lambda: _texts(originals))


def _has_blank_line(data: bytes, dialect: Dialect) -> bool:
    """Whether a line is blank for Spark, which skips it, but a record for others; only if the delimiter is a blank."""
    return dialect.delimiter <= " " and matches(data, r"(?:\A|[\r\n])[\x00-\x20]*\t[\x00-\x20]*(?:\z|[\r\n])")


def _repaired(data: bytes, dialect: Dialect, width: int, tokens: Tokens) -> bytes | None:
    """The block with each line that has a doubled quote or an escape in regular form; None if that is not all there is.

    Lines without either mean the same whatever the escape is, so the result can be checked as RFC 4180.
    """
    rfc = regular(replace(dialect, escape=dialect.quote, escape_of_escape=NONE), width)
    if rfc is None or width == 1 or dialect.is_rfc_4180 or dialect.quote == NONE:
        return None
    escapes = {dialect.quote * 2, dialect.escape, dialect.escape_of_escape} - {NONE}
    marks = re.compile(b"|".join(re.escape(text.encode()) for text in escapes))
    pieces: list[bytes] = []
    done = 0
    while mark := marks.search(data, done):
        start = max(data.rfind(b"\n", done, mark.start()), data.rfind(b"\r", done, mark.start()), done - 1) + 1
        found = _LINE_END.search(data, mark.start())
        end = found.start() if found else len(data)
        values = tokens.line(data[start:end].decode("utf-8", "replace"))
        if len(values) != width:
            return None
        pieces += (data[done:start], regular_form(values, dialect, width))
        done = end
    pieces.append(data[done:])
    whole = b"".join(pieces)
    return whole if matches(whole, rfc.block) else None


def _irregular_lines(lines: list[bytes], expressions: Regular | None) -> Sequence[int]:
    if expressions is None:
        return range(len(lines))
    matches = pc.match_substring_regex(pa.array(lines, pa.binary()), expressions.record)
    found: list[int] = pc.indices_nonzero(pc.invert(matches)).to_pylist()
    return found


def _texts(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace") for line in lines]
