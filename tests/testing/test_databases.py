"""A SQLite file stands in for every type of database: its tables are looked up by dataset and by query."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

FULL = "Server=tcp:host;Database=sales"
SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "AzureSqlDatabase": ("AzureSqlTable", {"connectionString": FULL}),
    "SqlServer": ("SqlServerTable", {"connectionString": FULL}),
    "AzureSqlDW": ("AzureSqlDWTable", {"connectionString": FULL}),
    "AzureSqlMI": ("AzureSqlMITable", {"connectionString": FULL}),
    "PostgreSql": ("PostgreSqlTable", {"connectionString": "host=host;database=sales"}),
    "PostgreSqlV2": (
        "PostgreSqlV2Table",
        {"server": "host", "database": "sales", "username": "u", "authenticationType": "Basic"},
    ),
    "AzurePostgreSql": ("AzurePostgreSqlTable", {"connectionString": "host=host;database=sales"}),
    "MySql": ("MySqlTable", {"connectionString": "server=host;database=sales"}),
    "AzureMySql": ("AzureMySqlTable", {"connectionString": "server=host;database=sales"}),
    "Oracle": ("OracleTable", {"connectionString": "host=host;sid=sales"}),
    "Snowflake": ("SnowflakeTable", {"connectionString": "jdbc:snowflake://host.snowflakecomputing.com/?db=sales"}),
    "SnowflakeV2": ("SnowflakeV2Table", {"accountIdentifier": "host", "database": "sales", "warehouse": "w"}),
}  # fmt: skip

SOURCES = {"AzureSqlDWTable": "SqlDWSource", "AzureSqlMITable": "SqlMISource"}


def case(service: str) -> Any:
    table = SERVICES[service][0]
    return pytest.param(
        service, marks=[pytest.mark.supports("dataset", table), pytest.mark.supports("linked_service", service)]
    )


@pytest.mark.supports("activity", "Lookup")
@pytest.mark.parametrize("service", [case(service) for service in SERVICES])
def test_a_table_is_looked_up(load_factory, act, tmp_path: Path, service) -> None:
    kind, properties = SERVICES[service]
    table = {
        "type": kind,
        "linkedServiceName": {"referenceName": "ls_sql", "type": "LinkedServiceReference"},
        "typeProperties": {"tableName": "t"} if "MySql" in kind else {"schema": "dbo", "table": "t"},
    }
    with contextlib.closing(sqlite3.connect(tmp_path / "sales.db")) as database, database:
        database.executescript("create table t (x integer); insert into t values (7)")
    factory = load_factory(
        datasets={"table": table}, linked_services={"ls_sql": {"type": service, "typeProperties": properties}}
    )
    source = {"type": SOURCES.get(kind, f"{kind.removesuffix('Table')}Source")}
    look = act("look", "Lookup", source=source, dataset={"referenceName": "table", "type": "DatasetReference"})

    run = factory.run([look], databases={"ls_sql": f"sqlite:///{tmp_path / 'sales.db'}"})

    assert run.message == ""
    assert run.activities["look"].output["firstRow"] == {"x": 7}


@pytest.mark.supports("activity", "Script")
def test_a_script_runs_in_the_database_that_stands_in(load_factory, act, tmp_path: Path) -> None:
    service = {"type": "AzureSqlDatabase", "typeProperties": {"connectionString": "Server=tcp:x;Database=sales"}}
    with contextlib.closing(sqlite3.connect(tmp_path / "sales.db")) as database, database:
        database.executescript("create table t (x integer); insert into t values (7)")
    read = act("read", "Script", linkedServiceName={"referenceName": "sql", "type": "LinkedServiceReference"},
               scripts=[{"type": "Query", "text": "select x from dbo.t"}])  # fmt: skip
    factory = load_factory(linked_services={"sql": service})

    run = factory.run([read], databases={"sql": f"sqlite:///{tmp_path / 'sales.db'}"})

    assert run.message == ""
    assert run.activities["read"].output["resultSets"][0]["rows"] == [{"x": 7}]


@pytest.mark.supports("activity", "SqlServerStoredProcedure")
def test_a_script_of_the_test_stands_in_for_a_procedure(load_factory, act, tmp_path: Path) -> None:
    service = {"type": "AzureSqlDatabase", "typeProperties": {"connectionString": FULL}}
    (tmp_path / "procedures").mkdir()
    (tmp_path / "procedures" / "dbo.usp_keep.sql").write_text("insert into t values (:x)")
    with contextlib.closing(sqlite3.connect(tmp_path / "sales.db")) as database, database:
        database.executescript("create table t (x integer)")
    call = act(
        "call",
        "SqlServerStoredProcedure",
        linkedServiceName={"referenceName": "sql", "type": "LinkedServiceReference"},
        storedProcedureName="dbo.usp_keep",
        storedProcedureParameters={"x": {"value": "@add(3, 4)", "type": "Int32"}},
    )
    target = {"url": f"sqlite:///{tmp_path / 'sales.db'}", "procedures": str(tmp_path / "procedures")}

    run = load_factory(linked_services={"sql": service}).run([call], databases={"sql": target})

    assert run.message == ""
    with contextlib.closing(sqlite3.connect(tmp_path / "sales.db")) as database:
        assert database.execute("select x from t").fetchall() == [(7,)]
