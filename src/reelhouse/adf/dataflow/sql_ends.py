"""Sources and sinks that are tables of a database. Rows pass through Parquet files beside the lake, never one by one.

https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database#mapping-data-flow-properties
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.ends import Store
from reelhouse.adf.dataflow.functions.meta import POLICIES
from reelhouse.adf.dataflow.sink import Plan
from reelhouse.adf.dataflow.syntax import Transformation
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.spec import flag, texts, word
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.adf.dataset import SqlTable


def read_table(ctx: ActivityContext, item: Transformation, store: Store, scope: Scope) -> Any:
    """The frame of a table, or of the query of a source."""
    import pyarrow.parquet as pq

    from reelhouse.adf.sql.source import ISOLATION, SqlRead, stream

    table = _table(store)
    query = ""
    if word(item, "format") == "query" or item.option("query") is not None:
        node = item.option("query")
        if node is None:
            raise ScriptError(f"The source '{item.name}' has no query", item.line)
        query = text(scope.constant(node))
    level = ISOLATION.get(word(item, "isolationLevel").replace("_", "").lower())
    rows = stream(ctx, SqlRead(table.database, table, query, isolation=level))
    file = scope.flow.folder / f"{uuid.uuid4().hex}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, rows.schema) as writer:
        for batch in rows.batches:
            writer.write_batch(batch)
    return scope.flow.spark.read.parquet(str(file))


def _table(store: Store) -> SqlTable:
    assert store.table is not None
    return store.table


def write_table(ctx: ActivityContext, plan: Plan, scope: Scope) -> int:
    """Insert and upsert the rows by their policies; the number of rows comes back.

    Upserts go first and inserts last, each in one transaction, so that a run that fails may be run again.
    """
    from pyspark.sql import functions as F

    from reelhouse.adf.sql.names import quoted
    from reelhouse.adf.sql.sink import SqlWrite

    item, table = plan.item, _table(plan.store)
    name = ".".join(quoted(part, table.database.kind) for part in (table.schema, table.table) if part)
    script = [text(scope.constant(node)) for node in texts(item.option("preSQLs"))]
    recreate = flag(item, "recreate")
    if recreate:
        script.append(f"DROP TABLE IF EXISTS {_transact(name)}")
    elif flag(item, "truncate"):
        script.append(f"DELETE FROM {_transact(name)}")
    how = SqlWrite("; ".join(part.rstrip("; \n") for part in script if part.strip()), creates=recreate)
    frame = plan.frame.drop(plan.policy) if plan.policy else plan.frame
    if not flag(item, "upsertable") or plan.policy is None:
        return _write(ctx, frame, table, how, scope) if flag(item, "insertable", default=True) else 0
    keys = [text(scope.constant(node)) for node in texts(item.option("keys"))]
    upserts = plan.frame.filter(F.col(plan.policy) == POLICIES["upsert"]).drop(plan.policy)
    rows = _write(ctx, upserts, table, replace(how, upserts=True, keys=keys), scope)
    if flag(item, "insertable", default=True):
        inserts = plan.frame.filter(F.col(plan.policy) == POLICIES["insert"]).drop(plan.policy)
        rows += _write(ctx, inserts, table, SqlWrite(), scope)
    return rows


def _transact(name: str) -> str:
    """A name as the SQL of the artifacts has it."""
    return name.replace('"', "").replace("`", "")


def _write(ctx: ActivityContext, frame: Any, table: SqlTable, how: Any, scope: Scope) -> int:
    import pyarrow.parquet as pq

    from reelhouse.adf.movement.rows import RowStream
    from reelhouse.adf.sql.sink import SqlSink

    folder = scope.flow.folder / uuid.uuid4().hex
    folder.parent.mkdir(parents=True, exist_ok=True)
    frame.write.parquet(str(folder))
    parts = sorted(path for path in folder.rglob("*.parquet") if not path.name.startswith((".", "_")))
    schema = pq.read_schema(parts[0]) if parts else frame.limit(0).toArrow().schema
    sink = SqlSink(ctx, table, how)
    wanted = _fitting(schema, None if how.creates else sink.schema())
    return sink.write(RowStream(wanted, _batches(parts, wanted))).rows


def _fitting(schema: pa.Schema, target: pa.Schema | None) -> pa.Schema:
    """The columns that are written, with the types of those of the table that have their names."""
    import pyarrow as pa

    by_lower = {} if target is None else {field.name.lower(): field for field in target}
    return pa.schema([by_lower.get(field.name.lower(), field) for field in schema])


def _batches(parts: list[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for part in parts:
        for batch in pq.ParquetFile(part).iter_batches():
            try:
                columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            except pa.ArrowInvalid as error:
                raise ActivityFailed("DFExecutorUserError", f"A value does not fit the table: {error}") from None
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
