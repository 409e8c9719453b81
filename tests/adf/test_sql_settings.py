"""Which database stands in for which linked service, and where its password comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelhouse.adf.settings.sql import AzureSqlDatabase
from reelhouse.adf.sql.databases import Databases
from reelhouse.adf.sql.names import parts_of
from reelhouse.adf.sql.target import SqlTarget
from reelhouse.errors import Place, UserError
from reelhouse.project import Project
from reelhouse.settings import load_settings

PLACE = Place("linkedService/ls.json")


def found(keys: list[str], **properties: str) -> str:
    targets = {key: SqlTarget(url="sqlite:///x.db") for key in keys}
    settings = AzureSqlDatabase.model_validate(properties)
    return Databases(targets, Path()).find("ls", "AzureSqlDatabase", settings, PLACE).key


def test_the_settings_take_a_url_or_a_table(tmp_path):
    (tmp_path / "reelhouse.toml").write_text(
        '[sql]\n"srv/db" = "sqlite:///a.db"\n[sql.ls]\nurl = "sqlite:///b.db"\nschemas = { x = "main" }\n'
    )
    settings = load_settings(tmp_path)
    assert settings.sql["srv/db"].url == "sqlite:///a.db"
    assert settings.sql["ls"].schemas == {"x": "main"} and settings.sql["ls"].translate


def test_the_settings_refuse_what_they_do_not_know(tmp_path):
    (tmp_path / "reelhouse.toml").write_text('[sql.ls]\nurl = "sqlite:///b.db"\npasswort = "x"\n')
    with pytest.raises(UserError, match="passwort"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("keys", "properties", "key"),
    [
        (["LS"], {}, "LS"),
        (["srv/db", "srv"], {"server": "tcp:srv,1433", "database": "db"}, "srv/db"),
        (["srv"], {"connectionString": "Server=tcp:srv,1433;Initial Catalog=db;Password=x"}, "srv"),
        (["ls", "ls/db"], {"connectionString": "Data Source=srv;Database=db"}, "ls/db"),
        (["ls", "ls/other"], {"server": "srv", "database": "db"}, "ls"),
    ],
)
def test_a_database_is_found_by_the_linked_service_or_its_server(keys, properties, key):
    assert found(keys, **properties) == key


def test_a_password_is_a_secret(tmp_path):
    targets = {"ls": SqlTarget(url="postgresql+psycopg://me@localhost/db", password="local/sql")}
    databases = Databases(targets, tmp_path, lambda scope, key: f"{scope}-{key}")
    assert list(databases.find("ls", "AzureSqlDatabase", AzureSqlDatabase(), PLACE).secrets()) == ["local-sql"]
    plain = {"ls": SqlTarget(url="sqlite:///x.db", password="hunter2")}
    with pytest.raises(UserError, match="it is not the password itself") as caught:
        Databases(plain, tmp_path).find("ls", "AzureSqlDatabase", AzureSqlDatabase(), PLACE)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "none of SQLAlchemy's"),
        ("nosuch://x", "none of SQLAlchemy's"),
        ("oracle+oracledb://x", "pip install oracledb"),
        ("sqlite://", "has to be a file"),
    ],
)
def test_a_url_that_does_not_work_is_explained(tmp_path, url, words):
    databases = Databases({"ls": SqlTarget(url=url)}, tmp_path)
    with pytest.raises(UserError, match=words):
        databases.find("ls", "AzureSqlDatabase", AzureSqlDatabase(), PLACE).engine()


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a", ["a"]), ("dbo.a", ["dbo", "a"]), ("[d].[a.b]", ["d", "a.b"]), ('"x""y".z', ['x"y', "z"])],
)
def test_names_are_split_at_their_dots(name, parts):
    assert parts_of(name) == parts


def test_a_project_has_its_databases_beside_its_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("REELHOUSE_SECRET__LOCAL__SQL", "from the environment")
    (tmp_path / "reelhouse.toml").write_text(
        '[sql]\nls = { url = "sqlite:///data/sales.db" }\n'
        'pg = { url = "postgresql+psycopg://me@h/d", password = "local/sql" }\n'
    )
    with Project.open(tmp_path) as project:
        database = project.databases.find("ls", "AzureSqlDatabase", AzureSqlDatabase(), PLACE)
        with database.connect("2100") as connection:
            connection.exec_driver_sql("CREATE TABLE t (id INT)")
        other = project.databases.find("pg", "AzureSqlDatabase", AzureSqlDatabase(), PLACE)
        assert list(other.secrets()) == ["from the environment"]
    assert (tmp_path / "data" / "sales.db").is_file()
