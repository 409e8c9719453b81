"""SQL text: which tables it reads, and the same text with other names in their place. Pure.

The rest of the text is kept byte for byte, so the engine sees what the user wrote.
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-qry-select-table-reference
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported, UserError

if TYPE_CHECKING:
    from sqlglot import exp

_NOISE = re.compile(r"(?P<keep>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`]|``)*`)|--[^\n]*|/\*.*?\*/", re.DOTALL)
_FIRST_WORD = re.compile(r"[\s(]*([A-Za-z_]+)")
_READS = re.compile(r"\b(?:from|join|table)\b", re.IGNORECASE)
_AT_VERSION = re.compile(r"(?<=[\w`])@(?:[vV](?P<version>\d+)|(?P<time>\d{17}))(?=[\s,;)`]|$)")
_STREAM = re.compile(r"\bstream\s*(?P<bracket>\(\s*)?$", re.IGNORECASE)
_TRAVEL = re.compile(
    r"\s*(?:FOR\s+)?(?:SYSTEM_)?(?:(?P<version>VERSION)|(?P<time>TIMESTAMP|TIME))\s+AS\s+OF\s+"
    r"(?P<value>\d+|'[^']*'|\"[^\"]*\")",
    re.IGNORECASE,
)
_SAMPLE = re.compile(r"\s*TABLESAMPLE\s*\([^()]*\)(?:\s*REPEATABLE\s*\([^()]*\))?", re.IGNORECASE)
_CURRENT = re.compile(r"\bcurrent_(?:catalog|schema|database)\s*\(", re.IGNORECASE)
_CURRENT_OR_NOISE = re.compile(
    _NOISE.pattern + r"|(?P<call>\bcurrent_(?P<what>catalog|schema|database)\s*\(\s*\))", re.DOTALL | re.IGNORECASE
)
_ALONE_BEFORE = re.compile(r"(?:\bselect|,)\s*$", re.IGNORECASE)
_ALONE_AFTER = re.compile(r"\s*(?:,|$|\bfrom\b)", re.IGNORECASE)
_EXPLAIN = re.compile(
    r"\s*EXPLAIN\s+(?:(?P<mode>EXTENDED|CODEGEN|COST|FORMATTED)\s+)?(?!(?:EXTENDED|COST)\b)", re.IGNORECASE
)
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "FROM", "TABLE"})


@dataclass(frozen=True)
class TableRef:
    """A table that a text names. `start` to `end` is what a new name replaces, time travel and STREAM included."""

    start: int
    end: int
    parts: tuple[str, ...]
    alias: str
    """The alias as written, empty without one."""
    version: int | None = None
    timestamp: str | None = None
    streaming: bool = False
    tail: str = ""
    """A TABLESAMPLE, which stands between a name and its alias."""


@dataclass(frozen=True)
class _Qualifier:
    """The leading parts of a qualified column, `bronze.t.` of `bronze.t.x`, which a renamed table no longer has."""

    start: int
    end: int
    parts: tuple[str, ...]


def first_word(text: str) -> str:
    """The first keyword, in upper case; comments and brackets are passed over.

    >>> first_word("-- all of it\\n(select 1)")
    'SELECT'
    """
    match = _FIRST_WORD.match(_without_comments(text))
    return match[1].upper() if match else ""


def is_query(text: str) -> bool:
    """Whether a statement gives rows and changes nothing. `WITH … INSERT` is none."""
    word = first_word(text)
    if word == "WITH":
        return not re.search(r"\)\s*(?:INSERT|MERGE|UPDATE|DELETE)\b", _without_comments(text), re.IGNORECASE)
    return word in _QUERIES


def may_read_tables(text: str) -> bool:
    """Whether it is worth parsing a text for tables."""
    return _READS.search(text) is not None


@functools.lru_cache(maxsize=512)
def tables(text: str) -> tuple[TableRef, ...]:
    """The tables and views that a query names, in text order; not its own common table expressions.

    Raises `UserError` (PARSE_SYNTAX_ERROR) for text that cannot be read.
    """
    if not may_read_tables(text):
        return ()
    return tuple(sorted(_tables(text), key=lambda ref: ref.start))


def rename(text: str, names: Iterable[tuple[TableRef, str]]) -> str:
    """The text with each of these tables under another name, an alias keeping the old one for its columns."""
    chosen = list(names)
    edits = [
        (ref.start, ref.end, name + ref.tail + ("" if ref.alias else f" AS {_quote(ref.parts[-1])}"))
        for ref, name in chosen
    ]
    # A table function or path has no qualified columns; a table of several parts may.
    long_names = {tuple(part.lower() for part in ref.parts) for ref, _ in chosen if len(ref.parts) > 1}
    if long_names:
        edits += [
            (qualifier.start, qualifier.end, _quote(qualifier.parts[-1])) for qualifier in _qualifiers(text, long_names)
        ]
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def with_current_names(text: str, catalog: str, schema: str) -> str:
    """The text with `current_catalog()`, `current_schema()` and `current_database()` as what they are here.

    The engine's own session knows nothing of the project's catalog. A column that is only such a call keeps its name.
    """
    if not _CURRENT.search(text):
        return text

    def change(match: re.Match[str]) -> str:
        if match["keep"] is not None or match["call"] is None:
            return match[0]
        value = catalog if match["what"].lower() == "catalog" else schema
        literal = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        if _ALONE_BEFORE.search(text[: match.start()]) and _ALONE_AFTER.match(text, match.end()):
            return f"{literal} AS {_quote(match['call'].lower().replace(' ', ''))}"
        return literal

    return _CURRENT_OR_NOISE.sub(change, text)


def explained(text: str) -> tuple[str, str] | None:
    """The mode and the query of an EXPLAIN, None for any other text.

    >>> explained("EXPLAIN EXTENDED SELECT 1")
    ('extended', 'SELECT 1')
    """
    match = _EXPLAIN.match(text)
    return ((match["mode"] or "simple").lower(), text[match.end() :]) if match else None


def _tables(text: str) -> Iterator[TableRef]:
    from sqlglot import exp

    plain, at_ends = _without_at(text)
    tree = _parse(plain, text)
    for table in tree.find_all(exp.Table):
        parts = [part for part in table.parts if isinstance(part, exp.Identifier)]
        if not parts or len(parts) != len(table.parts) or _is_common_table(table, parts):
            continue
        start, end = parts[0].meta["start"], parts[-1].meta["end"] + 1
        version, timestamp = None, None
        if end in at_ends:
            end, version, timestamp = at_ends[end]
        travel = _TRAVEL.match(text, end)
        if travel:
            end = travel.end()
            value = travel["value"].strip("'\"")
            version, timestamp = (int(value), None) if travel["version"] else (None, value)
        elif table.args.get("version") is not None:
            raise Unsupported(
                f"The time travel of table '{table.name}' is not a number or a text in quotes",
                remedy="Write VERSION AS OF 3 or TIMESTAMP AS OF '2020-01-01'.",
            )
        sample = _SAMPLE.match(text, end)
        tail = ""
        if sample:
            tail, end = sample[0], sample.end()
        stream = _STREAM.search(text, 0, start)
        outer: Any = table
        if stream:
            start = stream.start()
            if stream["bracket"]:
                end = text.index(")", end) + 1
                outer = table.parent or table
        alias = table.alias or (outer.alias if isinstance(outer, exp.Expression) else "")
        yield TableRef(start, end, tuple(p.name for p in parts), alias, version, timestamp, stream is not None, tail)


def _without_at(text: str) -> tuple[str, dict[int, tuple[int, int | None, str | None]]]:
    """The text with every `@v3` blanked out, and by the place where a name then ends: real end, version, timestamp."""
    ends: dict[int, tuple[int, int | None, str | None]] = {}

    def blank(match: re.Match[str]) -> str:
        version = int(match["version"]) if match["version"] else None
        ends[match.start()] = (match.end(), version, match["time"])
        return " " * len(match[0])

    if "@" not in text:
        return text, ends
    masked = _NOISE.sub(lambda match: " " * len(match[0]), text)
    plain = text
    for match in _AT_VERSION.finditer(text):
        if masked[match.start()] == "@":
            plain = plain[: match.start()] + blank(match) + plain[match.end() :]
    return plain, ends


def _parse(plain: str, text: str) -> exp.Expression:
    import sqlglot

    try:
        tree = sqlglot.parse_one(plain, dialect="databricks")
    except sqlglot.errors.SqlglotError as error:
        raise UserError(f"PARSE_SYNTAX_ERROR: this SQL cannot be read: {error}") from error
    if tree is None:
        raise UserError(f"PARSE_SYNTAX_ERROR: this SQL is empty: {text!r}")
    return tree


def _is_common_table(table: exp.Table, parts: list[Any]) -> bool:
    """Whether a one-part name means a common table expression of a query around it."""
    from sqlglot import exp

    if len(parts) != 1:
        return False
    name = parts[0].name.lower()
    inner: exp.Expression | None = table
    while inner is not None:
        around = inner.args.get("with_") or inner.args.get("with")
        if around is not None:
            own = table.find_ancestor(exp.CTE)
            for common in around.expressions:
                if common is own and not around.args.get("recursive"):
                    break
                if common.alias.lower() == name:
                    return True
        inner = inner.parent
    return False


def _qualifiers(text: str, long_names: set[tuple[str, ...]]) -> Iterator[_Qualifier]:
    """Where columns (or stars) are qualified by two or more parts of one of these names."""
    from sqlglot import exp

    plain, _ = _without_at(text)
    for column in _parse(plain, text).find_all(exp.Column):
        parts = [part for part in column.parts if isinstance(part, exp.Identifier) and "start" in part.meta]
        names = tuple(part.name.lower() for part in parts)
        for count in (3, 2):
            if len(column.parts) > count and len(parts) >= count and _ends_with(long_names, names[:count]):
                yield _Qualifier(parts[0].meta["start"], parts[count - 1].meta["end"] + 1, names[:count])
                break


def _ends_with(long_names: set[tuple[str, ...]], parts: tuple[str, ...]) -> bool:
    """Whether the parts mean one of the names, written longer or shorter."""
    return any(name[-len(parts) :] == parts or parts[-len(name) :] == name for name in long_names)


def _without_comments(text: str) -> str:
    replace: Callable[[re.Match[str]], str] = lambda match: match["keep"] or " "  # noqa: E731
    return _NOISE.sub(replace, text)


def _quote(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
