"""`information_schema` of each catalog, and `system.information_schema` over all of them.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-information-schema
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.delta.schema import fields_of, type_text
from reelhouse.errors import Unsupported, did_you_mean
from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.catalog.entry import TableEntry
    from reelhouse.spark.context import SessionContext

NAME = "information_schema"
ALL_CATALOGS = "system"
Rows = Iterable[Mapping[str, Any]]


def relation(context: SessionContext, catalog: str, view: str) -> plan.Relation:
    """The rows of a view of `information_schema`. Raises `Unsupported` for a view that is not made here."""
    import pyarrow as pa

    from reelhouse.spark.replies import to_relation

    if view.lower() not in _VIEWS:
        raise Unsupported(
            f"The view {NAME}.{view} is not made here",
            remedy=f"{did_you_mean(view, _VIEWS)} There are {', '.join(sorted(_VIEWS))}.".strip(),
        )
    columns, rows = _VIEWS[view.lower()]
    catalogs = context.catalog.catalogs() if catalog.lower() == ALL_CATALOGS else [catalog.lower()]
    found = [row for one in catalogs for row in rows(context, one)]
    return to_relation(pa.Table.from_pylist(found, schema=pa.schema(columns())))


def _texts(*names: str, **others: str) -> Callable[[], list[tuple[str, Any]]]:
    """Columns of text, and others of the Arrow types that the names stand for."""

    def columns() -> list[tuple[str, Any]]:
        import pyarrow as pa

        kinds = {"int": pa.int32(), "timestamp": pa.timestamp("us", "UTC")}
        return [(name, kinds[others[name]] if name in others else pa.string()) for name in names]

    return columns


def _catalogs(context: SessionContext, catalog: str) -> Rows:
    yield {"catalog_name": catalog}


def _schemata(context: SessionContext, catalog: str) -> Rows:
    for name in context.catalog.schemas(catalog):
        entry = context.catalog.schema(name)
        yield {"catalog_name": catalog, "schema_name": name.schema, "comment": entry.comment}
    yield {"catalog_name": catalog, "schema_name": NAME}


def _tables(context: SessionContext, catalog: str) -> Rows:
    for entry in _entries(context, catalog):
        yield {
            **_name(entry),
            "table_type": entry.type.value,
            "is_insertable_into": "NO" if entry.is_view else "YES",
            "comment": entry.comment,
            "created": entry.created_at,
            "data_source_format": None if entry.is_view else "DELTA",
            "storage_path": context.lake.url(entry.location) if entry.location else None,
        }


def _views(context: SessionContext, catalog: str) -> Rows:
    for entry in _entries(context, catalog):
        if entry.is_view:
            yield {
                **_name(entry),
                "view_definition": entry.view_text,
                "check_option": "NONE",
                "is_updatable": "NO",
                "is_insertable_into": "NO",
            }


def _columns(context: SessionContext, catalog: str) -> Rows:
    for entry in _entries(context, catalog):
        fields, partitions = _fields(context, entry)
        for position, field in enumerate(fields):
            full = type_text(field["type"])
            comment = (field.get("metadata") or {}).get("comment")
            yield {
                **_name(entry),
                "column_name": field["name"],
                "ordinal_position": position,
                "is_nullable": "YES" if field["nullable"] else "NO",
                "full_data_type": full,
                "data_type": _DATA_TYPES.get(full, full.partition("<")[0].partition("(")[0].upper()),
                "partition_index": partitions.index(field["name"]) + 1 if field["name"] in partitions else None,
                "comment": comment or entry.column_comments.get(field["name"]),
            }


_DATA_TYPES = {"bigint": "LONG", "smallint": "SHORT", "tinyint": "BYTE"}


def _constraints(context: SessionContext, catalog: str) -> Rows:
    from reelhouse.delta.constraints import list_constraints

    for entry in _entries(context, catalog):
        named = [(key.name, key.kind, "NO") for key in entry.constraints]
        snapshot = None if entry.is_view else context.snapshot(entry.location)
        if snapshot is not None:
            named += [(name, "CHECK", "YES") for name in list_constraints(snapshot.properties)]
        for name, kind, enforced in named:
            yield {
                "constraint_catalog": entry.name.catalog,
                "constraint_schema": entry.name.schema,
                "constraint_name": name,
                **_name(entry),
                "constraint_type": kind,
                "enforced": enforced,
            }


def _entries(context: SessionContext, catalog: str) -> Iterable[TableEntry]:
    for schema in context.catalog.schemas(catalog):
        yield from context.catalog.tables(schema)


def _name(entry: TableEntry) -> dict[str, Any]:
    return {
        "table_catalog": entry.name.catalog,
        "table_schema": entry.name.schema,
        "table_name": entry.name.table,
    }


def _fields(context: SessionContext, entry: TableEntry) -> tuple[Sequence[Any], Sequence[str]]:
    """The columns of a table or view; none where its log is gone or its query no longer works."""
    from pyspark.errors import PySparkException

    from reelhouse.errors import ReelhouseError

    if entry.is_view:
        name = ".".join(plan.quote(part) for part in (entry.name.catalog, entry.name.schema, entry.name.table))
        try:
            schema = context.wire.schema(context.resolve(plan.named_table(name)))
        except (PySparkException, ReelhouseError):
            return [], []
        return schema.jsonValue()["fields"], []
    snapshot = context.snapshot(entry.location)
    return (fields_of(snapshot.schema), snapshot.partition_columns) if snapshot else ([], [])


_TABLE = ("table_catalog", "table_schema", "table_name")
_VIEWS: Mapping[str, tuple[Callable[[], list[tuple[str, Any]]], Callable[[SessionContext, str], Rows]]] = {
    "catalogs": (_texts("catalog_name", "catalog_owner", "comment"), _catalogs),
    "schemata": (_texts("catalog_name", "schema_name", "schema_owner", "comment"), _schemata),
    "tables": (
        _texts(
            *_TABLE,
            "table_type",
            "is_insertable_into",
            "table_owner",
            "comment",
            "created",
            "data_source_format",
            "storage_path",
            created="timestamp",
        ),
        _tables,
    ),
    "views": (_texts(*_TABLE, "view_definition", "check_option", "is_updatable", "is_insertable_into"), _views),
    "columns": (
        _texts(
            *_TABLE,
            "column_name",
            "ordinal_position",
            "column_default",
            "is_nullable",
            "full_data_type",
            "data_type",
            "partition_index",
            "comment",
            ordinal_position="int",
            partition_index="int",
        ),
        _columns,
    ),
    "table_constraints": (
        _texts(
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            *_TABLE,
            "constraint_type",
            "enforced",
        ),
        _constraints,
    ),
}
