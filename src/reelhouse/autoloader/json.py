"""JSON files, a record per line or a document per file, with the values that Spark reads from them.

Records of plain strings are read by pyarrow. All others are taken apart here, so that the text of a number or of a
nested value stays as it stands in the file. https://spark.apache.org/docs/latest/sql-data-sources-json.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json.decoder import scanstring  # type: ignore[attr-defined]  # as documented in json.decoder, untyped

import pyarrow as pa
import pyarrow.json as pa_json

from reelhouse.autoloader.dialect import Dialect, Mode
from reelhouse.autoloader.shape import Rows
from reelhouse.autoloader.text import read_text
from reelhouse.errors import UserError

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODE = json.JSONDecoder().raw_decode
_CHUNK = 8192
_AS_TEXT = ("string", "date", "timestamp", "timestamp_ltz", "timestamp_ntz", "binary", "decimal", "varchar", "char")
_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)


@dataclass(frozen=True)
class Token:
    """A value of a record: its text in the file, and the string it stands for when it is one."""

    raw: str
    string: str | None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Record = dict[str, Token | None]
"""The fields of a record; None for a JSON null."""


def read_json(path: str, dialect: Dialect, kinds: Mapping[str, str], *, quick: bool) -> Iterator[Rows]:
    """The records of a file as rows of text, under the names that the file has.

    Args:
        path: the file.
        dialect: `multi_line`, `mode`, `line_separator` and `encoding` of it count.
        kinds: the types of the columns that are wanted. A string of a text-like type comes as its value, anything else
            as it stands in the file.
        quick: whether fields beside `kinds` can be left out.

    Raises `UserError` in mode FAILFAST for text that is no JSON record.
    """
    plain = quick and not dialect.multi_line and all(kind == "string" for kind in kinds.values())
    for block in _blocks(path, dialect):
        rows = _strings(block, list(kinds)) if plain else None
        yield from [rows] if rows else _careful(block, dialect, kinds)


def texts(path: str, dialect: Dialect) -> Iterator[str]:
    """The texts of a file that hold records: its lines that are not blank, or the file as a whole."""
    for block in _blocks(path, dialect):
        yield from block


def _blocks(path: str, dialect: Dialect) -> Iterator[list[str]]:
    for lines in read_text(
        path, whole=dialect.multi_line, line_separator=dialect.line_separator, encoding=dialect.encoding
    ):
        yield [line.removeprefix("\ufeff") for line in lines.to_pylist() if line and not line.isspace()]


def records(text: str) -> list[Record]:
    """The records of a JSON text: an object is one, an array has several. Raises `ValueError` for anything else.

    Strings may be in single quotes, as Spark allows by default.
    """
    try:
        return _records(text)
    except ValueError:
        if "'" not in text:
            raise
        return _records(_QUOTED.sub(_double_quoted, text))


def _double_quoted(match: re.Match[str]) -> str:
    inner = match[1]
    return match[0] if inner is None else '"' + inner.replace("\\'", "'").replace('"', '\\"') + '"'


def _records(text: str) -> list[Record]:
    position = _skip(text, 0)
    if text.startswith("[", position):
        found: list[Record] = []
        position = _skip(text, position + 1)
        if text.startswith("]", position):
            return found
        while True:
            record, position = _object(text, position)
            found.append(record)
            position = _skip(text, position)
            if text.startswith("]", position):
                return found
            position = _skip(text, _expect(text, position, ","))
    return [_object(text, position)[0]]


def _object(text: str, position: int) -> tuple[Record, int]:
    record: Record = {}
    position = _skip(text, _expect(text, position, "{"))
    if text.startswith("}", position):
        return record, position + 1
    while True:
        name, position = scanstring(text, _expect(text, position, '"'), True)
        position = _skip(text, _expect(text, _skip(text, position), ":"))
        try:
            value, end = _DECODE(text, position)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        record[name] = None if value is None else Token(text[position:end], value if isinstance(value, str) else None)
        position = _skip(text, end)
        if text.startswith("}", position):
            return record, position + 1
        position = _skip(text, _expect(text, position, ","))


def _skip(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]  # matches always


def _expect(text: str, position: int, char: str) -> int:
    if not text.startswith(char, position):
        raise ValueError(f"{char} expected at {position}")
    return position + 1


def _careful(texts: Sequence[str], dialect: Dialect, kinds: Mapping[str, str]) -> Iterator[Rows]:
    found: list[Record] = []
    raws: list[str] = []
    corrupt: list[str | None] = []
    for text in texts:
        try:
            parsed, bad = records(text), None
        except ValueError:
            if dialect.mode is Mode.FAILFAST:
                raise UserError(
                    f"[MALFORMED_RECORD_IN_PARSING] A record is not JSON, and mode is FAILFAST: {text[:200]!r}",
                    remedy="Read it with mode PERMISSIVE or DROPMALFORMED.",
                ) from None
            parsed, bad = [] if dialect.mode is Mode.DROPMALFORMED else [{}], text
        found += parsed
        raws += [text] * len(parsed)
        corrupt += [bad] * len(parsed)
        if len(found) >= _CHUNK:
            yield _rows(found, raws, corrupt, kinds)
            found, raws, corrupt = [], [], []
    if found:
        yield _rows(found, raws, corrupt, kinds)


def _rows(
    found: Sequence[Record], raws: Sequence[str], corrupt: Sequence[str | None], kinds: Mapping[str, str]
) -> Rows:
    names = list(dict.fromkeys(name for record in found for name in record))
    columns = []
    raw_columns = set()
    for at, name in enumerate(names):
        kind = kinds.get(name, "").partition("(")[0]
        text_like = kind in _AS_TEXT
        take = _raw if not text_like else _moment if kind in ("timestamp", "timestamp_ltz") else _value
        if not text_like:
            raw_columns.add(at)
        columns.append(pa.array([take(record.get(name)) for record in found], pa.string()))
    return Rows(
        names,
        columns,
        len(found),
        pa.array(corrupt, pa.string()) if any(text is not None for text in corrupt) else None,
        lambda: raws,
        frozenset(raw_columns),
    )


def _value(token: Token | None) -> str | None:
    return None if token is None else token.raw if token.string is None else token.string


def _moment(token: Token | None) -> str | None:
    """A number stands for seconds since 1970."""
    if token is None or token.string is not None or not token.raw.lstrip("-").isdigit():
        return _value(token)
    try:
        return (_EPOCH + timedelta(seconds=int(token.raw))).isoformat()
    except OverflowError:
        return token.raw


def _raw(token: Token | None) -> str | None:
    return None if token is None else token.raw


def _strings(texts: Sequence[str], names: Sequence[str]) -> Rows | None:
    """The records by pyarrow, when all wanted fields are strings; None when something is not as plain as that."""
    if not texts:
        return None
    try:
        table = pa_json.read_json(
            pa.py_buffer("\n".join(texts).encode()),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=1 << 30),
            parse_options=pa_json.ParseOptions(
                explicit_schema=pa.schema([(name, pa.string()) for name in names]), unexpected_field_behavior="ignore"
            ),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    if table.num_rows != len(texts):
        return None
    columns = [table.column(name).combine_chunks() for name in names]
    columns = [pa.concat_arrays(c.chunks) if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return Rows(list(names), columns, table.num_rows, None, lambda: texts)
