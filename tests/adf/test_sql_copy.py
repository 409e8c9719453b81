"""Rows between files and databases, for real: SQLite in files; PostgreSQL where its address is given."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelhouse.adf.sql.databases import Databases
from reelhouse.adf.sql.target import SqlTarget
from reelhouse.runs.record import RunStatus

SERVICE = {
    "name": "ls_sql",
    "properties": {
        "type": "AzureSqlDatabase",
        "typeProperties": {"server": "srv.database.windows.net", "database": "sales", "authenticationType": "SQL"},
    },
}
TABLE = {
    "name": "ds_table",
    "properties": {
        "type": "AzureSqlTable",
        "linkedServiceName": {"referenceName": "ls_sql", "type": "LinkedServiceReference"},
        "parameters": {"schema": {"type": "string", "defaultValue": "dbo"}, "table": {"type": "string"}},
        "typeProperties": {"schema": "@dataset().schema", "table": "@dataset().table"},
    },
}
OBJECTS = {"linkedService": [SERVICE], "dataset": [TABLE]}
ALL_TYPES = pa.table(
    {
        "Id": pa.array([1, 2, 3], pa.int32()),
        "big": pa.array([2**40, None, -1], pa.int64()),
        "price": pa.array(["1.50", "22.25", None], pa.string()).cast(pa.decimal128(10, 2)),
        "exact": pa.array(["12345678901234567890.123456789012345678", "0.000000000000000001", None]).cast(
            pa.decimal128(38, 18)
        ),
        "share": pa.array([0.1, None, -2.5e300], pa.float64()),
        "flag": pa.array([True, False, None]),
        "name": pa.array(['a,"b"\n', "", None]),
        "day": pa.array([19000, None, 0], pa.int32()).cast(pa.date32()),
        "at": pa.array([1_700_000_000_123_456, None, 0], pa.int64()).cast(pa.timestamp("us")),
        "zoned": pa.array([1_700_000_000_000_000, None, 0], pa.int64()).cast(pa.timestamp("us", "UTC")),
        "raw": pa.array([b"\x00\xff", b"", None], pa.binary()),
    }
)


class Stand:
    """A database that stands in, and a connection to look into it."""

    def __init__(self, folder: Path, url: str, look: Callable[[str], list[Any]]) -> None:
        self.folder = folder
        self.url = url
        self.look = look


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def stand(request, tmp_path, services) -> Iterator[Stand]:
    """A database that is new."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path, services)
    else:
        yield from _postgres(tmp_path, services)
    services.sql.close()


def _sqlite(folder: Path, services: Any, query: str = "") -> Stand:
    def look(sql: str) -> list[Any]:
        connection = sqlite3.connect(folder / "sales.db")
        try:
            rows = connection.execute(sql.replace("stage.", "")).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    url = f"sqlite:///sales.db{query}"
    services.sql = Databases({"ls_sql": SqlTarget(url=url, procedures="procedures")}, folder)
    return Stand(folder, url, look)


def _postgres(folder: Path, services: Any) -> Iterator[Stand]:
    import psycopg

    address = os.environ["REELHOUSE_POSTGRES"]
    plain = address.replace("+psycopg", "")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    own = plain.rpartition("/")[0] + f"/{name}"

    def look(sql: str) -> list[Any]:
        with psycopg.connect(own) as connection:
            result = connection.execute(sql)
            return result.fetchall() if result.description else []

    url = address.rpartition("/")[0] + f"/{name}"
    services.sql = Databases({"srv.database.windows.net/sales": SqlTarget(url=url, procedures="procedures")}, folder)
    yield Stand(folder, url, look)
    services.sql.close()
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def load(act, dataset) -> Callable[..., dict[str, Any]]:
    """A copy from a Parquet file to a table."""

    def make(table: str, file: str = "in.parquet", schema: str = "dbo", policy: Any = None, **sink: Any):
        return act(
            "load",
            "Copy",
            source={"type": "ParquetSource"},
            sink={"type": "AzureSqlSink", **sink},
            inputs=[dataset("ds_parquet", folder="f", file=file)],
            outputs=[dataset("ds_table", table=table, schema=schema)],
            **({"policy": policy} if policy else {}),
        )

    return make


