"""Sources and sinks that are tables of a database. Rows pass through Parquet files beside the lake, never one by one.

https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database#mapping-data-flow-properties
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
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
    from reelhouse.adf.sql.sink import SqlWrite


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
    """Change the table in one transaction; the number of rows that did so comes back.

    Where the sink allows more than inserts, rows delete, update, upsert and insert by their policies, in this order;
    a policy that the sink does not allow does nothing.
    """
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
    allowed = [policy for policy, option in _ALLOWED if flag(item, option, default=option == "insertable")]
    if recreate or (allowed == ["insert"] and plan.policy is None):
        frame = plan.frame.drop(plan.policy) if plan.policy else plan.frame
        return _insert(ctx, frame, table, how, scope)
    keys = [text(scope.constant(node)) for node in texts(item.option("keys"))]
    if allowed != ["insert"] and not keys:
        raise ScriptError(f"The sink '{item.name}' needs keys to update, upsert or delete by", item.line)
    missing = [key for key in keys if key not in plan.names]
    if missing:
        raise ScriptError(f"The sink '{item.name}' writes no column '{missing[0]}', which is a key", item.line)
    return _change(ctx, plan, table, how, scope, allowed, keys)


_ALLOWED = (
    ("delete", "deletable"),
    ("update", "updateable"),
    ("upsert", "upsertable"),
    ("insert", "insertable"),
)


def _staged(frame: Any, scope: Scope) -> list[Path]:
    folder = scope.flow.folder / uuid.uuid4().hex
    folder.parent.mkdir(parents=True, exist_ok=True)
    frame.write.parquet(str(folder))
    return sorted(path for path in folder.rglob("*.parquet") if not path.name.startswith((".", "_")))


def _change(
    ctx: ActivityContext,
    plan: Plan,
    table: SqlTable,
    how: SqlWrite,
    scope: Scope,
    allowed: list[str],
    keys: list[str],
) -> int:
    """All policies that are allowed, in one transaction."""
    import pyarrow.parquet as pq
    from sqlalchemy import text as sql_text

    from reelhouse.adf.sql.errors import COPY
    from reelhouse.adf.sql.sink import SqlSink
    from reelhouse.adf.sql.source import missing
    from reelhouse.adf.sql.tables import find_table
    from reelhouse.adf.sql.translate import statements

    database = table.database
    target = SqlSink(ctx, table, how).schema()
    parts = _staged(plan.frame, scope)
    if not parts:
        return 0
    names = [name for name in pq.read_schema(parts[0]).names if name != plan.policy]
    schema = _fitting(pq.read_schema(parts[0]), names, target)
    rows = 0
    with database.connect(COPY) as connection:
        for statement in statements(connection, database, how.script, COPY) if how.script else ():
            connection.execute(sql_text(statement.text))
        found = find_table(connection, database, table.schema, table.table)
        if found is None:
            raise missing(table, COPY)
        for policy in allowed:
            changes = _Changes(ctx, connection, table, found.sql, schema, keys)
            rows += changes.apply(policy, _of_policy(parts, plan.policy, policy))
    return rows


def _of_policy(parts: list[Path], column: str | None, policy: str) -> Iterator[pa.RecordBatch]:
    """The staged rows of a policy, without the column that says it."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for part in parts:
        for batch in pq.ParquetFile(part).iter_batches():
            if column is None:
                if policy == "insert":
                    yield batch
                continue
            chosen = batch.filter(pc.equal(batch.column(column), POLICIES[policy]))
            yield chosen.drop_columns([column])


@dataclass(frozen=True)
class _Changes:
    """The rows of one policy, put into an interim table and from there into the table."""

    ctx: ActivityContext
    connection: Any
    table: SqlTable
    sql: str
    schema: pa.Schema
    keys: list[str]

    def apply(self, policy: str, batches: Iterator[pa.RecordBatch]) -> int:
        """Do it; the number of rows comes back."""
        from reelhouse.adf.movement.rows import RowStream
        from reelhouse.adf.sql.load import load
        from reelhouse.adf.sql.names import quoted

        database, kind = self.table.database, self.table.database.kind
        stream = RowStream(self.schema, _typed(batches, self.schema))
        if policy == "insert":
            return load(self.ctx, database, self.connection, self.sql, stream)[0]
        run = self.connection.exec_driver_sql
        columns = ", ".join(quoted(name, kind) for name in self.schema.names)
        interim = quoted(f"reelhouse_{policy}", kind)
        run(f"CREATE TEMPORARY TABLE {interim} AS SELECT {columns} FROM {self.sql} WHERE 1 = 0")
        count = load(self.ctx, database, self.connection, interim, stream)[0]
        same = " AND ".join(f"s.{quoted(key, kind)} = t.{quoted(key, kind)}" for key in self.keys)
        if policy == "delete":
            run(f"DELETE FROM {self.sql} AS t WHERE EXISTS (SELECT 1 FROM {interim} AS s WHERE {same})")
        others = [quoted(name, kind) for name in self.schema.names if name not in self.keys]
        if policy in ("update", "upsert") and others:
            sets = ", ".join(f"{name} = s.{name}" for name in others)
            run(f"UPDATE {self.sql} AS t SET {sets} FROM {interim} AS s WHERE {same}")
        if policy == "upsert":
            run(
                f"INSERT INTO {self.sql} ({columns}) SELECT {columns} FROM {interim} AS s "
                f"WHERE NOT EXISTS (SELECT 1 FROM {self.sql} AS t WHERE {same})"
            )
        run(f"DROP TABLE {interim}")
        return count


def _transact(name: str) -> str:
    """A name as the SQL of the artifacts has it."""
    return name.replace('"', "").replace("`", "")


def _insert(ctx: ActivityContext, frame: Any, table: SqlTable, how: SqlWrite, scope: Scope) -> int:
    import pyarrow.parquet as pq

    from reelhouse.adf.movement.rows import RowStream
    from reelhouse.adf.sql.sink import SqlSink

    parts = _staged(frame, scope)
    given = pq.read_schema(parts[0]) if parts else frame.limit(0).toArrow().schema
    sink = SqlSink(ctx, table, how)
    schema = _fitting(given, given.names, None if how.creates else sink.schema())
    batches = (batch for part in parts for batch in pq.ParquetFile(part).iter_batches())
    return sink.write(RowStream(schema, _typed(batches, schema))).rows


def _fitting(schema: pa.Schema, names: list[str], target: pa.Schema | None) -> pa.Schema:
    """The columns that are written, with the types of those of the table that have their names."""
    import pyarrow as pa

    by_lower = {} if target is None else {field.name.lower(): field for field in target}
    fields = [schema.field(name) for name in names]
    return pa.schema([pa.field(f.name, by_lower.get(f.name.lower(), f).type) for f in fields])


def _typed(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        try:
            columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
        except pa.ArrowInvalid as error:
            raise ActivityFailed("DFExecutorUserError", f"A value does not fit the table: {error}") from None
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
