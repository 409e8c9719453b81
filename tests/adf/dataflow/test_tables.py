"""Tables of a database as sources and sinks."""

from __future__ import annotations

import sqlite3

import pytest

from reelhouse.adf.sql.databases import Databases

SERVICE = {
    "name": "ls_sql",
    "properties": {"type": "AzureSqlDatabase", "typeProperties": {"connectionString": "Server=x;Database=shop"}},
}


def _dataset(name: str, table: str) -> dict:
    return {
        "name": name,
        "properties": {
            "type": "AzureSqlTable",
            "linkedServiceName": {"referenceName": "ls_sql", "type": "LinkedServiceReference"},
            "typeProperties": {"table": table, "schema": "dbo"},
        },
    }


@pytest.fixture
def shop(flows, tmp_path):
    """A connection to the database that stands in for `ls_sql`; data flows see it as `ds_titles` and `ds_copy`."""
    from reelhouse.settings import SqlTarget

    file = tmp_path / "shop.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE titles (id INTEGER PRIMARY KEY, title TEXT, score REAL)")
    connection.executemany("INSERT INTO titles VALUES (?, ?, ?)", [(1, "Dark", 8.5), (2, "Ozark", None)])
    connection.commit()
    flows.services.sql = Databases({"ls_sql": SqlTarget(url=f"sqlite:///{file}")}, tmp_path)
    make = flows.make_factory

    def with_tables(pipelines, *, objects, **more):
        objects["dataset"] = [*objects["dataset"], _dataset("ds_titles", "titles"), _dataset("ds_copy", "copy")]
        return make(pipelines, objects={**objects, "linkedService": [SERVICE]}, **more)

    flows.make_factory = with_tables
    yield connection
    connection.close()
    flows.services.sql.close()


@pytest.fixture(autouse=True)
def _no_parameters(flows, monkeypatch) -> None:
    """Tables have no folder."""
    original = type(flows).factory

    def factory(self, script, ends, *arguments, **more):
        made = original(self, script, ends, *arguments, **more)
        reference = made.pipelines["main"].activities[0].raw["dataflow"]
        for name, end in ends.items():
            if end.startswith("ds_"):
                reference["datasetParameters"].pop(name, None)
        return made

    monkeypatch.setattr(type(flows), "factory", factory)


def _rows(connection, table: str) -> list[tuple]:
    return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def test_a_table_and_a_query_are_read(flows, shop) -> None:
    flows.output(
        """source(output(id as integer, title as string, score as double), allowSchemaDrift: true, format: 'table',
            isolationLevel: 'READ_UNCOMMITTED') ~> t
        source(allowSchemaDrift: true, query: 'SELECT TOP 1 id AS best FROM titles ORDER BY score DESC',
            format: 'query') ~> q
        t, q exists(t@id == best) ~> e
        e sink(truncate: true) ~> k""",
        {"t": "ds_titles", "q": "ds_titles", "k": "df_json:out"},
    )
    assert flows.rows("out") == [{"id": 1, "title": "Dark", "score": 8.5}]


NEW = "source(output(id as integer, title as string, score as double)) ~> s\n"


def test_rows_are_inserted_and_a_table_is_made_anew(flows, shop) -> None:
    flows.write("in/a.csv", "id,title,score\n3,Narcos,8\n")
    ends = {"s": "df_csv:in/a.csv", "k": "ds_titles"}
    output = flows.output(NEW + "s sink(format: 'table', insertable: true, updateable: false) ~> k", ends)
    assert output["runStatus"]["metrics"]["k"]["rowsWritten"] == 1
    assert _rows(shop, "titles") == [(1, "Dark", 8.5), (2, "Ozark", None), (3, "Narcos", 8.0)]
    flows.output(NEW + "s sink(format: 'table', truncate: true) ~> k", ends)
    assert _rows(shop, "titles") == [(3, "Narcos", 8.0)]
    flows.output(NEW + "s sink(format: 'table', recreate: true) ~> k", {"s": "df_csv:in/a.csv", "k": "ds_copy"})
    assert _rows(shop, "copy") == [(3, "Narcos", 8.0)]


@pytest.mark.supports("data_flow", "AlterRow")
def test_policies_of_rows_change_the_table_in_one_transaction(flows, shop) -> None:
    flows.write("in/a.csv", "id,title,score\n1,DARK,9\n2,,\n4,New,1\n5,Unknown,2\n6,Plain,3\n")
    flows.output(
        NEW
        + """s alterRow(deleteIf(id == 2), upsertIf(in([1, 4], id)), updateIf(id == 5)) ~> a
        a sink(format: 'table', updateable: true, upsertable: true, deletable: true, keys: ['id']) ~> k""",
        {"s": "df_csv:in/a.csv", "k": "ds_titles"},
    )
    assert _rows(shop, "titles") == [(1, "DARK", 9.0), (4, "New", 1.0), (6, "Plain", 3.0)]


def test_rows_with_policies_that_the_sink_does_not_allow_do_nothing(flows, shop) -> None:
    flows.write("in/a.csv", "id,title,score\n1,DARK,9\n4,New,1\n")
    flows.output(
        NEW + "s alterRow(updateIf(id == 1)) ~> a\na sink(format: 'table', insertable: true) ~> k",
        {"s": "df_csv:in/a.csv", "k": "ds_titles"},
    )
    assert _rows(shop, "titles") == [(1, "Dark", 8.5), (2, "Ozark", None), (4, "New", 1.0)]


def test_a_failed_change_leaves_the_table_as_it_was(flows, shop) -> None:
    flows.write("in/a.csv", "id,title,score\n2,gone,1\n1,twice,1\n")
    done = flows(
        NEW + "s alterRow(deleteIf(id == 2)) ~> a\na sink(format: 'table', deletable: true, keys: ['id']) ~> k",
        {"s": "df_csv:in/a.csv", "k": "ds_titles"},
    )
    assert done.status.value == "Failed"
    assert _rows(shop, "titles") == [(1, "Dark", 8.5), (2, "Ozark", None)]


def test_what_is_not_done_with_tables_is_refused(flows, shop) -> None:
    ends = {"s": "df_csv:in/a.csv", "k": "ds_titles"}
    script = NEW + "s sink(format: 'table', postSQLs: ['x']) ~> k"
    assert "The value of the option 'postSQLs' of sink 'k' is not supported" in flows.refusal(script, ends)
    flows.write("in/a.csv", "id,title,score\n")
    done = flows(NEW + "s sink(format: 'table', deletable: true) ~> k", ends)
    assert "The sink 'k' needs keys to update, upsert or delete by" in done.message
