"""SQL files of a pipeline: what is read from them, and that it runs."""

from __future__ import annotations

from typing import Any

import pytest

from reelhouse.errors import Unsupported, UserError
from reelhouse.pipelines import sql
from reelhouse.pipelines.definitions import ChangeFlow, DatasetKind, Flow, Registry


def read(text: str, **configuration: str) -> Registry:
    registry = Registry()
    sql.define(text, "silver.sql", registry, dict(configuration), lambda query: query)
    return registry


def test_a_streaming_table_with_columns_constraints_and_clauses() -> None:
    registry = read(
        """
        -- the titles
        CREATE OR REFRESH STREAMING TABLE titles (
          id INT NOT NULL COMMENT 'it''s the key',
          title STRING,
          CONSTRAINT has_id EXPECT (id IS NOT NULL AND title <> ')') ON VIOLATION DROP ROW,
          CONSTRAINT has_title EXPECT (title IS NOT NULL),
          CONSTRAINT positive EXPECT (id > 0) ON VIOLATION FAIL UPDATE,
          CONSTRAINT pk PRIMARY KEY (id)
        )
        PARTITIONED BY (title) COMMENT 'all' TBLPROPERTIES ('quality' = 'silver', 'a.b' = 'c')
        AS SELECT * FROM STREAM netflix.bronze.titles WHERE note = ';';
        """
    )
    (table,), (flow,) = registry.datasets, registry.flows
    assert (table.name, table.kind, table.comment) == ("titles", DatasetKind.STREAMING_TABLE, "all")
    assert table.properties == {"quality": "silver", "a.b": "c"} and table.partition_by == ("title",)
    assert [(e.name, e.constraint, e.action.value) for e in table.expectations] == [
        ("has_id", "id IS NOT NULL AND title <> ')'", "DROP"),
        ("has_title", "title IS NOT NULL", "ALLOW"),
        ("positive", "id > 0", "FAIL"),
    ]
    assert table.schema.comments == {"id": "it's the key"} and table.schema.primary_key == ("id",)
    assert isinstance(flow, Flow)
    assert flow.query() == "SELECT * FROM STREAM netflix.bronze.titles WHERE note = ';'"
    assert str(table.place) == "silver.sql, line 3"


@pytest.mark.parametrize(
    ("text", "kind", "private"),
    [
        ("CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT 1", "MATERIALIZED_VIEW", False),
        ("CREATE OR REFRESH PRIVATE MATERIALIZED VIEW t AS SELECT 1", "MATERIALIZED_VIEW", True),
        ("CREATE OR REFRESH LIVE TABLE t AS SELECT 1", "MATERIALIZED_VIEW", False),
        ("CREATE OR REFRESH STREAMING LIVE TABLE t AS SELECT * FROM STREAM(LIVE.s)", "STREAMING_TABLE", False),
        ("CREATE STREAMING TABLE t", "STREAMING_TABLE", False),
        ("CREATE TEMPORARY VIEW t (CONSTRAINT c EXPECT (a > 1)) AS SELECT 1 a", "TEMPORARY_VIEW", False),
        ("CREATE TEMPORARY LIVE VIEW t (a COMMENT 'x') AS SELECT 1 a", "TEMPORARY_VIEW", False),
        ("create temporary streaming live view t as select * from stream(live.s)", "TEMPORARY_VIEW", False),
    ],
)
def test_old_and_new_words_for_datasets(text: str, kind: str, private: bool) -> None:
    (dataset,) = read(text).datasets
    assert (dataset.name, dataset.kind.value, dataset.private) == ("t", kind, private)


def test_flows_append_once_or_again() -> None:
    flows = read(
        "CREATE FLOW a AS INSERT INTO t BY NAME SELECT * FROM STREAM s;"
        "CREATE FLOW b AS INSERT INTO ONCE t BY NAME SELECT 1 AS x"
    ).flows
    assert [(f.name, f.target, isinstance(f, Flow) and f.once) for f in flows] == [("a", "t", False), ("b", "t", True)]


