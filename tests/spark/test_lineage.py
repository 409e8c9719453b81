"""Lineage: what each read and write notes, by table and by column, from the plan alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from reelhouse.delta.write import Mode, Target, WriteSpec
from reelhouse.lineage.event import LineageEvent


@pytest.fixture
def two(house: Any) -> Any:
    house.spark.sql("SELECT 1 AS id, 'a' AS s, 3 AS v").write.saveAsTable("bronze.a")
    house.spark.sql("SELECT 1 AS id, 'b' AS t").write.saveAsTable("bronze.b")
    house.recorded.events.clear()
    return house


def pairs(event: LineageEvent) -> set[str]:
    return {f"{p.source.name.rpartition('.')[2]}.{p.source_column} > {p.target_column}" for p in event.columns}


def written(house: Any, make: Callable[[Any], Any]) -> LineageEvent:
    make(house.spark).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("bronze.out")
    events = [event for event in house.recorded.events if event.target is not None]
    return events[-1]


CASES: list[tuple[Callable[[Any], Any], set[str]]] = [
    (
        lambda s: s.table("bronze.a").select("id", F.upper("s").alias("u"), (F.col("v") + F.col("id")).alias("z")),
        {"a.id > id", "a.s > u", "a.v > z", "a.id > z"},
    ),
    (
        lambda s: s.table("bronze.a").join(s.table("bronze.b"), "id").select("id", "s", "t"),
        {"a.id > id", "a.s > s", "b.t > t"},
    ),
    (
        lambda s: s.table("bronze.a").alias("x").join(s.table("bronze.b").alias("y"), F.expr("x.id = y.id")).selectExpr(
            "y.id", "x.s || y.t AS st"
        ),
        {"b.id > id", "a.s > st", "b.t > st"},
    ),
    (
        lambda s: s.table("bronze.a").groupBy("s").agg(F.sum("v").alias("n"), F.count("*").alias("c")),
        {"a.s > s", "a.v > n"},
    ),
    (
        lambda s: s.table("bronze.a").select("id", "s").union(s.table("bronze.b")),
        {"a.id > id", "b.id > id", "a.s > s", "b.t > s"},
    ),
    (
        lambda s: s.table("bronze.a").withColumn("v", F.col("v") + 1).withColumnRenamed("s", "n").drop("id"),
        {"a.s > n", "a.v > v"},
    ),
    (
        lambda s: s.sql("WITH q AS (SELECT id, upper(s) AS u FROM bronze.a) SELECT q.u, b.t, q.u || b.t AS x FROM q "
                        "JOIN bronze.b ON q.id = b.id"),
        {"a.s > u", "b.t > t", "a.s > x", "b.t > x"},
    ),
    (lambda s: s.sql("SELECT * FROM bronze.a"), {"a.id > id", "a.s > s", "a.v > v"}),
    (lambda s: s.table("bronze.a").select(F.udf(lambda x: x, "string")("s").alias("q")), {"a.s > q"}),
    (lambda s: s.table("bronze.a").mapInArrow(lambda batches: batches, "id int, s string, v int"), set()),
    (lambda s: s.table("bronze.a").groupBy("s").pivot("v", [3]).agg(F.sum("id")), set()),
]  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_columns_are_followed_through_the_plan_or_not_guessed(two: Any, make: Any, expected: set[str]) -> None:
    event = written(two, make)
    assert pairs(event) == expected
    assert {source.name for source in event.sources} <= {"netflix.bronze.a", "netflix.bronze.b"}
    assert event.sources
    assert (event.target and event.target.name, event.target_version) == ("netflix.bronze.out", 0)


def test_views_are_followed_to_their_tables(two: Any) -> None:
    two.spark.sql("SELECT id, s AS name FROM bronze.a").createOrReplaceTempView("v")
    assert pairs(written(two, lambda s: s.table("v").select("name"))) == {"a.s > name"}
    assert pairs(written(two, lambda s: s.sql("SELECT name AS n FROM v"))) == {"a.s > n"}
    two.spark.sql("CREATE VIEW bronze.w AS SELECT t FROM bronze.b")
    assert pairs(written(two, lambda s: s.table("bronze.w"))) == {"b.t > t"}


def test_a_read_is_an_event_without_target_and_literals_are_none(two: Any) -> None:
    two.spark.table("bronze.a").collect()
    two.spark.range(3).count()
    (event,) = two.recorded.events
    assert [source.name for source in event.sources] == ["netflix.bronze.a"]
    assert event.target is None


def test_paths_are_told_by_their_addresses(two: Any) -> None:
    address = "abfss://raw@acc.dfs.core.windows.net/csv"
    folder = Path(two.lake.local(address))
    folder.mkdir(parents=True)
    (folder / "x.csv").write_text("a\n1\n")
    event = written(two, lambda s: s.read.option("header", True).csv(address))
    assert [(source.type, source.name) for source in event.sources] == [("PATH", address)]
    assert event.columns == ()
    two.spark.table("bronze.a").write.format("delta").save("dbfs:/out")
    assert two.recorded.events[-1].target.name == "dbfs:/out"


def test_a_plan_of_resolved_files_is_told_by_its_table(two: Any) -> None:
    source = two.context.read_delta(two.context.target("bronze.a"))
    two.context.write(source, Target(str(two.path / "x"), "netflix.bronze.x"), WriteSpec(Mode.APPEND))
    assert pairs(two.recorded.events[-1]) == {"a.id > id", "a.s > s", "a.v > v"}


def test_a_write_of_literals_has_no_source(two: Any) -> None:
    assert written(two, lambda s: s.range(3)).sources == ()
