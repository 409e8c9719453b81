"""What a table of a database is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelhouse.adf.sql.names import quoted
from reelhouse.adf.sql.types import arrow_of, interim_of

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

    from reelhouse.adf.sql.databases import Database

_POSTGRES = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       COALESCE(a.attnum = ANY(i.indkey), false), a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
  AND lower(c.relname) = lower(%(table)s)
  AND lower(n.nspname) = lower(COALESCE(%(schema)s, current_schema()))
ORDER BY c.relname <> %(table)s, n.nspname, c.relname, a.attnum
"""


@dataclass(frozen=True)
class Column:
    name: str
    declared: str
    key: bool = False
    made: bool = False
    """Whether the database itself gives the value, and takes none."""


@dataclass(frozen=True)
class Table:
    """A table that exists, with its names as the database spells them."""

    schema: str | None
    name: str
    columns: tuple[Column, ...]
    kind: str

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return full_name(self.schema, self.name, self.kind)

    def arrow(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([(column.name, arrow_of(column.declared, self.kind)) for column in self.columns])

    def structure(self) -> list[dict[str, str]]:
        """Its columns as GetMetadata tells them."""
        return [{"name": column.name, "type": interim_of(column.declared, self.kind)} for column in self.columns]


def full_name(schema: str | None, table: str, kind: str) -> str:
    return ".".join(quoted(part, kind) for part in (schema, table) if part)


def find_table(connection: Connection, database: Database, schema: str, table: str) -> Table | None:
    """A table or view by its name in the artifacts; letter case counts only where it has to. None when it is absent."""
    mapped = database.schema(schema)
    if database.kind == "sqlite":
        return _sqlite(connection, mapped, table)
    if database.kind == "postgresql":
        rows = connection.exec_driver_sql(_POSTGRES, {"table": table, "schema": mapped}).all()
        if not rows:
            return None
        own = [row for row in rows if row[:2] == rows[0][:2]]
        columns = tuple(Column(row[2], row[3], bool(row[4]), bool(row[5])) for row in own)
        return Table(mapped and rows[0][0], rows[0][1], columns, database.kind)
    return _other(connection, database, mapped, table)


def _sqlite(connection: Connection, schema: str | None, table: str) -> Table | None:
    have = {row[1].lower() for row in connection.exec_driver_sql("PRAGMA database_list")}
    if schema is not None and schema.lower() not in have:
        return None
    prefix = quoted(schema or "main")
    names = connection.exec_driver_sql(
        f"SELECT name FROM {prefix}.sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)", (table,)
    ).all()
    if not names:
        return None
    rows = connection.exec_driver_sql(f"PRAGMA {prefix}.table_xinfo({quoted(names[0][0])})").all()
    columns = tuple(Column(row[1], row[2] or "", bool(row[5]), row[6] in (2, 3)) for row in rows if row[6] != 1)
    return Table(schema, names[0][0], columns, "sqlite")


def _other(connection: Connection, database: Database, schema: str | None, table: str) -> Table | None:
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError

    inspector = inspect(connection)
    try:
        found = inspector.get_columns(table, schema=schema)
        keys = inspector.get_pk_constraint(table, schema=schema).get("constrained_columns", [])
    except NoSuchTableError:
        return None
    columns = tuple(Column(item["name"], str(item["type"]), item["name"] in keys) for item in found)
    return Table(schema, table, columns, database.kind)
