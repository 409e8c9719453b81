"""The SQL of artifacts, written anew for the database that stands in: T-SQL for SQLite or PostgreSQL.

sqlglot does the work. What it cannot read or write is an error with its place in the text, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.sql.errors import refused
from reelhouse.adf.sql.tables import Table, find_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reelhouse.adf.sql.databases import Database

_MARK = "reelhouse_parameter_{}_"
_MARKED = re.compile(r"reelhouse_parameter_(\d+)_")
_READS = frozenset(("Select", "Union", "Intersect", "Except", "With", "Subquery", "Values", "Show", "Pragma"))
_NOT_HERE = frozenset(("Command", "IfBlock", "Execute", "Declare", "Set", "Block", "While", "Use"))
_CHARACTERS = ("char", "text", "clob", "character")
_EXCERPT = 60


@dataclass(frozen=True)
class Statement:
    """One statement as SQLAlchemy's `text` takes it. `names` are the parameters `:p0`, `:p1`, … stand for, in order."""

    text: str
    reads: bool
    names: Sequence[str] = field(default=())

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of its parameters, by the names in the text."""
        return {f"p{index}": values[name] for index, name in enumerate(self.names)}


def statements(
    connection: Connection, database: Database, sql: str, code: str, parameters: Sequence[str] = ()
) -> Iterator[Statement]:
    """The statements of a text, for this database, each made when the one before it has been run.

    `parameters` are the names that `@name` (T-SQL), `:name`, or `?` in their order may have in the text. Raises
    `ActivityFailed` with the place of what does not translate.
    """
    if not database.translates and not parameters:
        for part in split(sql, database.dialect, code):
            yield Statement(_escaped(part), _reads(part))
        return
    for tree in _parsed(database, sql, code):
        yield _written(connection, database, tree, sql, code, list(parameters))


def split(sql: str, dialect: str, code: str) -> Iterator[str]:
    """The statements of a text, each as it is written."""
    from sqlglot import tokenize
    from sqlglot.errors import TokenError
    from sqlglot.tokens import TokenType

    if dialect == "tsql":
        yield sql  # variables live as long as their batch
        return
    try:
        tokens = tokenize(sql, read=dialect if _known(dialect) else None)
    except TokenError as error:
        raise refused(code, "SqlInvalidDbQueryString", f"The SQL cannot be read: {error}") from None
    start: int | None = None
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            if start is not None:
                yield sql[start : token.start]
            start = None
        elif start is None:
            start = token.start
    if start is not None:
        yield sql[start:]


def _known(dialect: str) -> bool:
    from sqlglot import Dialect

    return dialect in Dialect.classes


def _escaped(sql: str) -> str:
    """Colons of the text are no parameters."""
    return sql.replace(":", "\\:")


def _reads(sql: str) -> bool:
    return bool(re.match(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*\(?\s*(?:select|with|values|show|pragma)\b", sql,
                         re.IGNORECASE | re.DOTALL)) or " returning " in " ".join(sql.lower().split())  # fmt: skip


def _parsed(database: Database, sql: str, code: str) -> list[Any]:
    from sqlglot import parse
    from sqlglot.errors import ErrorLevel, ParseError, TokenError

    spoken = database.spoken if database.target.translate else database.dialect
    try:
        trees = parse(sql, read=spoken, error_level=ErrorLevel.RAISE)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f"line {first.get('line')}, column {first.get('col')}" if first else "an unknown place"
        raise _untranslated(code, str(first.get("description") or error), where, sql) from None
    except TokenError as error:
        raise _untranslated(code, str(error), "an unknown place", sql) from None
    return [tree for tree in trees if tree is not None and type(tree).__name__ != "Semicolon"]


def _untranslated(code: str, why: str, where: str, sql: str) -> ActivityFailed:
    return refused(
        code,
        "SqlInvalidDbQueryString",
        f"The SQL cannot be translated ({why.strip().rstrip('.')}, at {where} of: {' '.join(sql.split())}). "
        "Rewrite it, or set translate = false in [sql] of reelhouse.toml and write it for the local database.",
    )


def _written(
    connection: Connection, database: Database, tree: Any, sql: str, code: str, parameters: list[str]
) -> Statement:
    from sqlglot import exp
    from sqlglot.errors import ErrorLevel, UnsupportedError

    kind = type(tree).__name__
    for node in tree.walk():
        name = type(node).__name__
        if name in _NOT_HERE and not (name == "Set" and node is not tree):
            excerpt = node.sql(dialect=database.spoken) or sql
            raise _untranslated(code, f"{name.upper()} is not known there", f"'{excerpt[:_EXCERPT]}'", sql)
    for node in list(tree.find_all(exp.National)):
        node.replace(exp.Literal.string(node.name))
    names = _parameters(tree, parameters, code, sql)
    found = _tables(connection, database, tree)
    if database.dialect in ("sqlite", "postgres") and database.spoken == "tsql":
        _concatenate(tree, found)
    if database.dialect == "postgres" and database.spoken != "postgres":
        _spell(tree, found)
    _place_schemas(connection, database, tree)
    if isinstance(tree, exp.TruncateTable) and database.dialect == "sqlite":
        tree = exp.Delete(this=tree.expressions[0])
    try:
        text = tree.sql(dialect=database.dialect, unsupported_level=ErrorLevel.RAISE, comments=False)
    except UnsupportedError as error:
        raise _untranslated(code, str(error), f"'{tree.sql(dialect=database.spoken)[:_EXCERPT]}'", sql) from None
    if not text.strip():
        raise _untranslated(code, f"{kind} is not known there", "its beginning", sql)
    text = _MARKED.sub(lambda match: f":p{match[1]}", _escaped(text))
    return Statement(text, kind in _READS or bool(tree.args.get("returning")), names)


def _parameters(tree: Any, known: list[str], code: str, sql: str) -> list[str]:
    """Put marks where parameters are; the names that the marks stand for, in order."""
    from sqlglot import exp

    lower = {name.lower().lstrip("@:"): name for name in known}
    names: list[str] = []
    for node in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        if isinstance(node.parent, exp.Parameter):
            continue
        given = node.this.name if isinstance(node.this, exp.Expression) else str(node.this or "")
        if not given and len(names) < len(known):
            name: str | None = known[len(names)]
        else:
            name = lower.get(given.lower())
        if name is None:
            raise _untranslated(code, f"'{given or '?'}' is no parameter", f"'{given or '?'}'", sql)
        node.replace(exp.Var(this=_MARK.format(len(names))))
        names.append(name)
    return names


def _tables(connection: Connection, database: Database, tree: Any) -> list[Table]:
    from sqlglot import exp

    seen = {(node.db, node.name) for node in tree.find_all(exp.Table) if node.name}
    found = (find_table(connection, database, schema, name) for schema, name in sorted(seen))
    return [table for table in found if table is not None]


def _concatenate(tree: Any, tables: Sequence[Table]) -> None:
    """`+` of texts is `||` elsewhere. A text is a literal, a cast to one, or a column that is declared so."""
    from sqlglot import exp

    columns = {
        column.name.lower()
        for table in tables
        for column in table.columns
        if any(word in column.declared.lower() for word in _CHARACTERS)
    }

    def is_text(node: Any) -> bool:
        if isinstance(node, exp.Paren):
            return is_text(node.this)
        if isinstance(node, exp.Column):
            return node.name.lower() in columns
        if isinstance(node, exp.Cast):
            return bool(node.to.is_type(*exp.DataType.TEXT_TYPES))
        if isinstance(node, exp.Add | exp.DPipe):
            return is_text(node.this) or is_text(node.expression)
        if isinstance(node, exp.Coalesce):
            return is_text(node.this) or any(is_text(item) for item in node.expressions)
        texts = (exp.Upper, exp.Lower, exp.Substring, exp.Trim, exp.Replace, exp.Concat, exp.Left, exp.Right)
        return isinstance(node, texts) or (isinstance(node, exp.Literal) and node.is_string)

    for node in list(tree.find_all(exp.Add)):
        if is_text(node):
            node.replace(exp.DPipe(this=node.this, expression=node.expression, safe=False))


def _spell(tree: Any, tables: Sequence[Table]) -> None:
    """PostgreSQL tells upper from lower case, T-SQL does not: names get the case that the tables have."""
    from sqlglot import exp

    actual = {column.name.lower(): column.name for table in tables for column in table.columns}
    actual.update({table.name.lower(): table.name for table in tables})
    for node in tree.find_all(exp.Alias):
        actual.setdefault(node.alias.lower(), node.alias)
    for node in tree.find_all(exp.Identifier):
        name = actual.get(node.name.lower())
        if name is not None and (name != node.name or name != name.lower()):
            node.set("this", name)
            node.set("quoted", True)


def _place_schemas(connection: Connection, database: Database, tree: Any) -> None:
    from sqlglot import exp

    ctes = {node.alias.lower() for node in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        if not node.name or (not node.db and node.name.lower() in ctes):
            continue
        schema = database.schema(node.db)
        database.attach(connection, schema)
        node.set("catalog", None)
        node.set("db", exp.to_identifier(schema, quoted=True) if schema else None)
        for column in tree.find_all(exp.Column):
            if column.db and column.db == node.db and schema is None:
                column.set("db", None)
    for column in tree.find_all(exp.Column):
        if column.db and database.schema(column.db) is None:
            column.set("db", None)
            column.set("catalog", None)
