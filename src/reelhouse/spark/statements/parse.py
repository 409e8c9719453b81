"""From SQL text to a statement. Pure.

https://docs.databricks.com/aws/en/sql/language-manual/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from reelhouse.errors import Unsupported
from reelhouse.spark.statements import parse_rows, parse_tables
from reelhouse.spark.statements.statement import (
    Analyze,
    CommentOn,
    CreateCatalog,
    CreateSchema,
    Describe,
    DropCatalog,
    DropSchema,
    DropTable,
    Optimize,
    Refresh,
    ResetConf,
    Restore,
    SetConf,
    Show,
    Statement,
    UseCatalog,
    UseSchema,
    Vacuum,
)
from reelhouse.spark.statements.tokens import Cursor, Kind

SUPPORTED = (
    "ALTER TABLE",
    "ANALYZE TABLE",
    "COMMENT ON",
    "CREATE CATALOG, SCHEMA, TABLE, VIEW",
    "DELETE",
    "DESCRIBE TABLE, SCHEMA, CATALOG, HISTORY, DETAIL",
    "DROP CATALOG, SCHEMA, TABLE, VIEW",
    "INSERT",
    "MERGE",
    "OPTIMIZE",
    "REFRESH",
    "RESET",
    "RESTORE",
    "SET",
    "SHOW CATALOGS, SCHEMAS, TABLES, VIEWS, COLUMNS, TBLPROPERTIES, PARTITIONS, CREATE TABLE",
    "TRUNCATE",
    "UPDATE",
    "USE",
    "VACUUM",
)
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*([A-Za-z]+|\()", re.S)
_QUERIES = frozenset({"SELECT", "WITH", "FROM", "VALUES", "TABLE", "EXPLAIN", "MAP", "REDUCE", "("})
_ENGINE_DESCRIBES = frozenset({"QUERY", "SELECT", "WITH", "FROM", "VALUES", "FUNCTION"})


def is_statement(text: str) -> bool:
    """Whether `text` is a statement for this package; if not it is a query, which the engine runs. Costs nothing."""
    match = _FIRST_WORD.match(text)
    if match is None or match[1].upper() in _QUERIES:
        return False
    if match[1].upper() in ("DESCRIBE", "DESC", "SHOW"):
        following = re.match(r"\s+([A-Za-z]+)", text[match.end() :])
        second = following[1].upper() if following else ""
        return second not in _ENGINE_DESCRIBES and second not in ("FUNCTIONS", "ALL", "USER", "SYSTEM")
    return True


def parse(text: str) -> Statement:
    """The statement that `text` is. Raises `UserError` (PARSE_SYNTAX_ERROR), or `Unsupported` naming what it is."""
    cursor = Cursor(text)
    word = cursor.token.text.upper()
    parser = _PARSERS.get(word)
    if parser is None or cursor.token.kind is not Kind.WORD:
        raise unsupported(cursor)
    statement = parser(cursor)
    cursor.expect_end()
    return statement


def unsupported(cursor: Cursor) -> Unsupported:
    """The refusal of a statement, by the first words of its text."""
    words = []
    for token in Cursor(cursor.text)._tokens[:3]:
        if token.kind is not Kind.WORD or not token.text.isalpha():
            break
        words.append(token.text.upper())
    name = " ".join(words[:2]) if words[:1] != ["CREATE"] else " ".join(words)
    return Unsupported(
        f"The statement {name or repr(cursor.text[:30])} is not supported here",
        remedy=f"Supported are queries, {'; '.join(SUPPORTED)}.",
    )


def _create(cursor: Cursor) -> Statement:
    cursor.expect("CREATE")
    if cursor.at("CATALOG"):
        return _create_catalog(cursor)
    if cursor.at("SCHEMA") or cursor.at("DATABASE"):
        return _create_schema(cursor)
    statement = parse_tables.create(cursor)
    if statement is None:
        raise unsupported(cursor)
    return statement


def _create_catalog(cursor: Cursor) -> Statement:
    cursor.expect("CATALOG")
    exists = cursor.accept("IF", "NOT", "EXISTS")
    name, comment = cursor.identifier(), None
    while not cursor.at_end():
        if cursor.accept("COMMENT"):
            comment = cursor.string()
        elif cursor.accept("MANAGED", "LOCATION"):
            raise Unsupported(
                "CREATE CATALOG … MANAGED LOCATION is not supported here", remedy="Give it to the schemas."
            )
        else:
            raise cursor.error("COMMENT")
    return CreateCatalog(name, exists, comment)


def _create_schema(cursor: Cursor) -> Statement:
    cursor.next()
    exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    comment, location, properties = None, None, {}
    while not cursor.at_end():
        if cursor.accept("COMMENT"):
            comment = cursor.string()
        elif cursor.accept("MANAGED", "LOCATION") or cursor.accept("LOCATION"):
            location = cursor.string()
        elif cursor.accept("WITH", "DBPROPERTIES"):
            properties = parse_tables.properties(cursor)
        else:
            raise cursor.error("COMMENT, MANAGED LOCATION, LOCATION or WITH DBPROPERTIES")
    return CreateSchema(name, exists, comment, location, properties)


def _drop(cursor: Cursor) -> Statement:
    cursor.expect("DROP")
    kind = cursor.token.text.upper()
    if kind not in ("CATALOG", "SCHEMA", "DATABASE", "TABLE", "VIEW"):
        raise unsupported(cursor)
    cursor.next()
    exists = cursor.accept("IF", "EXISTS")
    if kind in ("TABLE", "VIEW"):
        name = cursor.name()
        if cursor.accept("PURGE"):
            raise Unsupported("DROP TABLE … PURGE is not supported here", remedy="Leave PURGE out.")
        return DropTable(name, exists, kind == "VIEW")
    if kind == "CATALOG":
        return DropCatalog(cursor.identifier(), exists, _cascade(cursor))
    return DropSchema(cursor.name(), exists, _cascade(cursor))


def _cascade(cursor: Cursor) -> bool:
    cascade = cursor.accept("CASCADE")
    if not cascade:
        cursor.accept("RESTRICT")
    return cascade


def _use(cursor: Cursor) -> Statement:
    cursor.expect("USE")
    if cursor.accept("CATALOG"):
        return UseCatalog(_name_or_string(cursor))
    _ = cursor.accept("SCHEMA") or cursor.accept("DATABASE")
    return UseSchema(cursor.name())


def _name_or_string(cursor: Cursor) -> str:
    return cursor.string() if cursor.token.kind is Kind.STRING else cursor.identifier()


def _set(cursor: Cursor) -> Statement:
    cursor.expect("SET")
    if cursor.accept("CATALOG"):
        return UseCatalog(_name_or_string(cursor))
    if cursor.at("VAR") or cursor.at("VARIABLE") or cursor.at("ROLE"):
        raise unsupported(cursor)
    if cursor.accept("TIME", "ZONE"):
        zone = "local" if cursor.accept("LOCAL") else cursor.string()
        if zone == "local":
            raise Unsupported("SET TIME ZONE LOCAL is not supported here", remedy="Name the zone.")
        return SetConf("spark.sql.session.timeZone", zone)
    if cursor.at_end():
        return SetConf(None, None)
    key = _conf_key(cursor)
    if cursor.accept_symbol("="):
        value = "" if cursor.at_end() else cursor.rest()
        if value[:1] in "'\"" and value[-1:] == value[:1] and len(value) > 1:
            value = value[1:-1]
        return SetConf(key, value)
    return SetConf(key, None)


def _conf_key(cursor: Cursor) -> str:
    if cursor.token.kind is Kind.QUOTED:
        return cursor.next().text
    return re.sub(r"\s", "", cursor.text_until(stop_symbols="="))


def _reset(cursor: Cursor) -> Statement:
    cursor.expect("RESET")
    return ResetConf(None if cursor.at_end() else _conf_key(cursor))


def _show(cursor: Cursor) -> Statement:
    cursor.expect("SHOW")
    word = cursor.token.text.upper()
    if word == "CATALOGS":
        cursor.next()
        return Show("CATALOGS", (), _pattern(cursor))
    if word in ("SCHEMAS", "DATABASES", "TABLES", "VIEWS"):
        cursor.next()
        name = cursor.name() if cursor.accept("IN") or cursor.accept("FROM") else ()
        return Show("SCHEMAS" if word == "DATABASES" else word, name, _pattern(cursor))
    if word in ("COLUMNS", "PARTITIONS"):
        cursor.next()
        if word == "COLUMNS" and not cursor.accept("IN"):
            cursor.expect("FROM")
        name = cursor.name()
        if word == "COLUMNS" and (cursor.accept("IN") or cursor.accept("FROM")):
            name = (*cursor.name(), *name)
        return Show(word, name)
    if word == "TBLPROPERTIES":
        cursor.next()
        name, key = cursor.name(), None
        if cursor.accept_symbol("("):
            key = parse_tables.property_key(cursor)
            cursor.expect_symbol(")")
        return Show(word, name, key)
    if cursor.accept("CREATE", "TABLE"):
        return Show("CREATE TABLE", cursor.name())
    raise unsupported(cursor)


def _pattern(cursor: Cursor) -> str | None:
    cursor.accept("LIKE")
    return cursor.string() if cursor.token.kind is Kind.STRING else None


def _describe(cursor: Cursor) -> Statement:
    cursor.next()
    if cursor.accept("HISTORY"):
        name = cursor.name()
        limit = int(cursor.next().text) if cursor.accept("LIMIT") else None
        return Describe("HISTORY", name, limit=limit)
    if cursor.accept("DETAIL"):
        name = ("delta", cursor.string()) if cursor.token.kind is Kind.STRING else cursor.name()
        return Describe("DETAIL", name)
    for word, what in (("SCHEMA", "SCHEMA"), ("DATABASE", "SCHEMA"), ("CATALOG", "CATALOG")):
        if cursor.at(word) and cursor.peek().kind in (Kind.WORD, Kind.QUOTED):
            cursor.next()
            extended = cursor.accept("EXTENDED")
            return Describe(what, cursor.name(), extended)
    if cursor.at("TABLE") and cursor.peek().kind in (Kind.WORD, Kind.QUOTED):
        cursor.next()
    # FORMATTED is Hive's word for the same.
    extended = (cursor.at("EXTENDED") or cursor.at("FORMATTED")) and cursor.peek().kind in (Kind.WORD, Kind.QUOTED)
    if extended:
        cursor.next()
    name = cursor.name()
    if cursor.at("AS", "JSON") or cursor.at("PARTITION"):
        raise Unsupported("DESCRIBE TABLE … AS JSON and … PARTITION are not supported here")
    return Describe("TABLE", name, extended)


def _comment(cursor: Cursor) -> Statement:
    cursor.expect("COMMENT", "ON")
    kind = cursor.token.text.upper()
    if kind not in ("CATALOG", "SCHEMA", "DATABASE", "TABLE", "COLUMN"):
        raise unsupported(cursor)
    cursor.next()
    name = cursor.name()
    cursor.expect("IS")
    comment = None if cursor.accept("NULL") else cursor.string()
    return CommentOn("SCHEMA" if kind == "DATABASE" else kind, name, comment)


def _optimize(cursor: Cursor) -> Statement:
    cursor.expect("OPTIMIZE")
    name = cursor.name()
    if cursor.at("WHERE") or cursor.at("FULL"):
        raise Unsupported(f"OPTIMIZE … {cursor.token.text.upper()} is not supported here", remedy="Leave it out.")
    columns: tuple[str, ...] = ()
    if cursor.accept("ZORDER", "BY"):
        if cursor.token.text == "(":
            columns = parse_tables.column_list(cursor)
        else:
            found = [cursor.identifier()]
            while cursor.accept_symbol(","):
                found.append(cursor.identifier())
            columns = tuple(found)
    return Optimize(name, columns)


def _vacuum(cursor: Cursor) -> Statement:
    cursor.expect("VACUUM")
    name = cursor.name()
    if cursor.at("LITE"):
        raise Unsupported("VACUUM … LITE is not supported here", remedy="Leave LITE out.")
    cursor.accept("FULL")
    hours = None
    if cursor.accept("RETAIN"):
        hours = float(cursor.next().text)
        cursor.expect("HOURS")
    return Vacuum(name, hours, cursor.accept("DRY", "RUN"))


def _analyze(cursor: Cursor) -> Statement:
    cursor.expect("ANALYZE")
    if not cursor.at("TABLE"):
        raise unsupported(cursor)
    cursor.expect("TABLE")
    name = cursor.name()
    if cursor.at("PARTITION"):
        raise Unsupported("ANALYZE TABLE … PARTITION is not supported here", remedy="Analyze the whole table.")
    cursor.expect("COMPUTE")
    if cursor.at("DELTA"):
        raise Unsupported("ANALYZE TABLE … COMPUTE DELTA STATISTICS is not supported here")
    cursor.expect("STATISTICS")
    if cursor.accept("FOR"):
        if not cursor.accept("ALL", "COLUMNS"):
            cursor.expect("COLUMNS")
            cursor.rest()
    else:
        cursor.accept("NOSCAN")
    return Analyze(name)


def _restore(cursor: Cursor) -> Statement:
    cursor.expect("RESTORE")
    cursor.accept("TABLE")
    name = cursor.name()
    cursor.accept("TO")
    if cursor.accept("VERSION", "AS", "OF"):
        return Restore(name, version=int(cursor.next().text))
    cursor.expect("TIMESTAMP", "AS", "OF")
    return Restore(name, timestamp=cursor.string())


def _refresh(cursor: Cursor) -> Statement:
    cursor.expect("REFRESH")
    if cursor.at("STREAMING") or cursor.at("MATERIALIZED") or cursor.at("FUNCTION"):
        raise unsupported(cursor)
    cursor.accept("TABLE")
    return Refresh(cursor.name())


def _alter(cursor: Cursor) -> Statement:
    statement = parse_tables.alter(cursor)
    if statement is None:
        raise unsupported(cursor)
    return statement


_PARSERS: Mapping[str, Callable[[Cursor], Statement]] = {
    "ALTER": _alter,
    "ANALYZE": _analyze,
    "COMMENT": _comment,
    "CREATE": _create,
    "DELETE": parse_rows.delete,
    "DESC": _describe,
    "DESCRIBE": _describe,
    "DROP": _drop,
    "INSERT": parse_rows.insert,
    "MERGE": parse_rows.merge,
    "OPTIMIZE": _optimize,
    "REFRESH": _refresh,
    "REPLACE": parse_tables.replace,
    "RESET": _reset,
    "RESTORE": _restore,
    "SET": _set,
    "SHOW": _show,
    "TRUNCATE": parse_rows.truncate,
    "UPDATE": parse_rows.update,
    "USE": _use,
    "VACUUM": _vacuum,
}
