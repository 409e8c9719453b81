"""`spark.catalog.*`, answered from the project's catalog and the session's temporary views.

https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/catalog.html
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported, UserError
from reelhouse.plans import plan

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.catalog.entry import TableEntry
    from reelhouse.catalog.names import SchemaName
    from reelhouse.spark.context import SessionContext

_TABLE = ("name", "catalog", "namespace", "description", "tableType", "isTemporary")
_DATABASE = ("name", "catalog", "description", "locationUri")
_COLUMN = ("name", "description", "dataType", "nullable", "isPartition", "isBucket", "isCluster")


def call(context: SessionContext, catalog: Any) -> pa.Table:
    """The rows that answer a `proto.Catalog` call. Raises `Unsupported` for a call that is not done here."""
    kind = catalog.WhichOneof("cat_type")
    if kind in ("list_functions", "get_function", "function_exists"):
        relation = plan.proto.Relation()
        relation.catalog.CopyFrom(catalog)
        return context.wire.collect(relation)
    if kind in _STATEMENTS:
        return _statement(context, _STATEMENTS[kind](getattr(catalog, kind)))
    if kind not in _CALLS:
        raise Unsupported(f"spark.catalog call '{kind}' is not supported here")
    return _CALLS[kind](context, getattr(catalog, kind))


# --- catalogs and schemas ---------------------------------------------------------------------------------------------


def _current_catalog(context: SessionContext, _: Any) -> pa.Table:
    return _value(context.current.catalog)


def _set_current_catalog(context: SessionContext, call: Any) -> pa.Table:
    from reelhouse.catalog.names import SchemaName

    context.current = context.catalog.schema(SchemaName(call.catalog_name.lower(), "default")).name
    return _nothing()


def _list_catalogs(context: SessionContext, call: Any) -> pa.Table:
    names = [name for name in context.catalog.catalogs() if _matches(name, _given(call, "pattern"))]
    return _table(("name", "description"), [(name, None) for name in names])


def _current_database(context: SessionContext, _: Any) -> pa.Table:
    return _value(context.current.schema)


def _set_current_database(context: SessionContext, call: Any) -> pa.Table:
    context.current = context.catalog.schema(call.db_name, context.current).name
    return _nothing()


def _list_databases(context: SessionContext, call: Any) -> pa.Table:
    names = context.catalog.schemas(context.current.catalog)
    return _databases(context, [name for name in names if _matches(name.schema, _given(call, "pattern"))])


def _get_database(context: SessionContext, call: Any) -> pa.Table:
    return _databases(context, [context.catalog.schema(call.db_name, context.current).name])


def _database_exists(context: SessionContext, call: Any) -> pa.Table:
    try:
        context.catalog.schema(call.db_name, context.current)
    except UserError:
        return _value(False)
    return _value(True)


def _databases(context: SessionContext, names: Sequence[SchemaName]) -> pa.Table:
    entries = [context.catalog.schema(name) for name in names]
    return _table(
        _DATABASE, [(e.name.schema, e.name.catalog, e.comment, context.lake.url(e.location)) for e in entries]
    )


# --- tables and views -------------------------------------------------------------------------------------------------


def _list_tables(context: SessionContext, call: Any) -> pa.Table:
    return _tables(context, call, views_only=False)


def _list_views(context: SessionContext, call: Any) -> pa.Table:
    return _tables(context, call, views_only=True)


def _tables(context: SessionContext, call: Any, *, views_only: bool) -> pa.Table:
    database = _given(call, "db_name")
    pattern = _given(call, "pattern")
    schema = context.catalog.schema(database, context.current).name if database else context.current
    entries = [entry for entry in context.catalog.tables(schema) if entry.is_view or not views_only]
    rows = [_row(entry) for entry in entries if _matches(entry.name.table, pattern)]
    rows += [_temporary(name) for name in context.views if _matches(name, pattern)]
    return _table(_TABLE, rows)


def _get_table(context: SessionContext, call: Any) -> pa.Table:
    name = _name(call)
    if _temporary_view(context, name) is not None:
        return _table(_TABLE, [_temporary(plan.split_name(name)[-1])])
    return _table(_TABLE, [_row(context.catalog.table(name, context.current))])


def _table_exists(context: SessionContext, call: Any) -> pa.Table:
    name = _name(call)
    return _value(_temporary_view(context, name) is not None or context.catalog.find(name, context.current) is not None)


def _list_columns(context: SessionContext, call: Any) -> pa.Table:
    name = _name(call)
    schema = context.wire.schema(context.resolve(plan.named_table(name))).jsonValue()["fields"]
    partitions: tuple[str, ...] = ()
    if _temporary_view(context, name) is None:
        entry = context.catalog.table(name, context.current)
        snapshot = None if entry.is_view else context.snapshot(entry.location)
        if snapshot is not None:
            partitions = snapshot.partition_columns
            schema = json.loads(snapshot.schema)["fields"]
    return _table(
        _COLUMN,
        [
            (
                field["name"],
                field["metadata"].get("comment"),
                _type_text(field["type"]),
                field["nullable"],
                field["name"] in partitions,
                False,
                False,
            )
            for field in schema
        ],
    )


def _type_text(type: Any) -> str:
    from pyspark.sql.types import StructType

    field = {"name": "c", "type": type, "nullable": True, "metadata": {}}
    return str(StructType.fromJson({"type": "struct", "fields": [field]}).fields[0].dataType.simpleString())


def _row(entry: TableEntry) -> tuple[Any, ...]:
    return (
        entry.name.table,
        entry.name.catalog,
        [entry.name.schema],
        entry.comment,
        str(entry.type),
        False,
    )


def _temporary(name: str) -> tuple[Any, ...]:
    return (name, None, [], None, "TEMPORARY", True)


def _temporary_view(context: SessionContext, name: str) -> plan.Relation | None:
    parts = [part.lower() for part in plan.split_name(name)]
    if len(parts) == 2 and parts[0] == "global_temp":
        return context.global_views.get(parts[1])
    return context.views.get(parts[0]) if len(parts) == 1 else None


def _name(call: Any) -> str:
    database = _given(call, "db_name")
    return f"{database}.{call.table_name}" if database else str(call.table_name)


def _drop_temp_view(context: SessionContext, call: Any) -> pa.Table:
    return _value(context.drop_view(call.view_name))


def _drop_global_temp_view(context: SessionContext, call: Any) -> pa.Table:
    return _value(context.drop_view(call.view_name, is_global=True))


# --- what has no effect here ------------------------------------------------------------------------------------------


def _not_cached(context: SessionContext, call: Any) -> pa.Table:
    context.resolve(plan.named_table(call.table_name))
    return _value(False)


def _known_table(context: SessionContext, call: Any) -> pa.Table:
    """Caching and refreshing: nothing is kept of a table's rows, so there is nothing to do but to know the table."""
    context.resolve(plan.named_table(call.table_name))
    return _nothing()


