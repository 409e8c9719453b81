"""SHOW in its forms.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-show-tables
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reelhouse.catalog.entry import TableType
from reelhouse.catalog.names import SchemaName, complete_schema, quote_name, quote_part
from reelhouse.delta.constraints import list_constraints
from reelhouse.delta.properties import CONSTRAINT
from reelhouse.delta.schema import fields_of, type_text
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.describe import key_text
from reelhouse.spark.statements.lookup import find_table, schema_of, texts
from reelhouse.spark.statements.statement import Show
from reelhouse.spark.statements.tokens import literal

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext


def show(context: SessionContext, statement: Show) -> pa.Table:
    """The SHOW statement that `statement.what` names."""
    runners = {
        "CATALOGS": _catalogs,
        "SCHEMAS": _schemas,
        "TABLES": _tables,
        "VIEWS": _views,
        "COLUMNS": _columns,
        "TBLPROPERTIES": _properties,
        "CREATE TABLE": _create_table,
        "PARTITIONS": _partitions,
    }
    return runners[statement.what](context, statement)


def _like(names: Iterable[str], pattern: str | None) -> list[str]:
    """The names that a pattern means: `*` is anything, `|` is or, case does not matter."""
    if pattern is None:
        return list(names)
    text = "|".join(".*".join(re.escape(part) for part in one.strip().split("*")) for one in pattern.split("|"))
    return [name for name in names if re.fullmatch(text, name, re.I)]


def _catalogs(context: SessionContext, statement: Show) -> pa.Table:
    return texts(catalog=_like(context.catalog.catalogs(), statement.pattern))


def _schemas(context: SessionContext, statement: Show) -> pa.Table:
    catalog = statement.name[0].lower() if statement.name else context.current.catalog
    if catalog not in context.catalog.catalogs():
        context.catalog.schema((catalog, "default"))
    names = [schema.schema for schema in context.catalog.schemas(catalog)]
    return texts(databaseName=_like(names, statement.pattern))


def _in_schema(context: SessionContext, statement: Show) -> SchemaName:
    if not statement.name:
        return context.current
    return context.catalog.schema(complete_schema(statement.name, context.current.catalog)).name


def _tables(context: SessionContext, statement: Show) -> pa.Table:
    import pyarrow as pa

    schema = _in_schema(context, statement)
    lasting = _like([entry.name.table for entry in context.catalog.tables(schema)], statement.pattern)
    temporary = _like(sorted(context.views), statement.pattern)
    return pa.table(
        {
            "database": pa.array([schema.schema] * len(lasting) + [""] * len(temporary), pa.string()),
            "tableName": pa.array(lasting + temporary, pa.string()),
            "isTemporary": pa.array([False] * len(lasting) + [True] * len(temporary), pa.bool_()),
        }
    )


def _views(context: SessionContext, statement: Show) -> pa.Table:
    import pyarrow as pa

    schema = _in_schema(context, statement)
    views = {
        entry.name.table: entry.type is TableType.MATERIALIZED_VIEW
        for entry in context.catalog.tables(schema)
        if entry.type in (TableType.VIEW, TableType.MATERIALIZED_VIEW)
    }
    lasting = _like(views, statement.pattern)
    temporary = _like(sorted(context.views), statement.pattern)
    return pa.table(
        {
            "namespace": pa.array([schema.schema] * len(lasting) + [""] * len(temporary), pa.string()),
            "viewName": pa.array(lasting + temporary, pa.string()),
            "isTemporary": pa.array([False] * len(lasting) + [True] * len(temporary), pa.bool_()),
            "isMaterialized": pa.array([views[name] for name in lasting] + [False] * len(temporary), pa.bool_()),
        }
    )


def _columns(context: SessionContext, statement: Show) -> pa.Table:
    name = ".".join(plan.quote(part) for part in statement.name)
    return texts(col_name=[field["name"] for field in schema_of(context, plan.named_table(name))])


def _properties(context: SessionContext, statement: Show) -> pa.Table:
    table = find_table(context, statement.name)
    snapshot = table.snapshot()
    found = {
        **snapshot.properties,
        "delta.minReaderVersion": str(snapshot.protocol[0]),
        "delta.minWriterVersion": str(snapshot.protocol[1]),
    }
    if statement.pattern is not None:
        key = statement.pattern
        missing = f"Table {table.name} does not have property: {key}"
        found = {key: found.get(key, missing)}
    return texts(key=sorted(found), value=[found[key] for key in sorted(found)])


def _partitions(context: SessionContext, statement: Show) -> pa.Table:
    table = find_table(context, statement.name)
    snapshot = table.snapshot()
    if not snapshot.partition_columns:
        raise UserError(f"INVALID_PARTITION_OPERATION: '{table.name}' is not partitioned")
    rows = {tuple(file.partition_values[column] for column in snapshot.partition_columns) for file in snapshot.files}
    ordered = sorted(rows, key=lambda row: tuple(value or "" for value in row))
    return texts(**{column: [row[i] for row in ordered] for i, column in enumerate(snapshot.partition_columns)})


def _create_table(context: SessionContext, statement: Show) -> pa.Table:
    table = find_table(context, statement.name)
    snapshot = table.snapshot()
    lines = []
    for field in fields_of(snapshot.schema):
        line = f"  {quote_part(field['name'])} {type_text(field['type']).upper()}"
        line += "" if field["nullable"] else " NOT NULL"
        comment = (field.get("metadata") or {}).get("comment")
        lines.append(line + (f" COMMENT {literal(comment)}" if comment else ""))
    for name, condition in list_constraints(snapshot.properties).items():
        lines.append(f"  CONSTRAINT {quote_part(name)} CHECK ({condition})")
    for key in table.entry.constraints if table.entry else ():
        lines.append(f"  CONSTRAINT {quote_part(key.name)} {key_text(key)}")
    name = quote_name(table.entry.name) if table.entry else table.sql_name
    text = f"CREATE TABLE {name} (\n" + ",\n".join(lines) + ")\nUSING delta\n"
    if snapshot.partition_columns:
        text += f"PARTITIONED BY ({', '.join(map(quote_part, snapshot.partition_columns))})\n"
    if snapshot.comment:
        text += f"COMMENT {literal(snapshot.comment)}\n"
    if table.entry and table.entry.type is TableType.EXTERNAL:
        text += f"LOCATION {literal(context.lake.url(table.target.location))}\n"
    own = {key: value for key, value in sorted(snapshot.properties.items()) if not key.startswith(CONSTRAINT)}
    if own:
        text += "TBLPROPERTIES (\n" + ",\n".join(f"  {literal(k)} = {literal(v)}" for k, v in own.items()) + ")\n"
    return texts(createtab_stmt=[text])
