"""Lookup, GetMetadata, Script and SqlServerStoredProcedure on databases, for real."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelhouse.adf.sql.databases import Databases
from reelhouse.adf.sql.target import SqlTarget
from reelhouse.adf.validate import validate
from reelhouse.clock import SystemClock
from reelhouse.runs.record import RunStatus

REFERENCE = {"referenceName": "ls_sql", "type": "LinkedServiceReference"}


def objects(service: str = "AzureSqlDatabase", table: str = "AzureSqlTable", **properties: Any) -> dict[str, Any]:
    """A linked service and a dataset of it."""
    own = {"type": service, "typeProperties": properties}
    names = {"tableName": "@dataset().table"} if table in ("MySqlTable", "AzureMySqlTable") else {
        "schema": "dbo", "table": "@dataset().table"}  # fmt: skip
    dataset = {
        "type": table,
        "linkedServiceName": REFERENCE,
        "parameters": {"table": {"type": "string"}},
        "typeProperties": names,
    }
    return {
        "linkedService": [{"name": "ls_sql", "properties": own}],
        "dataset": [{"name": "ds_table", "properties": dataset}],
    }


OBJECTS = objects()


class Stand:
    """A database that stands in, with a look into it and a folder of procedures."""

    def __init__(self, kind: str, folder: Path, look: Callable[[str], list[Any]]) -> None:
        self.kind = kind
        self.look = look
        self.procedures = folder / "procedures"
        self.procedures.mkdir()

    def procedure(self, name: str, sql: str) -> None:
        (self.procedures / name).write_text(sql, encoding="utf-8")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def stand(request, tmp_path, services) -> Iterator[Stand]:
    yield from _sqlite(tmp_path, services) if request.param == "sqlite" else _postgres(tmp_path, services)


def _sqlite(folder: Path, services: Any) -> Iterator[Stand]:
    def look(sql: str) -> list[Any]:
        connection = sqlite3.connect(folder / "sales.db")
        try:
            rows = connection.execute(sql).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    services.sql = Databases({"ls_sql": SqlTarget(url="sqlite:///sales.db", procedures="procedures")}, folder)
    yield Stand("sqlite", folder, look)
    services.sql.close()


def _postgres(folder: Path, services: Any) -> Iterator[Stand]:
    import psycopg

    address = os.environ["REELHOUSE_POSTGRES"]
    plain = address.replace("+psycopg", "")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")

    def look(sql: str) -> list[Any]:
        with psycopg.connect(plain.rpartition("/")[0] + f"/{name}") as connection:
            result = connection.execute(sql)
            return result.fetchall() if result.description else []

    url = address.rpartition("/")[0] + f"/{name}"
    services.sql = Databases({"ls_sql": SqlTarget(url=url, procedures="procedures")}, folder)
    yield Stand("postgresql", folder, look)
    services.sql.close()
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def ask(act, dataset) -> Callable[..., dict[str, Any]]:
    """A Lookup."""

    def make(table: str = "t", *, first: bool = True, kind: str = "AzureSqlSource", **source: Any):
        return act(
            "ask",
            "Lookup",
            source={"type": kind, **source},
            dataset=dataset("ds_table", table=table),
            firstRowOnly=first,
        )

    return make


@pytest.fixture
def script(act) -> Callable[..., dict[str, Any]]:
    def make(*blocks: dict[str, Any], **more: Any):
        return act("script", "Script", scripts=list(blocks), linkedServiceName=REFERENCE, **more)

    return make


@pytest.fixture
def call(act) -> Callable[..., dict[str, Any]]:
    def make(name: str, **parameters: Any):
        return act(
            "call",
            "SqlServerStoredProcedure",
            storedProcedureName=name,
            storedProcedureParameters=parameters,
            linkedServiceName=REFERENCE,
        )

    return make


def last(runs: Any, name: str) -> Any:
    return runs.named(name)[-1]


def test_a_lookup_gives_values_as_json_has_them(stand, run, ask, runs, lineage):
    stand.look("CREATE TABLE t (id INT, price DECIMAL(10,2), name VARCHAR(20), on_day DATE)")
    stand.look("INSERT INTO t VALUES (1, 2.5, 'a', '2026-01-02'), (2, NULL, NULL, NULL)")
    run([ask(first=False)], objects=OBJECTS)
    assert last(runs, "ask").output == {
        "count": 2,
        "value": [
            {"id": 1, "price": 2.5, "name": "a", "on_day": "2026-01-02"},
            {"id": 2, "price": None, "name": None, "on_day": None},
        ],
    }
    (event, _) = lineage.events[0]
    assert event.sources[0].name == "ls_sql.dbo.t" and event.target is None


def test_a_lookup_of_no_rows_has_no_first_row(stand, run, ask, runs):
    stand.look("CREATE TABLE t (id INT)")
    run([ask(sqlReaderQuery="SELECT id FROM dbo.t WHERE id > 5")], objects=OBJECTS)
    assert last(runs, "ask").output == {}


def test_a_lookup_gives_five_thousand_rows_at_most(stand, run, ask, runs):
    stand.look("CREATE TABLE t (id INT)")
    stand.look(
        "INSERT INTO t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 6000) SELECT i FROM n"
    )
    run([ask(first=False)], objects=OBJECTS)
    assert last(runs, "ask").output["count"] == 5000


def test_a_watermark_is_read_from_a_table_of_another_case(stand, run, ask, runs):
    stand.look('CREATE TABLE "Watermark" ("TableName" VARCHAR(20), "Value" INT)')
    stand.look("INSERT INTO \"Watermark\" VALUES ('orders', 7)")
    query = "SELECT MAX(value) AS NewMark FROM dbo.watermark WHERE tablename = 'orders'"
    run([ask(sqlReaderQuery=query)], objects=OBJECTS)
    assert last(runs, "ask").output == {"firstRow": {"NewMark": 7}}


def test_a_lookup_of_a_procedure_keeps_what_it_changed(stand, run, ask, runs):
    stand.look("CREATE TABLE t (id INT)")
    stand.look("INSERT INTO t VALUES (1)")
    stand.procedure("usp_next.sql", "UPDATE t SET id = id + :step;\nSELECT id FROM t;")
    parameters = {"step": {"value": "2", "type": "Int"}}
    run([ask(sqlReaderStoredProcedureName="dbo.usp_next", storedProcedureParameters=parameters)], objects=OBJECTS)
    assert last(runs, "ask").output == {"firstRow": {"id": 3}}
    assert stand.look("SELECT id FROM t") == [(3,)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 1 AS a; SELECT 2 AS b", "exactly one result set"),
        ("DELETE FROM dbo.t", "exactly one result set"),
        ("SELECT id, id FROM dbo.t", "two columns 'id'"),
        ("EXEC dbo.usp", "cannot be translated"),
    ],
)
def test_a_query_of_no_single_result_is_refused(stand, run, ask, runs, query, words):
    stand.look("CREATE TABLE t (id INT)")
    stand.look("INSERT INTO t VALUES (1)")
    run([ask(sqlReaderQuery=query)], objects=OBJECTS)
    error = last(runs, "ask").error
    assert error["errorCode"] == "2100" and words in error["message"]
    assert stand.look("SELECT id FROM t") == [(1,)]


def test_a_query_that_takes_too_long_ends(tmp_path, services, run, ask, runs):
    services.clock = SystemClock()
    for _ in _sqlite(tmp_path, services):
        endless = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS c FROM n"
        services.sql = Databases({"ls_sql": SqlTarget(url="sqlite:///sales.db", translate=False)}, tmp_path)
        run([ask(sqlReaderQuery=endless, queryTimeout="00:00:01")], objects=OBJECTS)
        assert "ran longer than" in last(runs, "ask").error["message"]


def test_metadata_of_a_table(stand, run, act, dataset, runs):
    stand.look("CREATE TABLE t (id INT, at TIMESTAMP, name VARCHAR(5))")
    fields = ["exists", "columnCount", "structure"]
    run(
        [
            act("look", "GetMetadata", dataset=dataset("ds_table", table="T"), fieldList=fields),
            act("absent", "GetMetadata", dataset=dataset("ds_table", table="x"), fieldList=fields),
            act("wrong", "GetMetadata", dataset=dataset("ds_table", table="t"), fieldList=["size"]),
            act("missing", "GetMetadata", dataset=dataset("ds_table", table="x"), fieldList=["columnCount"]),
        ],
        objects=OBJECTS,
    )
    assert last(runs, "look").output == {
        "exists": True,
        "columnCount": 3,
        "structure": [
            {"name": "id", "type": "Int32"},
            {"name": "at", "type": "DateTime"},
            {"name": "name", "type": "String"},
        ],
    }
    assert last(runs, "absent").output == {"exists": False}
    assert "A table has no 'size'" in last(runs, "wrong").error["message"]
    assert last(runs, "missing").error["errorCode"] == "2011"


@pytest.mark.supports("activity", "Script")
def test_a_script_gives_its_result_sets_and_counts(stand, run, script, runs):
    stand.look("CREATE TABLE t (id INT, name VARCHAR(20))")
    parameters = [
        {"name": "id", "type": "Int32", "value": "7", "direction": "Input"},
        {"name": "name", "type": "String", "value": "o'x:y"},
    ]
    body = script(
        {"type": "NonQuery", "text": "INSERT INTO [dbo].[t] VALUES (@id, @name)", "parameters": parameters},
        {"type": "Query", "text": "SELECT * FROM dbo.t; SELECT COUNT(*) AS n FROM dbo.t WHERE name <> 'a:b'"},
    )
    assert run([body], objects=OBJECTS).status is RunStatus.SUCCEEDED
    output = last(runs, "script").output
    assert output["resultSetCount"] == 2 and output["recordsAffected"] == 1
    assert output["resultSets"] == [
        {"rowCount": 1, "rows": [{"id": 7, "name": "o'x:y"}]},
        {"rowCount": 1, "rows": [{"n": 1}]},
    ]
    assert output["outputParameters"] == {} and output["outputTruncated"] is False


def test_a_script_that_fails_leaves_nothing(stand, run, script, runs):
    stand.look("CREATE TABLE t (id INT)")
    body = script(
        {"type": "NonQuery", "text": "INSERT INTO dbo.t VALUES (1)"},
        {"type": "NonQuery", "text": "INSERT INTO dbo.nothing VALUES (1)"},
    )
    assert run([body], objects=OBJECTS).status is RunStatus.FAILED
    assert last(runs, "script").error["errorCode"] == "2011"
    assert stand.look("SELECT * FROM t") == []


def test_a_script_refuses_output_parameters_before_the_run(make_factory, script):
    block = {"type": "Query", "text": "SELECT 1 AS a", "parameters": [{"name": "a", "direction": "Output"}]}
    factory = make_factory({"main": [script(block)]}, objects=OBJECTS)
    messages = [finding.message for finding in validate(factory)]
    assert any("direction 'Output' are not supported" in message for message in messages)


def test_a_script_needs_a_linked_service(make_factory, act):
    factory = make_factory({"main": [act("s", "Script", scripts=[{"type": "Query", "text": "SELECT 1"}])]})
    assert any("needs a linked service" in finding.message for finding in validate(factory))


@pytest.mark.supports("activity", "SqlServerStoredProcedure")
def test_a_script_plays_a_stored_procedure(stand, run, call, runs):
    stand.look("CREATE TABLE t (id INT, at TIMESTAMP, note VARCHAR(20))")
    stand.procedure("dbo.usp_add.sql", "DELETE FROM t;\nINSERT INTO t VALUES (:Id, :at, 'a:note; x');")
    done = run(
        [
            call(
                "[dbo].[usp_add]",
                id={"value": "@string(add(1, 1))", "type": "Int32"},
                at={"value": "2026-01-02T03:04:05Z", "type": "DateTime"},
            )
        ],
        objects=OBJECTS,
    )
    assert done.status is RunStatus.SUCCEEDED, done.message
    assert [(row[0], str(row[1]), row[2]) for row in stand.look("SELECT * FROM t")] == [
        (2, "2026-01-02 03:04:05", "a:note; x")
    ]


def test_a_procedure_that_is_not_there_says_where_to_write_it(stand, run, call, runs):
    run([call("dbo.usp_none")], objects=OBJECTS)
    error = last(runs, "call").error
    assert error["errorCode"] == "2402" and "Write it as dbo.usp_none.sql in procedures" in error["message"]


def test_a_procedure_that_lacks_a_parameter_fails_and_changes_nothing(stand, run, call, runs):
    stand.look("CREATE TABLE t (id INT)")
    stand.procedure("usp.sql", "INSERT INTO t VALUES (1); INSERT INTO t VALUES (:second);")
    run([call("usp", secund={"value": 1, "type": "Int"})], objects=OBJECTS)
    assert "wants the parameter 'second'. Did you mean 'secund'?" in last(runs, "call").error["message"]
    assert stand.look("SELECT * FROM t") == []


@pytest.mark.postgres
def test_procedures_and_functions_of_postgresql_are_called(tmp_path, services, run, call, ask, runs):
    for stand in _postgres(tmp_path, services):
        stand.look("CREATE TABLE t (id INT)")
        stand.look(
            "CREATE PROCEDURE usp_add(first INT, second INT) LANGUAGE SQL AS 'INSERT INTO t VALUES (first + second)'"
        )
        stand.look(
            "CREATE FUNCTION usp_read(low INT) RETURNS SETOF t LANGUAGE SQL AS 'SELECT * FROM t WHERE id >= low'"
        )
        parameters = {"Second": {"value": 3, "type": "Int"}, "first": {"value": "4", "type": "Int32"}}
        body = [call("dbo.usp_add", **parameters)]
        assert run(body, objects=OBJECTS).status is RunStatus.SUCCEEDED
        assert stand.look("SELECT * FROM t") == [(7,)]
        low = {"low": {"value": "7", "type": "Int"}}
        run([ask(sqlReaderStoredProcedureName="usp_read", storedProcedureParameters=low)], objects=OBJECTS)
        assert last(runs, "ask").output == {"firstRow": {"id": 7}}


KINDS = [
    ("AzureSqlDatabase", "AzureSqlTable", "AzureSqlSource", "sqlReaderQuery", "AzureSqlSink"),
    ("SqlServer", "SqlServerTable", "SqlServerSource", "sqlReaderQuery", "SqlServerSink"),
    ("AzureSqlDW", "AzureSqlDWTable", "SqlDWSource", "sqlReaderQuery", "SqlDWSink"),
    ("AzureSqlMI", "AzureSqlMITable", "SqlMISource", "sqlReaderQuery", "SqlMISink"),
    ("PostgreSql", "PostgreSqlTable", "PostgreSqlSource", "query", None),
    ("PostgreSqlV2", "PostgreSqlV2Table", "PostgreSqlV2Source", "query", None),
    ("AzurePostgreSql", "AzurePostgreSqlTable", "AzurePostgreSqlSource", "query", "AzurePostgreSqlSink"),
    ("MySql", "MySqlTable", "MySqlSource", "query", None),
    ("AzureMySql", "AzureMySqlTable", "AzureMySqlSource", "query", "AzureMySqlSink"),
    ("Oracle", "OracleTable", "OracleSource", "oracleReaderQuery", "OracleSink"),
    ("Snowflake", "SnowflakeTable", "SnowflakeSource", "query", "SnowflakeSink"),
    ("SnowflakeV2", "SnowflakeV2Table", "SnowflakeV2Source", "query", "SnowflakeV2Sink"),
]


@pytest.mark.supports("linked_service", *[kind[0] for kind in KINDS])
@pytest.mark.supports("dataset", *[kind[1] for kind in KINDS])
@pytest.mark.parametrize("kind", KINDS, ids=[kind[0] for kind in KINDS])
def test_each_kind_of_database_is_read_and_written(tmp_path, services, raw, run, act, dataset, ask, runs, kind):
    service, table, source, query, sink = kind
    for stand in _sqlite(tmp_path, services):
        stand.look("CREATE TABLE t (id INT)")
        (raw / "f").mkdir()
        pq.write_table(pa.table({"id": [5]}), raw / "f" / "in.parquet")
        body = [ask(kind=source, **{query: "SELECT COUNT(*) AS n FROM t"})]
        if sink is not None:
            copy = act("copy", "Copy", source={"type": "ParquetSource"}, sink={"type": sink},
                       inputs=[dataset("ds_parquet", folder="f", file="in.parquet")],
                       outputs=[dataset("ds_table", table="t")])  # fmt: skip
            body = [copy, {**body[0], "dependsOn": [{"activity": "copy", "dependencyConditions": ["Succeeded"]}]}]
        done = run(body, objects=objects(service, table))
        assert done.status is RunStatus.SUCCEEDED, done.message
        assert last(runs, "ask").output == {"firstRow": {"n": int(sink is not None)}}
