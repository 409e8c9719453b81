"""INSERT, UPDATE, DELETE, MERGE, TRUNCATE, from text to statements. Pure.

https://docs.databricks.com/aws/en/sql/language-manual/delta-merge-into
"""

from __future__ import annotations

from reelhouse.errors import Unsupported
from reelhouse.spark.statements.parse_tables import column_list
from reelhouse.spark.statements.statement import Delete, Insert, Merge, MergeClause, Name, Statement, Update
from reelhouse.spark.statements.tokens import Cursor, Kind


def insert(cursor: Cursor) -> Statement:
    """INSERT INTO, INSERT OVERWRITE."""
    cursor.expect("INSERT")
    if cursor.at("WITH"):
        raise Unsupported("INSERT WITH SCHEMA EVOLUTION is not supported here", remedy="Use option mergeSchema.")
    overwrite = cursor.accept("OVERWRITE")
    if overwrite and cursor.at("DIRECTORY"):
        raise Unsupported("INSERT OVERWRITE DIRECTORY is not supported here")
    if not overwrite or cursor.at("INTO"):
        cursor.expect("INTO")
    cursor.accept("TABLE")
    table = cursor.name()
    if cursor.at("PARTITION"):
        raise Unsupported(
            "INSERT … PARTITION is not supported here", remedy="Select the partition column as any other."
        )
    where = None
    if cursor.accept("REPLACE"):
        if cursor.at("USING") or cursor.at("ON"):
            raise Unsupported(f"INSERT … REPLACE {cursor.token.text.upper()} is not supported here")
        cursor.expect("WHERE")
        where = cursor.text_until(("SELECT", "VALUES", "WITH", "TABLE", "FROM"))
    by_name = cursor.accept("BY", "NAME")
    columns: tuple[str, ...] = ()
    if cursor.token.text == "(" and not _opens_query(cursor):
        columns = column_list(cursor)
        by_name = cursor.accept("BY", "NAME") or by_name
    query = f"SELECT * FROM {cursor.rest()}" if cursor.accept("TABLE") else cursor.rest()
    return Insert(table, query, columns, by_name, overwrite, where)


def _opens_query(cursor: Cursor) -> bool:
    ahead = 0
    while cursor.peek(ahead).text == "(":
        ahead += 1
    return cursor.peek(ahead).is_word("SELECT", "WITH", "VALUES", "TABLE", "FROM") and cursor.peek(
        ahead + 1
    ).text not in (
        ",",
        ")",
    )


def update(cursor: Cursor) -> Statement:
    """UPDATE … SET … WHERE."""
    cursor.expect("UPDATE")
    table = _table(cursor)
    alias = _alias(cursor, "SET")
    cursor.expect("SET")
    assignments = _assignments(cursor, alias, table, ("WHERE",))
    where = cursor.rest() if cursor.accept("WHERE") else None
    return Update(table, alias, assignments, where)


def delete(cursor: Cursor) -> Statement:
    """DELETE FROM … WHERE."""
    cursor.expect("DELETE", "FROM")
    table = _table(cursor)
    alias = _alias(cursor, "WHERE")
    where = cursor.rest() if cursor.accept("WHERE") else None
    return Delete(table, alias, where)


def truncate(cursor: Cursor) -> Statement:
    """TRUNCATE TABLE, which is DELETE of all rows."""
    cursor.expect("TRUNCATE", "TABLE")
    table = cursor.name()
    if cursor.at("PARTITION"):
        raise Unsupported("TRUNCATE TABLE … PARTITION is not supported here", remedy="Use DELETE … WHERE.")
    return Delete(table, None, None)


def merge(cursor: Cursor) -> Statement:
    """MERGE INTO."""
    cursor.expect("MERGE")
    evolution = cursor.accept("WITH", "SCHEMA", "EVOLUTION")
    cursor.expect("INTO")
    table = _table(cursor)
    alias = _alias(cursor, "USING")
    cursor.expect("USING")
    source = cursor.text_until(("ON",))
    cursor.expect("ON")
    condition = cursor.text_until(("WHEN",))
    clauses = []
    while cursor.accept("WHEN"):
        clauses.append(_clause(cursor, alias, table))
    if not clauses:
        raise cursor.error("WHEN")
    return Merge(table, alias, source, condition, tuple(clauses), evolution)


def _clause(cursor: Cursor, alias: str | None, table: Name) -> MergeClause:
    kind = "NOT MATCHED" if cursor.accept("NOT") else "MATCHED"
    cursor.expect("MATCHED")
    if kind == "NOT MATCHED" and cursor.accept("BY", "SOURCE"):
        kind = "NOT MATCHED BY SOURCE"
    elif kind == "NOT MATCHED":
        cursor.accept("BY", "TARGET")
    condition = cursor.text_until(("THEN",)) if cursor.accept("AND") else None
    cursor.expect("THEN")
    if kind == "NOT MATCHED":
        return MergeClause(kind, condition, "INSERT", _insert_action(cursor))
    if cursor.accept("DELETE"):
        return MergeClause(kind, condition, "DELETE")
    cursor.expect("UPDATE", "SET")
    if cursor.token.text == "*":
        if kind != "MATCHED":
            raise cursor.error("an assignment")
        cursor.next()
        return MergeClause(kind, condition, "UPDATE", None)
    return MergeClause(kind, condition, "UPDATE", _assignments(cursor, alias, table, ("WHEN",)))


def _insert_action(cursor: Cursor) -> tuple[tuple[str, str], ...] | None:
    cursor.expect("INSERT")
    if cursor.accept_symbol("*"):
        return None
    columns = column_list(cursor)
    cursor.expect("VALUES")
    cursor.expect_symbol("(")
    values = [_value(cursor, ())]
    while cursor.accept_symbol(","):
        values.append(_value(cursor, ()))
    cursor.expect_symbol(")")
    if len(values) != len(columns):
        raise cursor.error(f"{len(columns)} values")
    return tuple(zip(columns, values, strict=True))


def _assignments(cursor: Cursor, alias: str | None, table: Name, stops: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    while True:
        column = _target_column(cursor.name(), alias, table)
        cursor.expect_symbol("=")
        found.append((column, _value(cursor, stops)))
        if not cursor.accept_symbol(","):
            return tuple(found)


def _value(cursor: Cursor, stops: tuple[str, ...]) -> str:
    if cursor.at("DEFAULT") and cursor.peek().text in (",", ")", ""):
        raise Unsupported("DEFAULT as a value is not supported here", remedy="Write the value.")
    return cursor.text_until(stops, stop_symbols=",")


def _target_column(name: Name, alias: str | None, table: Name) -> str:
    """The column that an assignment names, its qualifier taken off."""
    qualifiers = {alias.lower()} if alias else {".".join(table).lower(), table[-1].lower()}
    if len(name) > 1 and ".".join(name[:-1]).lower() in qualifiers:
        return name[-1]
    if len(name) > 1:
        raise Unsupported(f"Assigning a field of a struct ({'.'.join(name)}) is not supported here")
    return name[0]


def _table(cursor: Cursor) -> Name:
    return cursor.name()


def _alias(cursor: Cursor, before: str) -> str | None:
    if cursor.accept("AS"):
        return cursor.identifier()
    if cursor.token.kind in (Kind.WORD, Kind.QUOTED) and not cursor.token.is_word(before):
        return cursor.identifier()
    return None