@pytest.mark.parametrize(
    "head", ["CREATE FLOW f AS AUTO CDC INTO t FROM STREAM s", "APPLY CHANGES INTO LIVE.t FROM STREAM(s)"]
)
def test_change_flows(head: str) -> None:
    (flow,) = read(
        f"""{head} KEYS (a, b) IGNORE NULL UPDATES APPLY AS DELETE WHEN op = 'D' SEQUENCE BY struct(n, m)
        COLUMNS * EXCEPT (op, n) STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (note)"""
    ).flows
    assert isinstance(flow, ChangeFlow)
    assert (flow.target, flow.source, flow.keys, flow.sequence_by) == ("t", "s", ("a", "b"), "struct(n, m)")
    assert (flow.apply_as_deletes, flow.ignore_null_updates, flow.scd_type) == ("op = 'D'", True, 2)
    assert (flow.except_column_list, flow.track_history_except) == (("op", "n"), ("note",))


def test_set_and_configuration_stand_for_parameters() -> None:
    text = "SET least = 3;\nCREATE MATERIALIZED VIEW t AS SELECT * FROM ${source} WHERE n > ${least}"
    (flow,) = read(text, source="a.b").flows
    assert isinstance(flow, Flow)
    assert flow.query() == "SELECT * FROM a.b WHERE n > 3"
    with pytest.raises(UserError, match=r"'\$\{sorce\}'.*Did you mean 'source'.*line 2"):
        read("\nCREATE MATERIALIZED VIEW t AS SELECT ${sorce}", source="x")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("DROP TABLE t", "no statement 'DROP'"),
        ("CREATE TABLE t (a INT)", "cannot CREATE TABLE"),
        ("CREATE STREAMING TABLE t (a INT GENERATED ALWAYS AS (1))", "declared GENERATED"),
        ("CREATE MATERIALIZED VIEW t SCHEDULE EVERY 1 HOUR AS SELECT 1", "Clause SCHEDULE"),
        ("CREATE STREAMING TABLE t (a GEOMETRY)", "Type GEOMETRY"),
    ],
)
def test_what_is_not_done_is_refused_by_name_and_line(text: str, what: str) -> None:
    with pytest.raises(Unsupported, match=rf"{what}.*silver.sql, line 2"):
        read(f"\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "APPLY CHANGES INTO t FROM STREAM s KEYS (a) SEQUENCE BY n APPLY AS DELETE WHEN x",
        "APPLY CHANGES INTO t FROM STREAM s KEYS (a)",
        "CREATE MATERIALIZED VIEW t",
        "CREATE STREAMING TABLE t (a INT, a STRING)",
        "CREATE STREAMING TABLE t (a INT, PRIMARY KEY (b))",
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(UserError, match=r"silver\.sql, line 1"):
        read(text)


def test_a_sql_file_after_a_python_file_makes_its_tables(lab: Any) -> None:
    lab.table("netflix.bronze.feed", [(1, "a", 1), (1, "b", 2), (2, "c", 1)], "id int, v string, n int")
    lab.settings.configuration["least"] = "0"
    lab.file(
        "gold.sql",
        """
        -- Databricks notebook source
        CREATE OR REFRESH STREAMING TABLE raw (CONSTRAINT known EXPECT (id > ${least}) ON VIOLATION DROP ROW)
        AS SELECT id, v, n FROM STREAM(bronze.feed);

        -- COMMAND ----------

        CREATE OR REFRESH STREAMING TABLE latest;
        CREATE FLOW latest_flow AS AUTO CDC INTO latest FROM STREAM raw KEYS (id) SEQUENCE BY n COLUMNS * EXCEPT (n);
        CREATE TEMPORARY VIEW named AS SELECT l.id, p.label FROM LIVE.latest AS l JOIN python_made p ON l.id = p.id;
        CREATE OR REFRESH MATERIALIZED VIEW gold.counted COMMENT 'c' AS
        WITH c AS (SELECT named.label, count(*) AS n FROM named GROUP BY named.label) SELECT * FROM c;
        """,
    )
    lab.file(
        "a.py",
        """
        from pyspark import pipelines as dp

        @dp.materialized_view
        def python_made():
            return spark.sql("SELECT 1 AS id, 'one' AS label UNION ALL SELECT 2, 'two'")
        """,
    )
    lab.succeed()
    assert lab.rows("netflix.silver.latest") == [(1, "b"), (2, "c")]
    assert lab.rows("netflix.gold.counted") == [("one", 1), ("two", 1)]
    assert lab.succeed().up_to_date