@pytest.fixture
def unload(act, dataset) -> Callable[..., dict[str, Any]]:
    """A copy from a table, or what the source says, to a Parquet file."""

    def make(table: str = "", after: Any = (), **source: Any):
        return act(
            "unload",
            "Copy",
            after,
            source={"type": "AzureSqlSource", **source},
            sink={"type": "ParquetSink"},
            inputs=[dataset("ds_table", table=table)],
            outputs=[dataset("ds_parquet", folder="f", file="out.parquet")],
        )

    return make


def put(raw: Path, table: pa.Table, name: str = "in.parquet") -> None:
    (raw / "f").mkdir(exist_ok=True)
    pq.write_table(table, raw / "f" / name)


def error_of(runs: Any, name: str) -> dict[str, Any]:
    return runs.named(name)[-1].error


@pytest.mark.supports("dataset", "AzureSqlTable")
@pytest.mark.supports("linked_service", "AzureSqlDatabase")
@pytest.mark.supports("store", "SQLite")
def test_a_table_is_made_and_read_back_with_its_types(stand, raw, run, load, unload, lineage):
    put(raw, ALL_TYPES)
    done = run([load("Titles", tableOption="autoCreate"), unload("titles", "load")], objects=OBJECTS)
    assert done.status is RunStatus.SUCCEEDED, done.message
    back = pq.read_table(raw / "f" / "out.parquet")
    assert back.to_pylist() == ALL_TYPES.to_pylist()
    assert [(field.name, field.type) for field in back.schema] == [(f.name, f.type) for f in ALL_TYPES.schema]
    events = [event for event, _ in lineage.events]
    assert (events[0].target.type, events[0].target.name) == ("TABLE", "ls_sql.dbo.Titles")
    assert events[1].sources[0].type == "TABLE"


def test_rows_of_the_output_are_counted(stand, raw, run, load, runs):
    put(raw, pa.table({"id": [1, 2]}))
    run([load("t", tableOption="autoCreate")], objects=OBJECTS)
    output = runs.named("load")[0].output
    assert (output["rowsRead"], output["rowsCopied"]) == (2, 2)


def test_the_script_before_the_copy_empties_the_table(stand, raw, run, load, runs):
    put(raw, pa.table({"id": [1, 2]}))
    stand.look("CREATE TABLE t (id INT)")
    for _ in range(2):
        run([load("t", preCopyScript="TRUNCATE TABLE [dbo].[t]")], objects=OBJECTS)
    assert sorted(stand.look("SELECT id FROM t")) == [(1,), (2,)]


def test_the_script_before_the_copy_may_make_the_table(stand, raw, run, load):
    put(raw, pa.table({"id": [1]}))
    done = run([load("t", preCopyScript="CREATE TABLE dbo.t (id INT, more NVARCHAR(10))")], objects=OBJECTS)
    assert done.status is RunStatus.SUCCEEDED
    assert stand.look("SELECT id, more FROM t") == [(1, None)]


def test_an_upsert_updates_rows_whose_keys_are_there(stand, raw, run, load):
    stand.look("CREATE TABLE t (id INT PRIMARY KEY, name TEXT, kept TEXT)")
    stand.look("INSERT INTO t VALUES (1, 'old', 'x'), (2, 'same', 'y')")
    put(raw, pa.table({"id": [1, 3], "name": ["new", "third"]}))
    done = run([load("t", writeBehavior="upsert", upsertSettings={"useTempDB": True, "keys": ["id"]})], objects=OBJECTS)
    assert done.status is RunStatus.SUCCEEDED
    assert sorted(stand.look("SELECT * FROM t")) == [(1, "new", "x"), (2, "same", "y"), (3, "third", None)]


