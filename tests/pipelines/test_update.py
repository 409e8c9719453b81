"""Whole updates over the real engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from reelhouse.pipelines.run import FlowState

BRONZE = [(1, "Movie", "A"), (2, "TV Show", "B"), (3, None, "C")]
FILES = """
    from pyspark import pipelines as dp
    from pyspark.sql import functions as F

    @dp.table(name="titles", comment="all titles", table_properties={"quality": "silver"})
    @dp.expect("has_title", "title IS NOT NULL")
    @dp.expect_or_drop("known_type", "type IN ('Movie', 'TV Show')")
    def titles():
        return spark.readStream.table("netflix.bronze.titles")

    @dp.materialized_view(name="netflix.gold.by_type")
    def by_type():
        return spark.read.table("titles").groupBy("type").agg(F.count("*").alias("n"))
"""


def test_a_stream_and_a_view_of_it_are_made_and_follow_new_rows(lab: Any) -> None:
    lab.table("netflix.bronze.titles", BRONZE, "id int, type string, title string")
    lab.file("silver.py", FILES)
    result = lab.succeed()
    assert lab.rows("netflix.silver.titles") == [(1, "Movie", "A"), (2, "TV Show", "B")]
    assert lab.rows("netflix.gold.by_type") == [("Movie", 1), ("TV Show", 1)]
    assert result.flows["titles"].dropped == 1
    lab.table("netflix.bronze.titles", [(4, "Movie", None)], "id int, type string, title string")
    lab.succeed()
    assert lab.rows("netflix.gold.by_type") == [("Movie", 2), ("TV Show", 1)]


def test_without_news_nothing_is_loaded_and_no_version_is_made(lab: Any) -> None:
    lab.table("netflix.bronze.titles", BRONZE, "id int, type string, title string")
    lab.file("silver.py", FILES)
    lab.succeed()
    versions = [lab.version("netflix.silver.titles"), lab.version("netflix.gold.by_type")]
    opened = lab.opened
    assert lab.succeed().up_to_date
    assert lab.opened == opened
    assert [lab.version("netflix.silver.titles"), lab.version("netflix.gold.by_type")] == versions


def test_expectations_are_recorded_in_the_event_log_and_the_run(lab: Any) -> None:
    lab.table("netflix.bronze.titles", BRONZE, "id int, type string, title string")
    lab.file("silver.py", FILES)
    lab.succeed()
    (progress,) = [
        e
        for e in lab.events("flow_progress")
        if e["origin"]["flow_name"] == "titles" and e["details"]["flow_progress"]["status"] == "COMPLETED"
    ]
    details = progress["details"]["flow_progress"]
    assert details["metrics"] == {"num_output_rows": 2}
    assert details["data_quality"] == {
        "dropped_records": 1,
        "expectations": [
            {"name": "has_title", "dataset": "netflix.silver.titles", "passed_records": 3, "failed_records": 0},
            {"name": "known_type", "dataset": "netflix.silver.titles", "passed_records": 2, "failed_records": 1},
        ],
    }


SNAPSHOTS = """
    from pyspark import pipelines as dp
    from pyspark.sql import functions as F

    def next_release(last):
        releases = spark.read.table("netflix.bronze.releases")
        if last is not None:
            releases = releases.where(F.col("at") > F.lit(last))
        found = releases.agg(F.min("at")).collect()[0][0]
        if found is None:
            return None
        rows = spark.read.table("netflix.bronze.releases").where(F.col("at") == F.lit(found))
        return rows.select("id", "title", "note"), found

    dp.create_streaming_table(
        name="titles",
        schema="id INT NOT NULL COMMENT 'the key', title STRING, note STRING, CONSTRAINT pk PRIMARY KEY(id)",
        expect_all_or_drop={"has_id": "id IS NOT NULL"},
        expect_all={"has_note": "note IS NOT NULL"},
    )
    dp.create_auto_cdc_from_snapshot_flow(target="titles", source=next_release, keys=["id"])

    dp.create_streaming_table(name="netflix.gold.dim_title", comment="history")
    dp.create_auto_cdc_from_snapshot_flow(
        target="netflix.gold.dim_title",
        source=lambda last: next_release(last),
        keys=["id"],
        stored_as_scd_type=2,
        track_history_except_column_list=["note"],
    )