def _do_nothing(context: SessionContext, call: Any) -> pa.Table:
    return _nothing()


# --- what is an SQL statement as well ---------------------------------------------------------------------------------

_STATEMENTS: Mapping[str, Callable[[Any], str]] = {
    "drop_table": lambda c: f"DROP TABLE {'IF EXISTS ' if c.if_exists else ''}{c.table_name}",
    "drop_view": lambda c: f"DROP VIEW {'IF EXISTS ' if c.if_exists else ''}{c.view_name}",
    "create_database": lambda c: f"CREATE SCHEMA {'IF NOT EXISTS ' if c.if_not_exists else ''}{c.db_name}",
    "drop_database": lambda c: (
        f"DROP SCHEMA {'IF EXISTS ' if c.if_exists else ''}{c.db_name}{' CASCADE' if c.cascade else ''}"
    ),
    "get_table_properties": lambda c: f"SHOW TBLPROPERTIES {c.table_name}",
    "get_create_table_string": lambda c: f"SHOW CREATE TABLE {c.table_name}",
    "truncate_table": lambda c: f"TRUNCATE TABLE {c.table_name}",
    "analyze_table": lambda c: f"ANALYZE TABLE {c.table_name} COMPUTE STATISTICS{' NOSCAN' if c.no_scan else ''}",
}


def _statement(context: SessionContext, text: str) -> pa.Table:
    from reelhouse.spark.statements.run import execute

    table = execute(context, text, {})
    if table is None:
        raise Unsupported(f"The statement {text} is not supported here")
    return table


_CALLS: Mapping[str, Callable[[SessionContext, Any], Any]] = {
    "current_catalog": _current_catalog,
    "set_current_catalog": _set_current_catalog,
    "list_catalogs": _list_catalogs,
    "current_database": _current_database,
    "set_current_database": _set_current_database,
    "list_databases": _list_databases,
    "get_database": _get_database,
    "database_exists": _database_exists,
    "list_tables": _list_tables,
    "list_views": _list_views,
    "get_table": _get_table,
    "table_exists": _table_exists,
    "list_columns": _list_columns,
    "drop_temp_view": _drop_temp_view,
    "drop_global_temp_view": _drop_global_temp_view,
    "is_cached": _not_cached,
    "cache_table": _known_table,
    "uncache_table": _known_table,
    "refresh_table": _known_table,
    "clear_cache": _do_nothing,
    "refresh_by_path": _do_nothing,
}


# --- rows -------------------------------------------------------------------------------------------------------------


def _value(value: Any) -> pa.Table:
    return _table(("value",), [(value,)])


def _nothing() -> pa.Table:
    return _table(("value",), [])


def _table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    import pyarrow as pa

    kinds = {"isTemporary": pa.bool_(), "nullable": pa.bool_(), "namespace": pa.list_(pa.string())}
    kinds |= {name: pa.bool_() for name in ("isPartition", "isBucket", "isCluster")}
    columns = []
    for index, name in enumerate(names):
        values = [row[index] for row in rows]
        kind = pa.bool_() if values and isinstance(values[0], bool) else kinds.get(name, pa.string())
        columns.append(pa.array(values, kind))
    return pa.Table.from_arrays(columns, names=list(names))


def _given(call: Any, name: str) -> str | None:
    return str(getattr(call, name)) if call.HasField(name) else None


def _matches(name: str, pattern: str | None) -> bool:
    """Spark's patterns: `*` for anything, `|` between alternatives, case does not count."""
    if pattern is None:
        return True
    return any(
        re.fullmatch(fnmatch.translate(part.strip().lower()), name.lower()) is not None for part in pattern.split("|")
    )