def test_an_upsert_without_keys_uses_the_primary_key(stand, raw, run, load):
    stand.look("CREATE TABLE t (id INT PRIMARY KEY, name TEXT)")
    stand.look("INSERT INTO t VALUES (1, 'old')")
    put(raw, pa.table({"id": [1], "name": ["new"]}))
    run([load("t", writeBehavior="upsert")], objects=OBJECTS)
    assert stand.look("SELECT * FROM t") == [(1, "new")]


def test_an_upsert_of_one_key_twice_fails_and_changes_nothing(stand, raw, run, load, runs):
    stand.look("CREATE TABLE t (id INT PRIMARY KEY, name TEXT)")
    put(raw, pa.table({"id": [1, 1], "name": ["a", "b"]}))
    run([load("t", writeBehavior="upsert", upsertSettings={"keys": ["id"]})], objects=OBJECTS)
    assert "several rows to upsert with id = 1" in error_of(runs, "load")["message"]
    assert stand.look("SELECT * FROM t") == []


def test_a_constraint_that_is_violated_leaves_nothing_and_a_rerun_completes(stand, raw, run, load, runs):
    stand.look("CREATE TABLE t (id INT PRIMARY KEY)")
    stand.look("INSERT INTO t VALUES (0)")
    put(raw, pa.table({"id": [*list(range(30000, 0, -1)), 5]}))
    body = [load("t", preCopyScript="DELETE FROM dbo.t")]
    done = run(body, objects=OBJECTS)
    assert done.status is RunStatus.FAILED
    error = error_of(runs, "load")
    assert error["errorCode"] == "2200" and "SqlOperationFailed" in error["message"]
    assert stand.look("SELECT id FROM t") == [(0,)]
    put(raw, pa.table({"id": list(range(30_000))}))
    assert run(body, objects=OBJECTS).status is RunStatus.SUCCEEDED
    assert stand.look("SELECT COUNT(*) FROM t") == [(30_000,)]


def test_rows_whose_key_is_taken_are_skipped_where_bad_rows_are(stand, raw, run, load, runs):
    stand.look("CREATE TABLE t (id INT PRIMARY KEY)")
    stand.look("INSERT INTO t VALUES (7), (20)")
    put(raw, pa.table({"id": list(range(100))}))
    copy = load("t")
    copy["typeProperties"]["enableSkipIncompatibleRow"] = True
    assert run([copy], objects=OBJECTS).status is RunStatus.SUCCEEDED
    output = runs.named("load")[0].output
    assert (output["rowsCopied"], output["rowsSkipped"]) == (98, 2)
    assert stand.look("SELECT COUNT(*) FROM t") == [(100,)]


def test_a_missing_table_is_named(stand, raw, run, load, unload, runs):
    put(raw, pa.table({"id": [1]}))
    run([load("nothing"), unload("nowhere")], objects=OBJECTS)
    assert "The table 'ls_sql.dbo.nothing' does not exist" in error_of(runs, "load")["message"]
    assert "The table 'ls_sql.dbo.nowhere' does not exist" in error_of(runs, "unload")["message"]


def test_a_query_in_t_sql_is_read_from_any_database(stand, raw, run, unload):
    stand.look("CREATE TABLE t (id INT, name VARCHAR(10))")
    stand.look("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)")
    query = "SELECT TOP 2 [id], 'n: ' + ISNULL(name, '?') AS Label FROM [dbo].[t] WITH (NOLOCK) ORDER BY id DESC"
    done = run([unload(sqlReaderQuery=query)], objects=OBJECTS)
    assert done.status is RunStatus.SUCCEEDED
    assert pq.read_table(raw / "f" / "out.parquet").to_pylist() == [
        {"id": 3, "Label": "n: ?"},
        {"id": 2, "Label": "n: b"},
    ]


