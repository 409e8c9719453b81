"""Append flows, views, change feeds, full refreshes."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException

HEAD = "from pyspark import pipelines as dp\nfrom pyspark.sql import functions as F\n"


def test_several_flows_append_to_one_table_and_once_runs_a_single_time(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1,), (2,)], "id long")
    lab.file(
        "silver.py",
        HEAD
        + """
dp.create_streaming_table("t")

@dp.append_flow(target="t")
def stream():
    return spark.readStream.table("netflix.bronze.a")

@dp.append_flow(target="t", once=True)
def backfill():
    return spark.range(100, 102)
""",
    )
    lab.succeed()
    lab.table("netflix.bronze.a", [(3,)], "id long")
    lab.succeed()
    assert sorted(i for (i,) in lab.rows("netflix.silver.t")) == [1, 2, 3, 100, 101]
    lab.succeed(full_refresh_all=True)
    assert sorted(i for (i,) in lab.rows("netflix.silver.t")) == [1, 2, 3, 100, 101]


def test_a_full_refresh_empties_a_table_and_reads_its_input_again_with_the_present_query(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1,), (2,)], "id long")
    text = HEAD + "@dp.table\ndef t():\n    return spark.readStream.table('netflix.bronze.a')\n"
    lab.file("silver.py", text)
    lab.succeed()
    lab.file(
        "silver.py", text.replace("'netflix.bronze.a')", "'netflix.bronze.a').select((F.col('id') * 10).alias('id'))")
    )
    lab.succeed()
    assert lab.rows("netflix.silver.t") == [(1,), (2,)]
    lab.succeed(full_refresh=["t"])
    assert lab.rows("netflix.silver.t") == [(10,), (20,)]


def test_a_table_may_refuse_to_be_emptied(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1,)], "id long")
    options = "table_properties={'pipelines.reset.allowed': 'false'}"
    lab.file(
        "silver.py", HEAD + f"@dp.table({options})\ndef t():\n    return spark.readStream.table('netflix.bronze.a')\n"
    )
    lab.succeed()
    version = lab.version("netflix.silver.t")
    lab.succeed(full_refresh_all=True)
    assert lab.version("netflix.silver.t") == version


VIEWS = (
    HEAD
    + """
@dp.temporary_view
@dp.expect_or_drop("positive", "id > 0")
@dp.expect("small", "id < 3")
def cleaned():
    return spark.readStream.table("netflix.bronze.a")

@dp.table
def t():
    return spark.readStream.table("cleaned")

@dp.view
@dp.expect_or_drop("even", "id % 2 = 0")
def evens():
    return spark.sql("select * from LIVE.t where id is not null")

@dp.materialized_view
def total():
    return spark.sql("select e.id, count(*) n from evens e join t on e.id <= t.id group by e.id")
"""
)


def test_views_stand_in_the_plans_that_read_them_and_their_expectations_are_counted(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(0,), (1,), (2,), (4,)], "id long")
    lab.file("silver.py", VIEWS)
    lab.succeed()
    assert lab.rows("netflix.silver.t") == [(1,), (2,), (4,)]
    assert lab.rows("netflix.silver.total") == [(2, 2), (4, 1)]
    told = {(e.dataset, e.name): (e.action, e.passed, e.failed) for e in lab.told if hasattr(e, "passed")}
    assert told == {
        ("cleaned", "positive"): ("DROP", 3, 1),
        ("cleaned", "small"): ("ALLOW", 3, 1),
        ("evens", "even"): ("DROP", 2, 1),
    }
    assert [str(t.name) for t in lab.catalog.tables("netflix.silver")] == [
        "netflix.silver.t",
        "netflix.silver.total",
    ]


CHANGES = (
    HEAD
    + """
dp.create_streaming_table("users", expect_all_or_drop={"known": "userId < 900 or userId is null"})
dp.create_auto_cdc_flow(
    target="users", source="netflix.bronze.feed", keys=["userId"], sequence_by=F.col("n"),
    apply_as_deletes=F.expr("op = 'DELETE'"), except_column_list=["op", "n"],
)
dp.create_streaming_table("history")
dp.create_auto_cdc_flow(
    name="keep", target="history", source="netflix.bronze.feed", keys=["userId"], sequence_by="n",
    apply_as_deletes="op = 'DELETE'", except_column_list=["op", "n"], stored_as_scd_type=2,
)
"""
)
FEED = "userId int, name string, city string, op string, n int"


def test_a_change_feed_is_applied_over_several_updates_late_changes_too(lab: Any) -> None:
    lab.table(
        "netflix.bronze.feed",
        [(1, "a", "x", "INSERT", 1), (2, "b", "x", "INSERT", 2), (2, None, None, "DELETE", 6), (999, "z", "", "I", 1)],
        FEED,
    )
    lab.file("silver.py", CHANGES)
    first = lab.succeed()
    assert lab.rows("netflix.silver.users") == [(1, "a", "x")]
    assert first.flows["users"].added == 1
    lab.table("netflix.bronze.feed", [(2, "b", "late", "UPDATE", 4), (1, "a", "y", "UPDATE", 3)], FEED)
    second = lab.succeed()
    assert lab.rows("netflix.silver.users") == [(1, "a", "y")]
    assert (second.flows["users"].added, second.flows["users"].updated) == (0, 1)
    assert [r for r in lab.rows("netflix.silver.history") if r[0] < 900] == [
        (1, "a", "x", 1, 3),
        (1, "a", "y", 3, None),
        (2, "b", "late", 4, 6),
        (2, "b", "x", 2, 4),
    ]
    assert lab.succeed().up_to_date


def test_a_change_without_a_sequence_fails_its_flow_and_changes_nothing(lab: Any) -> None:
    lab.table("netflix.bronze.feed", [(1, "a", "x", "INSERT", None)], FEED)
    lab.file("silver.py", CHANGES)
    result = lab.update()
    assert not result.succeeded
    assert "is NULL in 1 row of 'netflix.bronze.feed'" in result.error
    assert lab.rows("netflix.silver.users") == []


def test_comments_keys_and_properties_of_a_definition_reach_the_catalog_and_the_table(lab: Any) -> None:
    lab.file(
        "gold.py",
        HEAD
        + """
