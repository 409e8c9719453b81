"""Rows of a table, a query or a procedure, as Arrow batches.

https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database#azure-sql-database-as-the-source
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext, as_seconds, wrong
from reelhouse.adf.dataset import OpenDataset, SqlTable
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.movement.rows import Progress, RowStream
from reelhouse.adf.settings.sql import DATASETS_OF, SOURCES
from reelhouse.adf.sql.databases import Database
from reelhouse.adf.sql.errors import COPY, refused
from reelhouse.adf.sql.limits import limited
from reelhouse.adf.sql.names import parts_of
from reelhouse.adf.sql.parameters import for_driver, procedure_parameters
from reelhouse.adf.sql.procedures import find_procedure
from reelhouse.adf.sql.tables import find_table
from reelhouse.adf.sql.translate import Statement, statements
from reelhouse.adf.sql.types import arrow_of, column_of, guessed
from reelhouse.errors import Place, UserError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

BATCH_ROWS = 10_000
GUESS_ROWS = 1_000
PARTITION_OPTIONS = ("None", "PhysicalPartitionsOfTable", "DynamicRange")
ISOLATION = {"readcommitted": "READ COMMITTED", "readuncommitted": "READ UNCOMMITTED", "none": None,
             "repeatableread": "REPEATABLE READ", "serializable": "SERIALIZABLE", "snapshot": "SNAPSHOT"}  # fmt: skip
_CONDITIONS = ("?DfDynamicRangePartitionCondition", "?AdfDynamicRangePartitionCondition")
_UNUSED = ("source_retry_count", "source_retry_wait", "sink_retry_count", "sink_retry_wait", "write_batch_size",
           "number_precision", "number_scale")  # fmt: skip
_QUERIES = ("sql_reader_query", "query", "oracle_reader_query")


@dataclass(frozen=True)
class SqlRead:
    """What is read: a query or, where it is empty, a table or a procedure with its parameters."""

    database: Database
    table: SqlTable
    query: str = ""
    procedure: str = ""
    parameters: Mapping[str, Any] | None = None
    isolation: str | None = None
    timeout: float = 7200.0
    additional: Sequence[tuple[str, str]] = ()
    code: str = COPY


def check_sql_source(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> None:
    """What can be seen of a source before it runs."""
    kind = str(raw.get("type"))
    source = checked(SOURCES[kind], raw, place, f"A source ({kind})", findings)
    if source is None:
        return
    for name, key, known in (
        ("isolationLevel", "isolation_level", tuple(ISOLATION)),
        ("partitionOption", "partition_option", tuple(option.lower() for option in PARTITION_OPTIONS)),
    ):
        value = getattr(source, key, None)
        if isinstance(value, str) and value and "@" not in value and value.lower() not in known:
            findings.append(problem(place.at(name), f"'{value}' is no {name}", f"Known: {', '.join(known)}."))
    if _given(source, *_QUERIES) and _given(source, "sql_reader_stored_procedure_name"):
        findings.append(problem(place, "A source has a query or a stored procedure, not both"))
    if getattr(source, "produce_additional_types", None) not in (None, False):
        findings.append(problem(place.at("produceAdditionalTypes"), "'produceAdditionalTypes' is not supported"))


def _given(settings: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(settings, name, None)) not in (None, "")), None)


def read_sql_source(
    ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place, code: str = COPY
) -> SqlRead:
    """What a source (its JSON, not evaluated) reads of a dataset. Raises `UserError` and `ActivityFailed`."""
    kind = str(raw.get("type"))
    fitting = DATASETS_OF.get(kind.removesuffix("Source"), ())
    location = dataset.location
    if kind not in SOURCES or dataset.type not in fitting or not isinstance(location, SqlTable):
        raise UserError(f"The source '{kind}' does not fit a {dataset.type} dataset", where=place.at("type"))
    findings: list[Finding] = []
    evaluated = ctx.value(dict(raw), "source")
    check_sql_source(evaluated, place, findings)
    if findings:
        raise findings[0].error()
    source = SOURCES[kind].model_validate(evaluated)
    tell_unused(ctx, source)
    query = text(_given(source, *_QUERIES))
    procedure = text(_given(source, "sql_reader_stored_procedure_name"))
    if not (query or procedure or location.table):
        raise UserError("Neither the source nor its dataset says what to read", where=place, remedy="Give a query.")
    for condition in _CONDITIONS:
        query = query.replace(condition, "1 = 1")
    option = text(_given(source, "partition_option"))
    if option and option.lower() != "none":
        ctx.services.runs.note(f"partitionOption {option} is read by one reader here", run_id=ctx.run_id)
    values = None
    if procedure:
        given = getattr(source, "stored_procedure_parameters", None)
        typed = procedure_parameters(given, place.at("storedProcedureParameters"))
        values = {name: for_driver(value, location.database.kind) for name, value in typed.items()}
    level = ISOLATION.get(text(_given(source, "isolation_level")).lower())
    if level == "SNAPSHOT" and location.database.kind != "mssql":
        level = "REPEATABLE READ"
    timeout = getattr(source, "query_timeout", None) or "02:00:00"
    return SqlRead(
        location.database, location, query, procedure, values, level, as_seconds(ctx, timeout, "queryTimeout"),
        _additional(ctx, getattr(source, "additional_columns", None)), code,
    )  # fmt: skip


def tell_unused(ctx: ActivityContext, settings: Any) -> None:
    """Note what a source or sink says that makes no difference to a database at hand."""
    unused = [key for key in _UNUSED if getattr(settings, key, None) not in (None, "", False)]
    for key in unused:
        name = type(settings).model_fields[key].alias
        ctx.services.runs.note(f"'{name}' has no effect on a local database", run_id=ctx.run_id)


def _additional(ctx: ActivityContext, raw: Any) -> list[tuple[str, str]]:
    columns = []
    for index, item in enumerate(raw or []):
        if not isinstance(item, Mapping) or not item.get("name"):
            raise wrong(ctx, "An additional column has a name and a value", "source", "additionalColumns", index)
        value = text(item.get("value"))
        if value.startswith("$$") and not value.startswith("$$COLUMN:"):
            raise wrong(ctx, f"'{value}' is for files", "source", "additionalColumns", index)
        columns.append((text(item["name"]), value))
    return columns


def open_sql_source(ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place) -> RowStream:
    """The rows of a source of a Copy. The database is asked for the columns; no row is read yet."""
    return stream(ctx, read_sql_source(ctx, raw, dataset, place))


def stream(ctx: ActivityContext, read: SqlRead) -> RowStream:
    """The rows of what is read."""
    import pyarrow as pa

    schema = _schema(ctx, read)
    columns = {field.name: field.type for field in schema}
    fields = list(schema)
    for name, value in read.additional:
        original = value.removeprefix("$$COLUMN:")
        if value.startswith("$$COLUMN:") and original not in columns:
            raise refused(read.code, "SqlInvalidColumnName", f"The source has no column '{original}'")
        fields.append(pa.field(name, columns[original] if value.startswith("$$COLUMN:") else pa.string()))
    progress = Progress()
    return RowStream(pa.schema(fields), _batches(ctx, read, schema, pa.schema(fields), progress), progress)


@contextmanager
def _running(ctx: ActivityContext, read: SqlRead) -> Iterator[tuple[Connection, Statement]]:
    """A connection on which all but the last statement, which gives the rows, has been run."""
    from sqlalchemy import text as sql_text

    database = read.database
    with (
        database.connect(read.code, read.isolation) as connection,
        limited(ctx, database, connection, read.timeout, read.code),
    ):
        found = _asked(connection, read)
        last = max((index for index, item in enumerate(found) if item.reads), default=-1)
        if last < 0 or sum(item.reads for item in found) > 1:
            raise refused(
                read.code, "SqlInvalidDbQueryString", "What is read has to give exactly one result set, not "
                f"{sum(item.reads for item in found)}",
            )  # fmt: skip
        for item in found[:last]:
            connection.execute(sql_text(item.text), item.bound(read.parameters or {}))
        yield connection, found[last]


def _asked(connection: Connection, read: SqlRead) -> list[Statement]:
    database = read.database
    if read.query:
        return list(statements(connection, database, read.query, read.code))
    if read.procedure:
        return find_procedure(connection, database, parts_of(read.procedure), read.parameters or {}, read.code, True)
    table = find_table(connection, database, read.table.schema, read.table.table)
    if table is None:
        raise missing(read.table, read.code)
    return [Statement(f"SELECT * FROM {table.sql.replace(':', chr(92) + ':')}", True)]


def missing(table: SqlTable, code: str) -> ActivityFailed:
    """The failure for a table that is not there."""
    return refused(code, "SqlOperationFailed", f"The table '{table.url}' does not exist")


def _schema(ctx: ActivityContext, read: SqlRead) -> pa.Schema:
    """The columns of what is read. Whatever is run to see them is rolled back."""
    import pyarrow as pa
    from sqlalchemy import text as sql_text

    kind = read.database.kind
    with _running(ctx, read) as (connection, statement):
        declared = _declared(connection, statement) if kind == "sqlite" else []
        query = statement.text
        if kind == "postgresql" and statement.text.lstrip().lower().startswith("select"):
            query = f"SELECT * FROM ({statement.text}) AS reelhouse_columns LIMIT 0"
        values = statement.bound(read.parameters or {})
        options = connection.execution_options(stream_results=True)
        with closing(options.execute(sql_text(query), values)) as result:
            names = _unique(list(result.keys()), read.code)
            types = _types(result, kind, declared or [""] * len(names))
        connection.rollback()
        return pa.schema(list(zip(names, types, strict=True)))


def _types(result: Any, kind: str, declared: Sequence[str]) -> list[pa.DataType]:
    """The types of the columns of a result; those of which nothing is declared are seen from their first values."""
    if kind == "postgresql":
        return [arrow_of(item.type_display, kind) for item in result.cursor.description]
    if all(declared):
        return [arrow_of(name, kind) for name in declared]
    columns = list(zip(*result.fetchmany(GUESS_ROWS), strict=True)) or [()] * len(declared)
    return [arrow_of(name, kind) if name else guessed(column) for name, column in zip(declared, columns, strict=True)]


def _declared(connection: Connection, statement: Statement) -> list[str]:
    """The declared types of the columns of a query on SQLite, empty for expressions: those of a view of it."""
    from sqlalchemy import text as sql_text

    query = re.sub(r":p\d+", "NULL", statement.text) if statement.names else statement.text
    connection.execute(sql_text(f"CREATE TEMP VIEW reelhouse_columns AS {query}"))
    rows = connection.exec_driver_sql("PRAGMA temp.table_info(reelhouse_columns)").all()
    connection.exec_driver_sql("DROP VIEW temp.reelhouse_columns")
    return ["" if row[2].upper() == "NUM" else row[2] for row in rows]


def _unique(names: list[str], code: str) -> list[str]:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise refused(code, "SqlInvalidColumnName", f"The result has two columns '{twins[0]}'")
    if "" in names or "?column?" in names:
        raise refused(code, "SqlInvalidColumnName", "A column of the result has no name, give it one with AS")
    return names


def _batches(
    ctx: ActivityContext, read: SqlRead, schema: pa.Schema, full: pa.Schema, progress: Progress
) -> Iterator[pa.RecordBatch]:
    """Rows as they come, never all of them at once."""
    from sqlalchemy import text as sql_text

    with _running(ctx, read) as (connection, statement):
        options = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
        try:
            with closing(options.execute(sql_text(statement.text), statement.bound(read.parameters or {}))) as result:
                while rows := result.fetchmany(BATCH_ROWS):
                    ctx.waiting().check()
                    batch = _batch(rows, schema, full, read)
                    progress.rows_read += batch.num_rows
                    progress.data_read += batch.nbytes
                    yield batch
        except GeneratorExit:
            connection.commit()  # enough rows were read; what a procedure did besides holds
            raise


def _batch(rows: Sequence[Any], schema: pa.Schema, full: pa.Schema, read: SqlRead) -> pa.RecordBatch:
    """Rows of the driver as Arrow, with the additional columns."""
    import pyarrow as pa

    columns = [
        column_of(values, field.type, field.name) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    for name, value in read.additional:
        if value.startswith("$$COLUMN:"):
            columns.append(columns[schema.get_field_index(value.removeprefix("$$COLUMN:"))])
        else:
            columns.append(pa.array([value] * len(rows), type=full.field(name).type))
    return pa.RecordBatch.from_arrays(columns, schema=full)
