"""DESCRIBE in its forms.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-table
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelhouse.catalog.entry import KeyConstraint, TableEntry
from reelhouse.catalog.names import quote_part
from reelhouse.delta.history import detail_table, history_table
from reelhouse.delta.schema import fields_of, type_text
from reelhouse.delta.snapshot import Snapshot
from reelhouse.errors import UserError, did_you_mean
from reelhouse.plans import plan
from reelhouse.spark.statements.lookup import Table, find_table, schema_of, texts
from reelhouse.spark.statements.statement import Describe

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext

Line = tuple[str, str | None, str | None]


def describe(context: SessionContext, statement: Describe) -> pa.Table:
    """DESCRIBE TABLE, SCHEMA, CATALOG, HISTORY, DETAIL."""
    if statement.what == "HISTORY":
        table = find_table(context, statement.name)
        table.snapshot()
        return history_table(table.target.location, statement.limit)
    if statement.what == "DETAIL":
        table = find_table(context, statement.name)
        return detail_table(table.snapshot(), table.target.name, context.lake.url(table.target.location))
    if statement.what == "SCHEMA":
        return _schema(context, statement)
    if statement.what == "CATALOG":
        return _catalog(context, statement)
    return _table(context, statement)


def _schema(context: SessionContext, statement: Describe) -> pa.Table:
    schema = context.catalog.schema(statement.name, context.current)
    lines = [
        ("Catalog Name", schema.name.catalog),
        ("Namespace Name", schema.name.schema),
        ("Comment", schema.comment or ""),
        ("Location", context.lake.url(schema.location)),
    ]
    if statement.extended:
        lines.append(("Properties", _properties(schema.properties)))
    return texts(
        database_description_item=[key for key, _ in lines], database_description_value=[value for _, value in lines]
    )


def _catalog(context: SessionContext, statement: Describe) -> pa.Table:
    name = statement.name[0].lower()
    known = context.catalog.catalogs()
    if name not in known or len(statement.name) > 1:
        raise UserError(
            f"CATALOG_NOT_FOUND: there is no catalog '{'.'.join(statement.name)}'", remedy=did_you_mean(name, known)
        )
    return texts(info_name=["Catalog Name"], info_value=[name])


def _table(context: SessionContext, statement: Describe) -> pa.Table:
    name = statement.name
    entry = None
    is_view = len(name) == 1 and name[0].lower() in context.views
    if not is_view and not (len(name) == 2 and name[0].lower() in ("delta", "global_temp")):
        entry = context.catalog.table(name, context.current)
        is_view = entry.is_view
    if is_view or name[0].lower() == "global_temp":
        return _lines(_view_lines(context, statement, entry))
    table = find_table(context, name)
    snapshot = table.snapshot()
    lines = [_column_line(field) for field in fields_of(snapshot.schema)]
    if snapshot.partition_columns:
        by_name = {line[0]: line for line in lines}
        lines += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
        lines += [by_name[column] for column in snapshot.partition_columns]
    if statement.extended:
        lines += [("", "", ""), ("# Detailed Table Information", "", ""), *_details(context, table, snapshot)]
    return _lines(lines)


def _column_line(field: dict[str, object]) -> Line:
    metadata = field.get("metadata") or {}
    comment = metadata.get("comment") if isinstance(metadata, dict) else None
    return str(field["name"]), type_text(field["type"]), comment  # type: ignore[arg-type]


def _view_lines(context: SessionContext, statement: Describe, entry: TableEntry | None) -> list[Line]:
    fields = schema_of(context, plan.named_table(".".join(plan.quote(part) for part in statement.name)))
    comments = entry.column_comments if entry else {}
    lines: list[Line] = [(f["name"], type_text(f["type"]), comments.get(f["name"])) for f in fields]
    if statement.extended and entry:
        lines += [("", "", ""), ("# Detailed Table Information", "", ""), *_names(entry)]
        lines += [("Type", "VIEW", ""), ("Comment", entry.comment or "", ""), ("View Text", entry.view_text, "")]
    return lines


def _names(entry: TableEntry) -> list[Line]:
    created = entry.created_at.isoformat(" ", "seconds") if entry.created_at else ""
    return [
        ("Catalog", entry.name.catalog, ""),
        ("Database", entry.name.schema, ""),
        ("Table", entry.name.table, ""),
        ("Created Time", created, ""),
    ]


def _details(context: SessionContext, table: Table, snapshot: Snapshot) -> list[Line]:
    size = sum(file.size for file in snapshot.files)
    rows = f", {snapshot.records} rows" if snapshot.records is not None else ""
    lines: list[Line] = _names(table.entry) if table.entry else []
    lines += [
        ("Type", table.entry.type.value if table.entry else "EXTERNAL", ""),
        ("Comment", snapshot.comment or "", ""),
        ("Location", context.lake.url(table.target.location), ""),
        ("Provider", "delta", ""),
        ("Statistics", f"{size} bytes{rows}", ""),
        ("Table Properties", _properties(snapshot.properties), ""),
    ]
    keys = table.entry.constraints if table.entry else ()
    if keys:
        lines += [("", "", ""), ("# Constraints", "", ""), *((key.name, key_text(key), "") for key in keys)]
    return lines


def key_text(key: KeyConstraint) -> str:
    """A key as CREATE TABLE writes it, without its name."""
    columns = ", ".join(quote_part(column) for column in key.columns)
    text = f"{key.kind} ({columns})"
    if key.references:
        to = f" ({', '.join(map(quote_part, key.reference_columns))})" if key.reference_columns else ""
        text += f" REFERENCES {key.references}{to}"
    return text


def _properties(properties: object) -> str:
    found = dict(properties)  # type: ignore[call-overload]
    return "[" + ",".join(f"{key}={found[key]}" for key in sorted(found)) + "]"


def _lines(lines: list[Line]) -> pa.Table:
    return texts(
        col_name=[line[0] for line in lines],
        data_type=[line[1] for line in lines],
        comment=[line[2] for line in lines],
    )