@dp.materialized_view(
    name="netflix.gold.t", comment="numbers", table_properties={"quality": "gold"},
    schema="id BIGINT NOT NULL COMMENT 'the key', CONSTRAINT pk PRIMARY KEY(id)",
)
def t():
    return spark.range(2)
""",
    )
    lab.succeed()
    entry = lab.catalog.table("netflix.gold.t")
    assert entry.comment == "numbers" and entry.column_comments == {"id": "the key"}
    assert [(c.kind, c.columns) for c in entry.constraints] == [("PRIMARY KEY", ("id",))]
    assert entry.type == "MATERIALIZED_VIEW"
    snapshot = lab.sessions.context(lab.spark).snapshot(entry.location)
    assert snapshot.properties["quality"] == "gold" and snapshot.comment == "numbers"
    assert '"nullable":false' in snapshot.schema.replace(" ", "") and "the key" in snapshot.schema
    lab.file("gold.py", (lab.source / "gold.py").read_text().replace('"numbers"', '"figures"'))
    lab.succeed()
    assert lab.catalog.table("netflix.gold.t").comment == "figures"
    assert lab.rows("netflix.gold.t") == [(0,), (1,)]


def test_a_private_table_is_read_by_the_pipeline_and_is_not_in_the_catalog(lab: Any) -> None:
    lab.file(
        "silver.py",
        HEAD
        + """
@dp.materialized_view(private=True)
def hidden():
    return spark.range(3)

@dp.materialized_view
def shown():
    return spark.read.table("hidden").where("id > 0")
""",
    )
    lab.succeed()
    assert lab.rows("netflix.silver.shown") == [(1,), (2,)]
    assert [str(t.name) for t in lab.catalog.tables("netflix.silver")] == ["netflix.silver.shown"]


def test_the_old_words_of_dlt_go_on_working(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1,), (2,)], "id long")
    lab.settings.configuration["least"] = "2"
    lab.file(
        "silver.py",
        """
        import dlt

        @dlt.view
        def source():
            return spark.readStream.table("netflix.bronze.a")

        @dlt.table(name="t", temporary=False)
        @dlt.expect_all({"any": "true"})
        def t():
            return dlt.read_stream("source").where(f"id >= {spark.conf.get('least')}")

        @dlt.table
        def n():
            return dlt.read("t").groupBy().count()
        """,
    )
    lab.succeed()
    assert lab.rows("netflix.silver.n") == [(1,)]


def test_the_stock_module_is_as_before_after_an_update(lab: Any) -> None:
    import sys

    from pyspark import pipelines

    lab.file("silver.py", HEAD + "@dp.materialized_view\ndef t():\n    return spark.range(1)\n")
    lab.succeed()
    assert not hasattr(pipelines, "expect")
    assert "dlt" not in sys.modules


def test_auto_loader_feeds_a_table_without_a_schema_location(lab: Any) -> None:
    folder = lab.folder / "landing"
    folder.mkdir()
    (folder / "a.csv").write_text("id,name\n1,x\n2,y\n")
    lab.file(
        "bronze.py",
        HEAD
        + f"""
@dp.table(name="bronze.raw")
def raw():
    reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv").option("header", "true")
    return reader.load("{folder}").select("id", "name")

@dp.materialized_view
def counted():
    return spark.read.table("bronze.raw").groupBy().count()
""",
    )
    lab.succeed()
    (folder / "b.csv").write_text("id,name\n3,z\n")
    lab.succeed()
    assert lab.rows("netflix.bronze.raw") == [("1", "x"), ("2", "y"), ("3", "z")]
    assert lab.rows("netflix.silver.counted") == [(3,)]


def test_a_sink_is_appended_to_and_not_emptied_by_a_full_refresh(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1,), (2,)], "id long")
    lab.file(
        "silver.py",
        HEAD
        + """
dp.create_sink("out", "delta", {"tableName": "netflix.gold.out"})

@dp.append_flow(target="out")
def to_out():
    return spark.readStream.table("netflix.bronze.a")