"""
RELEASES = "id int, title string, note string, at timestamp"


def release(day: int, *rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [(*row, datetime(2020, 1, day, tzinfo=UTC)) for row in rows]


def test_snapshots_are_followed_in_the_present_and_in_the_history(lab: Any) -> None:
    lab.table("netflix.bronze.releases", release(1, (1, "a", "x"), (2, "b", None), (3, "c", "x")), RELEASES)
    lab.file("silver.py", SNAPSHOTS.replace("id IS NOT NULL", "id < 9"))
    lab.succeed()
    assert lab.rows("netflix.silver.titles") == [(1, "a", "x"), (2, "b", None), (3, "c", "x")]
    lab.table("netflix.bronze.releases", release(2, (1, "a", "y"), (2, "B", None), (4, "d", "x")), RELEASES)
    result = lab.succeed()
    assert lab.rows("netflix.silver.titles") == [(1, "a", "y"), (2, "B", None), (4, "d", "x")]
    dim = result.flows["netflix.gold.dim_title"]
    assert (dim.added, dim.updated, dim.removed) == (1, 2, 1)
    assert [(i, t, n, s.day, e and e.day) for i, t, n, s, e in lab.rows("netflix.gold.dim_title")] == [
        (1, "a", "y", 1, None),
        (2, "B", None, 2, None),
        (2, "b", None, 1, 2),
        (3, "c", "x", 1, 2),
        (4, "d", "x", 2, None),
    ]


def test_several_snapshots_are_applied_in_their_order_and_an_equal_one_makes_no_version(lab: Any) -> None:
    lab.table("netflix.bronze.releases", release(1, (1, "a", "x")), RELEASES)
    lab.table("netflix.bronze.releases", release(2, (1, "b", "x")), RELEASES)
    lab.file("silver.py", SNAPSHOTS)
    lab.succeed()
    assert [(t, s.day) for _, t, _, s, _ in lab.rows("netflix.gold.dim_title")] == [("a", 1), ("b", 2)]
    versions = lab.version("netflix.silver.titles"), lab.version("netflix.gold.dim_title")
    lab.table("netflix.bronze.releases", release(3, (1, "b", "x")), RELEASES)
    assert not lab.succeed().up_to_date
    assert (lab.version("netflix.silver.titles"), lab.version("netflix.gold.dim_title")) == versions
    assert lab.succeed().up_to_date
    lab.table("netflix.bronze.releases", release(4, (1, "c", "x")), RELEASES)
    lab.succeed()
    assert [(t, s.day) for _, t, _, s, _ in lab.rows("netflix.gold.dim_title")] == [("a", 1), ("b", 2), ("c", 4)]


def test_a_key_that_a_snapshot_has_twice_fails_its_flow_and_names_it(lab: Any) -> None:
    lab.table("netflix.bronze.releases", release(1, (1, "a", "x"), (1, "b", "x")), RELEASES)
    lab.file("silver.py", SNAPSHOTS)
    result = lab.update()
    assert not result.succeeded
    assert "(id=1) in 2 rows" in result.error and "silver.py, line" in result.error
    assert lab.rows("netflix.silver.titles") == []
    assert {f.state for f in result.flows.values()} == {FlowState.FAILED}


def test_a_materialized_view_takes_the_columns_that_its_query_gives_today(lab: Any) -> None:
    text = "from pyspark import pipelines as dp\n@dp.materialized_view\ndef t():\n    return spark.range(2)\n"
    lab.file("silver.py", text)
    lab.succeed()
    lab.file("silver.py", text.replace("range(2)", "range(2).selectExpr('id', 'id * 1.5 as w')"))
    assert lab.succeed().flows["t"].added == 2
    lab.file("silver.py", text.replace("range(2)", "range(2).selectExpr('id * 1.5 as w', '1 as v')"))
    lab.succeed()
    assert [(float(w), v) for w, v in lab.rows("netflix.silver.t")] == [(0.0, 1), (1.5, 1)]