def test_partitions_are_read_by_one_reader_and_columns_added(stand, raw, run, unload, runs):
    stand.look("CREATE TABLE t (id INT)")
    stand.look("INSERT INTO t VALUES (1)")
    query = "SELECT * FROM dbo.t WHERE ?DfDynamicRangePartitionCondition AND id > 0"
    done = run(
        [
            unload(
                sqlReaderQuery=query,
                partitionOption="DynamicRange",
                partitionSettings={"partitionColumnName": "id"},
                isolationLevel="ReadCommitted",
                additionalColumns=[
                    {"name": "from", "value": "@pipeline().Pipeline"},
                    {"name": "twin", "value": "$$COLUMN:id"},
                ],
            )
        ],
        objects=OBJECTS,
    )  # fmt: skip
    assert done.status is RunStatus.SUCCEEDED
    assert pq.read_table(raw / "f" / "out.parquet").to_pylist() == [{"id": 1, "from": "main", "twin": 1}]
    assert any("DynamicRange" in note for note in runs.notes)


def test_a_query_that_does_not_translate_says_where(stand, raw, run, unload, runs):
    run([unload(sqlReaderQuery="SELECT id FROM dbo.t WHERE WHERE x")], objects=OBJECTS)
    message = error_of(runs, "unload")["message"]
    assert "line 1, column" in message and "translate = false" in message


def test_a_table_is_copied_within_its_database(stand, raw, run, act, dataset):
    stand.look("CREATE TABLE a (id INT)")
    stand.look("INSERT INTO a VALUES (1), (2)")
    copy = act(
        "copy", "Copy", source={"type": "AzureSqlSource"}, sink={"type": "AzureSqlSink", "tableOption": "autoCreate"},
        inputs=[dataset("ds_table", table="a")], outputs=[dataset("ds_table", table="b")],
    )  # fmt: skip
    assert run([copy], objects=OBJECTS).status is RunStatus.SUCCEEDED
    assert stand.look("SELECT COUNT(*) FROM b") == [(2,)]


def test_many_rows_stream_through(stand, raw, run, load, unload):
    put(raw, pa.table({"id": pa.array(range(100_000), pa.int64()), "name": [f"n{i}" for i in range(100_000)]}))
    done = run([load("t", tableOption="autoCreate"), unload("t", "load")], objects=OBJECTS)
    assert done.status is RunStatus.SUCCEEDED
    back = pq.read_table(raw / "f" / "out.parquet").sort_by("id")
    assert back.num_rows == 100_000 and back["name"][99_999].as_py() == "n99999"


def test_rows_of_a_procedure_are_copied(stand, raw, run, unload):
    (stand.folder / "procedures").mkdir()
    stand.look("CREATE TABLE t (id INT)")
    stand.look("INSERT INTO t VALUES (1), (2), (3)")
    (stand.folder / "procedures" / "dbo.usp_from.sql").write_text("SELECT id FROM t WHERE id >= :least ORDER BY id;")
    done = run(
        [
            unload(
                sqlReaderStoredProcedureName="[dbo].[usp_from]",
                storedProcedureParameters={"least": {"value": "2", "type": "Int32"}},
            )
        ],
        objects=OBJECTS,
    )
    assert done.status is RunStatus.SUCCEEDED
    assert pq.read_table(raw / "f" / "out.parquet")["id"].to_pylist() == [2, 3]


def test_another_schema_is_a_file_beside_on_sqlite(tmp_path, services, raw, run, load, unload):
    stand = _sqlite(tmp_path, services)
    put(raw, pa.table({"id": [1]}))
    done = run([load("t", schema="stage", tableOption="autoCreate"),
                unload("", "load", sqlReaderQuery="SELECT id FROM stage.t")], objects=OBJECTS)  # fmt: skip
    services.sql.close()
    assert done.status is RunStatus.SUCCEEDED
    assert (tmp_path / "sales.stage.db").is_file()
    assert stand.look("SELECT name FROM sqlite_master") == []
    assert pq.read_table(raw / "f" / "out.parquet").num_rows == 1