""",
    )
    lab.succeed()
    assert lab.rows("netflix.gold.out") == [(1,), (2,)]
    lab.succeed(full_refresh_all=True)
    assert lab.rows("netflix.gold.out") == [(1,), (2,)]
    assert lab.succeed().up_to_date


def test_a_hook_sees_every_event_and_is_switched_off_when_it_keeps_failing(lab: Any) -> None:
    seen = lab.folder / "seen.txt"
    lab.file(
        "silver.py",
        HEAD
        + f"""
@dp.on_event_hook(max_allowable_consecutive_failures=1)
def broken(event):
    raise ValueError("no")

@dp.on_event_hook
def noting(event):
    with open("{seen}", "a") as file:
        file.write(event["event_type"] + "\\n")

@dp.materialized_view
def t():
    return spark.range(1)
""",
    )
    lab.succeed()
    assert "flow_progress" in seen.read_text()
    states = [e["details"]["hook_progress"]["status"] for e in lab.events("hook_progress")]
    assert states == ["FAILED", "DISABLED"]


def test_the_event_log_tells_where_each_dataset_comes_from(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(0,), (1,)], "id long")
    lab.file("silver.py", VIEWS)
    lab.succeed()
    defined = {e["origin"]["flow_name"]: e["details"]["flow_definition"] for e in lab.events("flow_definition")}
    assert defined["cleaned"]["input_datasets"] == ["netflix.bronze.a"]
    assert (defined["t"]["input_datasets"], defined["t"]["flow_type"]) == (["cleaned"], "APPEND")
    assert defined["total"]["input_datasets"] == ["evens", "netflix.silver.t"]
    states = [e["details"]["update_progress"]["state"] for e in lab.events("update_progress")]
    assert states == ["INITIALIZING", "SETTING_UP_TABLES", "RUNNING", "COMPLETED"]


def test_a_private_table_that_is_read_from_outside_is_told_to_be_private(lab: Any) -> None:
    hidden = HEAD + "@dp.materialized_view(private=True)\ndef hidden():\n    return spark.range(3)\n"
    lab.file("silver.py", hidden)
    lab.succeed()
    with pytest.raises(AnalysisException, match=r"'netflix\.silver\.hidden' is private to pipeline 'films'"):
        lab.spark.read.table("netflix.silver.hidden").collect()
    lab.settings.libraries, lab.settings.key, lab.settings.name = [], "other", "other"
    lab.file("gold.py", HEAD + "@dp.materialized_view\ndef t():\n    return spark.table('silver.hidden')\n")
    assert "it is private to pipeline 'films'" in lab.update().error
    lab.settings.libraries, lab.settings.key, lab.settings.name = [], "films", "films"
    lab.file("silver.py", hidden.replace("private=True", ""))
    lab.succeed()
    assert lab.rows("netflix.silver.hidden") == [(0,), (1,), (2,)]


def test_a_dataset_that_is_no_longer_defined_is_noted_once_and_keeps_its_rows(lab: Any) -> None:
    one = "@dp.materialized_view\ndef {0}():\n    return spark.range(2)\n"
    lab.file("silver.py", HEAD + one.format("a") + one.format("b"))
    lab.succeed()
    for text in (one.format("a"), one.format("c")):
        lab.told.clear()
        lab.file("silver.py", HEAD + one.format("c") + text.replace("def c", "def d"))
        lab.succeed()
        lab.file("silver.py", HEAD + one.format("c") + text.replace("def c", "def d") + "#")
        lab.succeed()
        notes = [str(t) for t in lab.told if "no longer defined" in str(t)]
        removed = "b" if "def a" in text else "a"
        assert len(notes) == 1 and f"'netflix.silver.{removed}' is no longer defined in pipeline 'films'" in notes[0]
    assert lab.rows("netflix.silver.b") == [(0,), (1,)]


def test_a_streaming_table_loads_each_new_file_once_with_read_files(lab: Any, tmp_path: Any) -> None:
    folder = tmp_path / "arrivals"
    folder.mkdir()
    (folder / "a.csv").write_text("id,name\n1,a\n2,b\n")
    lab.file(
        "files.sql",
        f"CREATE OR REFRESH STREAMING TABLE t AS SELECT id, name, id * 2 AS twice\n"
        f"FROM STREAM read_files('{folder}', format => 'csv', header => true);\n"
        f"CREATE OR REFRESH MATERIALIZED VIEW m AS SELECT count(*) AS n FROM read_files('{folder}', format => 'csv');\n"
        f"CREATE OR REFRESH MATERIALIZED VIEW lines AS SELECT count(*) AS n FROM text.`{folder}`;",
    )
    lab.succeed()
    assert lab.rows("netflix.silver.t", "id", "twice") == [(1, 2), (2, 4)]
    (folder / "b.csv").write_text("id,name\n3,c\n")
    lab.succeed()
    assert lab.rows("netflix.silver.t", "id", "name") == [(1, "a"), (2, "b"), (3, "c")]
    assert lab.rows("netflix.silver.m") == [(3,)]
    assert lab.rows("netflix.silver.lines") == [(5,)]
