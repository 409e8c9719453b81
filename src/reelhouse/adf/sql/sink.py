"""Rows into a table, in one transaction: everything is there after it, or nothing is.

Azure commits batch by batch, so that a copy that fails there leaves the batches before; here it leaves nothing. The
script before the copy is part of the transaction too.
https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database#azure-sql-database-as-the-sink
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext, as_boolean, as_integer, as_seconds, wrong
from reelhouse.adf.dataset import OpenDataset, SqlTable
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.movement.rows import RowStream, Written
from reelhouse.adf.settings.sql import DATASETS_OF, SINKS, UpsertSettings
from reelhouse.adf.sql.errors import COPY, refused
from reelhouse.adf.sql.load import load
from reelhouse.adf.sql.names import quoted
from reelhouse.adf.sql.source import missing, tell_unused
from reelhouse.adf.sql.tables import Table, find_table, full_name
from reelhouse.adf.sql.translate import statements
from reelhouse.adf.sql.types import declared_for
from reelhouse.errors import Place, UserError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

_REFUSED = (
    ("sqlWriterStoredProcedureName", "sql_writer_stored_procedure_name"),
    ("sqlWriterTableType", "sql_writer_table_type"),
    ("storedProcedureParameters", "stored_procedure_parameters"),
    ("storedProcedureTableTypeParameterName", "stored_procedure_table_type_parameter_name"),
)
_CHOICES = (
    ("tableOption", "table_option", ("none", "autoCreate")),
    ("writeBehavior", "write_behavior", ("insert", "upsert")),
    ("writeMethod", "write_method", ("BulkInsert", "CopyCommand", "Upsert")),
)
_INTERIM = "reelhouse_interim"


@dataclass(frozen=True)
class SqlWrite:
    """How rows go into a table."""

    script: str = ""
    creates: bool = False
    upserts: bool = False
    keys: Sequence[str] = ()
    timeout: float | None = None


def check_sql_sink(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> None:
    """What can be seen of a sink before it runs."""
    kind = str(raw.get("type"))
    sink = checked(SINKS[kind], raw, place, f"A sink ({kind})", findings)
    if sink is None:
        return
    for name, key in _REFUSED:
        if getattr(sink, key, None) not in (None, "", {}):
            findings.append(problem(place.at(name), f"'{name}' of a sink is not supported", "Use writeBehavior."))
    for name, key, known in _CHOICES:
        value = getattr(sink, key, None)
        if isinstance(value, str) and value and "@" not in value and value.lower() not in [k.lower() for k in known]:
            findings.append(problem(place.at(name), f"'{value}' is no {name}", did_you_mean(value, known)))
    upsert = getattr(sink, "upsert_settings", None)
    if isinstance(upsert, Mapping) and "value" not in upsert:
        checked(UpsertSettings, upsert, place.at("upsertSettings"), "The upsertSettings", findings)


def open_sql_sink(ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place) -> SqlSink:
    """The sink of a Copy (its JSON, not evaluated). Raises `UserError`."""
    kind = str(raw.get("type"))
    location = dataset.location
    fitting = DATASETS_OF.get(kind.removesuffix("Sink"), ())
    if kind not in SINKS or dataset.type not in fitting or not isinstance(location, SqlTable):
        raise UserError(f"The sink '{kind}' does not fit a {dataset.type} dataset", where=place.at("type"))
    if not location.table:
        raise UserError(f"The dataset '{dataset.name}' names no table to write to", where=dataset.place)
    findings: list[Finding] = []
    evaluated = ctx.value(dict(raw), "sink")
    check_sql_sink(evaluated, place, findings)
    if findings:
        raise findings[0].error()
    return SqlSink(ctx, location, _read(ctx, SINKS[kind].model_validate(evaluated)))


def _read(ctx: ActivityContext, sink: Any) -> SqlWrite:
    tell_unused(ctx, sink)
    behavior = text(getattr(sink, "write_behavior", None)) or text(getattr(sink, "write_method", None))
    upserts = behavior.lower() == "upsert"
    raw = getattr(sink, "upsert_settings", None)
    upsert = UpsertSettings.model_validate(raw) if isinstance(raw, Mapping) else UpsertSettings.model_validate({})
    keys = upsert.keys or []
    if not isinstance(keys, list):
        raise wrong(ctx, "'keys' is a list of columns", "sink", "upsertSettings", "keys")
    if upserts and upsert.use_temp_db is not None:
        as_boolean(ctx, upsert.use_temp_db, "useTempDB")
    if sink.write_batch_size not in (None, ""):
        as_integer(ctx, sink.write_batch_size, "writeBatchSize", 1)
    timeout = None
    if sink.write_batch_timeout not in (None, ""):
        timeout = as_seconds(ctx, sink.write_batch_timeout, "writeBatchTimeout")
    creates = text(getattr(sink, "table_option", None)).lower() == "autocreate"
    return SqlWrite(text(sink.pre_copy_script), creates, upserts, [text(key) for key in keys], timeout)


class SqlSink:
    """A table that takes rows."""

    def __init__(self, ctx: ActivityContext, target: SqlTable, how: SqlWrite) -> None:
        self._ctx = ctx
        self._target = target
        self._how = how

    def schema(self) -> pa.Schema | None:
        """The columns of the table; None when it is made from those of the source."""
        import pyarrow as pa

        database = self._target.database
        with database.connect(COPY) as connection:
            table = self._find(connection)
            if table is None and self._how.script:
                # The script may make the table: it is run to see, and taken back.
                self._prepare(connection)
                table = self._find(connection)
            connection.rollback()
        if table is None:
            if not self._how.creates:
                raise missing(self._target, COPY)
            return None
        written = {column.name for column in table.columns if not column.made}
        return pa.schema([field for field in table.arrow() if field.name in written])

    def write(self, stream: RowStream) -> Written:
        """Take all rows. Raises `ActivityFailed`; nothing of them stays then."""
        database = self._target.database
        with database.connect(COPY) as connection:
            if database.kind == "postgresql" and self._how.timeout:
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(self._how.timeout * 1000)}")
            self._prepare(connection)
            table = self._find(connection) or self._create(connection, stream.schema)
            if self._how.upserts:
                return self._upsert(connection, table, stream)
            counts = load(self._ctx, database, connection, table.sql, stream)
        return Written(*counts)

    def _find(self, connection: Connection) -> Table | None:
        return find_table(connection, self._target.database, self._target.schema, self._target.table)

    def _prepare(self, connection: Connection) -> None:
        from sqlalchemy import text as sql_text

        if self._how.script:
            for statement in statements(connection, self._target.database, self._how.script, COPY):
                connection.execute(sql_text(statement.text))

    def _create(self, connection: Connection, schema: pa.Schema) -> Table:
        database = self._target.database
        if not self._how.creates:
            raise missing(self._target, COPY)
        own = database.schema(self._target.schema)
        database.attach(connection, own)
        columns = ", ".join(f"{quoted(f.name, database.kind)} {declared_for(f.type, database.kind)}" for f in schema)
        name = full_name(own, self._target.table, database.kind)
        connection.exec_driver_sql(f"CREATE TABLE {name} ({columns})")
        table = self._find(connection)
        assert table is not None
        return table

    def _upsert(self, connection: Connection, table: Table, stream: RowStream) -> Written:
        """The rows go to an interim table first; rows whose keys exist are updated, the others inserted."""
        kind = table.kind
        names = list(stream.schema.names)
        keys = self._keys(table, names)
        columns = ", ".join(quoted(name, kind) for name in names)
        interim = quoted(_INTERIM, kind)
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {interim} AS SELECT {columns} FROM {table.sql} WHERE 1 = 0")
        counts = load(self._ctx, self._target.database, connection, interim, stream)
        by_key = ", ".join(quoted(key, kind) for key in keys)
        twins = connection.exec_driver_sql(
            f"SELECT {by_key} FROM {interim} GROUP BY {by_key} HAVING COUNT(*) > 1 LIMIT 1"
        ).first()
        if twins is not None:
            shown = ", ".join(f"{key} = {value}" for key, value in zip(keys, twins, strict=True))
            raise refused(COPY, "SqlOperationFailed", f"The source has several rows to upsert with {shown}")
        match = " AND ".join(f"s.{quoted(key, kind)} = t.{quoted(key, kind)}" for key in keys)
        others = [name for name in names if name not in keys]
        if others:
            changes = ", ".join(f"{quoted(name, kind)} = s.{quoted(name, kind)}" for name in others)
            connection.exec_driver_sql(f"UPDATE {table.sql} AS t SET {changes} FROM {interim} AS s WHERE {match}")
        connection.exec_driver_sql(
            f"INSERT INTO {table.sql} ({columns}) SELECT {columns} FROM {interim} AS s "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table.sql} AS t WHERE {match})"
        )
        connection.exec_driver_sql(f"DROP TABLE {interim}")
        return Written(*counts)

    def _keys(self, table: Table, names: Sequence[str]) -> list[str]:
        wanted = list(self._how.keys) or [column.name for column in table.columns if column.key]
        if not wanted:
            message = f"'{self._target.url}' has no primary key, and upsertSettings names no keys"
            raise refused(COPY, "SqlUpsertKeyMissing", message)
        lower = {name.lower(): name for name in names}
        for key in wanted:
            if key.lower() not in lower:
                message = f"The key '{key}' is no column of what is copied. {did_you_mean(key, names)}"
                raise refused(COPY, "SqlInvalidColumnName", message)
        return [lower[key.lower()] for key in wanted]