def test_a_locked_database_fails_and_leaves_nothing(tmp_path, services, raw, run, load, runs):
    stand = _sqlite(tmp_path, services, "?timeout=0.05")
    stand.look("PRAGMA journal_mode=WAL")
    stand.look("CREATE TABLE t (id INT)")
    put(raw, pa.table({"id": [1]}))
    other = sqlite3.connect(tmp_path / "sales.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert run([load("t")], objects=OBJECTS).status is RunStatus.FAILED
    finally:
        other.execute("ROLLBACK")
        other.close()
    error = error_of(runs, "load")
    assert error["failureType"] == "SystemError" and "database is locked" in error["message"]
    assert stand.look("SELECT * FROM t") == []
    assert run([load("t")], objects=OBJECTS).status is RunStatus.SUCCEEDED
    services.sql.close()


@pytest.mark.postgres
@pytest.mark.supports("store", "PostgreSQL")
def test_a_database_that_goes_away_in_the_middle_leaves_nothing(tmp_path, services, raw, run, load, runs, monkeypatch):
    from reelhouse.adf.sql import load as loading

    for stand in _postgres(tmp_path, services):
        stand.look("CREATE TABLE t (id BIGINT)")
        put(raw, pa.table({"id": pa.array(range(300_000), pa.int64())}))
        original, calls = loading._copy, threading.Event()

        def copy_then_lose(connection, table, columns, batch, stand=stand, original=original, calls=calls):
            original(connection, table, columns, batch)
            if not calls.is_set():
                calls.set()
                stand.look(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        monkeypatch.setattr(loading, "_copy", copy_then_lose)
        assert run([load("t")], objects=OBJECTS).status is RunStatus.FAILED
        error = error_of(runs, "load")
        assert error["failureType"] == "SystemError" and "ErrorCode=Sql" in error["message"]
        assert stand.look("SELECT COUNT(*) FROM t") == [(0,)]
        assert run([load("t")], objects=OBJECTS).status is RunStatus.SUCCEEDED
        assert stand.look("SELECT COUNT(*) FROM t") == [(300_000,)]


@pytest.mark.postgres
def test_wrong_credentials_are_told_without_the_password(tmp_path, services, raw, run, unload, runs):
    url = os.environ["REELHOUSE_POSTGRES"].replace("//reelhouse@", "//nobody:s3cretword@")
    services.sql = Databases({"ls_sql": SqlTarget(url=url)}, tmp_path)
    run([unload("t")], objects=OBJECTS)
    assert "ErrorCode=SqlUnauthorizedAccess" in error_of(runs, "unload")["message"]
    assert "s3cretword" not in str(runs.all)


def test_a_database_that_is_not_there_is_a_fault_of_the_system(tmp_path, services, run, unload, runs):
    (tmp_path / "sales.db").mkdir()
    _sqlite(tmp_path, services)
    run([unload("t")], objects=OBJECTS)
    error = error_of(runs, "unload")
    assert error["failureType"] == "SystemError" and "ErrorCode=SqlFailedToConnect" in error["message"]


def test_a_linked_service_without_a_database_says_how_to_map_it(tmp_path, services, run, unload, runs):
    services.sql = Databases({"ls_sqll": SqlTarget(url="sqlite:///a.db")}, tmp_path)
    run([unload("t")], objects=OBJECTS)
    message = error_of(runs, "unload")["message"]
    assert "Did you mean 'ls_sqll'?" in message and "[sql] of reelhouse.toml" in message


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ({"sqlWriterStoredProcedureName": "usp"}, "'sqlWriterStoredProcedureName' of a sink is not supported"),
        ({"tableOption": "autocreat"}, "Did you mean 'autoCreate'?"),
        ({"writeBehaviour": "upsert"}, "Did you mean 'writeBehavior'?"),
    ],
)
def test_what_a_sink_does_not_do_is_refused_before_the_run(stand, raw, run, load, sink, words):
    from reelhouse.errors import UserError

    with pytest.raises(UserError, match=re.escape(words)):
        run([load("t", **sink)], objects=OBJECTS)
