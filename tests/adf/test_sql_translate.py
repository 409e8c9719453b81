"""The SQL of artifacts, written for the database that stands in. All of it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.settings.sql import AzureSqlDatabase, PostgreSql
from reelhouse.adf.sql.databases import Databases
from reelhouse.adf.sql.target import SqlTarget
from reelhouse.adf.sql.translate import statements
from reelhouse.errors import Place


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Any]:
    """A function that runs SQL of a kind of linked service on SQLite, and gives the rows of its last statement."""
    opened = []

    def run(
        sql: str, parameters: dict[str, Any] | None = None, *, kind: str = "AzureSqlDatabase", **target: Any
    ) -> Any:
        from sqlalchemy import text

        databases = Databases({"ls": SqlTarget(url="sqlite:///x.db", **target)}, tmp_path)
        opened.append(databases)
        settings = AzureSqlDatabase() if kind == "AzureSqlDatabase" else PostgreSql()
        database = databases.find("ls", kind, settings, Place("ls.json"))
        rows: Any = None
        with database.connect("2100") as connection:
            for statement in statements(connection, database, sql, "2100", list(parameters or {})):
                result = connection.execute(text(statement.text), statement.bound(parameters or {}))
                assert result.returns_rows == statement.reads
                rows = [tuple(row) for row in result] if result.returns_rows else None
        return rows

    yield run
    for databases in opened:
        databases.close()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 'a' + 'b' + CAST(1 AS VARCHAR(5)) AS x", [("ab1",)]),
        ("SELECT 1 + 2 AS x", [(3,)]),
        ("SELECT ISNULL(NULL, N'é') AS [a b]", [("é",)]),
        ("SELECT TOP (1) n FROM (SELECT 1 AS n UNION ALL SELECT 2) AS v ORDER BY n DESC", [(2,)]),
        ("SELECT IIF(1 = 1, 'y', 'n') AS x -- done", [("y",)]),
        ("SELECT '12:30 :p0 it''s @x' AS x;", [("12:30 :p0 it's @x",)]),
        ("WITH q AS (SELECT 1 AS a) SELECT a FROM q", [(1,)]),
        ("SELECT LEN('abc') AS n", [(3,)]),
    ],
)
def test_t_sql_runs_on_sqlite(ask, sql, rows):
    assert ask(sql) == rows


def test_texts_in_columns_are_joined(ask):
    ask("CREATE TABLE dbo.p (first NVARCHAR(10), last NVARCHAR(10), n INT)")
    ask("INSERT INTO dbo.p VALUES ('a', 'b', 1)")
    assert ask("SELECT last + first AS x, n + n AS y FROM [dbo].[p]") == [("ba", 2)]


def test_parameters_are_named_or_in_their_order(ask):
    assert ask("SELECT @b AS x, @A AS y, @b AS z", {"a": 1, "b": "t"}) == [("t", 1, "t")]
    assert ask("SELECT ? AS x, ? AS y", {"0": 5, "1": 6}, kind="PostgreSql") == [(5, 6)]


def test_schemas_are_files_or_the_main_one(ask, tmp_path):
    ask("CREATE TABLE stage.t (id INT); INSERT INTO stage.t VALUES (4)")
    assert ask("SELECT t.id FROM stage.t AS t JOIN stage.t AS u ON u.id = t.id") == [(4,)]
    assert (tmp_path / "x.stage.db").is_file()
    ask("CREATE TABLE other.t (id INT); INSERT INTO other.t VALUES (9)", schemas={"other": "main"})
    assert ask("SELECT id FROM dbo.t") == [(9,)]


@pytest.mark.parametrize(
    "sql",
    [
        "DECLARE @x INT = 1; SELECT @x",
        "IF 1 = 1 SELECT 1",
        "EXEC dbo.usp @x = 1",
        "SELECT @unknown",
        "SELECT a FROM dbo.t FOR JSON PATH",
        "SELECT 'open",
        "BEGIN TRY SELECT 1 END TRY BEGIN CATCH SELECT 2 END CATCH",
    ],
)
def test_what_does_not_translate_is_refused_with_the_sql(ask, sql):
    with pytest.raises(ActivityFailed) as caught:
        ask(sql)
    assert "cannot be translated" in caught.value.message and sql in caught.value.message


def test_translation_can_be_turned_off(ask):
    assert ask("SELECT 'a' || sqlite_version() LIKE 'a3%' AS x; SELECT ':x' AS y", translate=False) == [(":x",)]
