"""Arrow batches into a table: COPY on PostgreSQL, many rows a statement elsewhere. Columns are converted by Arrow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.movement.rows import BadRows, RowStream
from reelhouse.adf.sql.databases import Database
from reelhouse.adf.sql.errors import COPY, refused
from reelhouse.adf.sql.names import quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

KEY_TAKEN = "2627"
"""SQL Server's number for a primary key that is there already, which logs of skipped rows have."""


def load(
    ctx: ActivityContext, database: Database, connection: Connection, table: str, stream: RowStream
) -> tuple[int, int]:
    """Append all rows to a table, whose name is SQL. The number of rows and of bytes comes back."""
    columns = ", ".join(quoted(name, database.kind) for name in stream.schema.names)
    rows = size = 0
    for batch in stream.batches:
        ctx.waiting().check()
        if not batch.num_rows:
            continue
        rows += _put(database, connection, table, columns, batch, stream.progress.bad)
        size += batch.nbytes
    return rows, size


def _put(
    database: Database, connection: Connection, table: str, columns: str, batch: pa.RecordBatch, bad: BadRows
) -> int:
    """Write a batch; the number of rows written comes back.

    Where bad rows are skipped, rows whose key is taken are skipped too. They are found by halving the batch, so that a
    good one costs one call.
    """
    from sqlalchemy.exc import DBAPIError

    write = _copy if database.kind == "postgresql" else _insert
    count: int = batch.num_rows
    if not getattr(bad, "enabled", False):
        write(connection, table, columns, batch)
        return count
    try:
        with connection.begin_nested():
            write(connection, table, columns, batch)
        return count
    except DBAPIError as error:
        if not _is_taken(error):
            raise
        if count == 1:
            bad.add(batch.to_pylist()[0], KEY_TAKEN, " ".join(str(error.orig).split()))
            return 0
    half = count // 2
    return sum(_put(database, connection, table, columns, part, bad) for part in (batch[:half], batch[half:]))


def _is_taken(error: Any) -> bool:
    """Whether a primary key or a unique constraint is violated."""
    return getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint failed" in str(error.orig)


def _copy(connection: Connection, table: str, columns: str, batch: pa.RecordBatch) -> None:
    """CSV of Arrow tells null (nothing) from the empty text (quotes), as PostgreSQL does."""
    import pyarrow as pa
    from pyarrow import csv
    from sqlalchemy.exc import DBAPIError

    arrays = [_as_csv(batch.column(index), batch.schema.names[index]) for index in range(batch.num_columns)]
    buffer = io.BytesIO()
    plain = pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
    csv.write_csv(plain, buffer, csv.WriteOptions(include_header=False))
    raw: Any = connection.connection.driver_connection
    statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)"
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(buffer.getbuffer())
    except raw.Error as error:
        gone = bool(raw.closed or raw.broken)
        if gone:
            connection.invalidate(error)
        raise DBAPIError(statement, None, error, connection_invalidated=gone) from error


def _as_csv(column: pa.Array, name: str) -> pa.Array:
    import pyarrow as pa

    of = column.type
    if pa.types.is_nested(of):
        raise refused(COPY, "SqlDataTypeNotSupported", f"The column '{name}' is {of}, which no column of a table takes")
    if pa.types.is_binary(of) or pa.types.is_large_binary(of):
        return pa.array([None if value is None else "\\x" + value.hex() for value in column.to_pylist()], pa.string())
    if pa.types.is_decimal(of) or pa.types.is_floating(of) or pa.types.is_time(of):
        return column.cast(pa.string())
    return column


def _insert(connection: Connection, table: str, columns: str, batch: pa.RecordBatch) -> None:
    kind = connection.dialect.name
    values = [_for_driver(batch.column(index), batch.schema.names[index], kind)
              for index in range(batch.num_columns)]  # fmt: skip
    rows = list(zip(*values, strict=True))
    if kind == "sqlite":
        marks = ", ".join("?" * batch.num_columns)
        connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
        return
    from sqlalchemy import text

    marks = ", ".join(f":p{index}" for index in range(batch.num_columns))
    named = [{f"p{index}": value for index, value in enumerate(row)} for row in rows]
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), named)


def _for_driver(column: pa.Array, name: str, kind: str) -> list[Any]:
    """The values of a column as the driver takes them. SQLite keeps dates and decimals as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    of = column.type
    if pa.types.is_nested(of):
        raise refused(COPY, "SqlDataTypeNotSupported", f"The column '{name}' is {of}, which no column of a table takes")
    if kind == "sqlite":
        if pa.types.is_boolean(of):
            column = column.cast(pa.int8())
        elif pa.types.is_timestamp(of) and of.tz:
            column = pc.strftime(column.cast(pa.timestamp("us", "UTC")), "%Y-%m-%d %H:%M:%S+00:00")
        elif pa.types.is_temporal(of) or pa.types.is_decimal(of):
            column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    return values
