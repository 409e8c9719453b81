"""GetMetadata of a table: whether it exists, and its columns.

https://learn.microsoft.com/azure/data-factory/control-flow-get-metadata-activity#supported-connectors
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, wrong
from reelhouse.adf.dataset import OpenDataset, SqlTable
from reelhouse.adf.expression.values import text
from reelhouse.adf.settings import GetMetadata
from reelhouse.adf.sql.errors import METADATA
from reelhouse.adf.sql.source import missing
from reelhouse.adf.sql.tables import find_table

FIELDS = ("exists", "structure", "columnCount")


def prepare_sql_metadata(ctx: ActivityContext, settings: GetMetadata, dataset: OpenDataset, table: SqlTable) -> Work:
    fields = [_field(ctx, ctx.value(raw, "fieldList", index), index) for index, raw in enumerate(settings.field_list)]
    if not fields:
        raise wrong(ctx, "GetMetadata asks for no field", "fieldList")
    if not table.table:
        raise wrong(ctx, f"The dataset '{dataset.name}' names no table", "dataset")

    def act() -> Any:
        with table.database.connect(METADATA) as connection:
            found = find_table(connection, table.database, table.schema, table.table)
        if found is None:
            if "exists" in fields:
                return {"exists": False}
            raise missing(table, METADATA)
        known = {"exists": True, "structure": found.structure(), "columnCount": len(found.columns)}
        return {name: known[name] for name in fields}

    return Work({"dataset": dataset.name, "path": table.url, "fieldList": fields}, act)


def _field(ctx: ActivityContext, value: Any, index: int) -> str:
    name = next((known for known in FIELDS if known.lower() == text(value).lower()), None)
    if name is None:
        raise wrong(ctx, f"A table has no '{text(value)}'. Known: {', '.join(FIELDS)}.", "fieldList", index)
    return name
