"""Whole updates over the real engine."""

from __future__ import annotations

from typing import Any

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
