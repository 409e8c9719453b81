"""Which plans a stream can run, on the plans that the stock client makes."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

os.environ.setdefault("SPARK_HOME", "/nowhere")

from pyspark.sql.connect import functions as F
from pyspark.sql.connect import plan as client
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.window import Window

from reelhouse.errors import Unsupported
from reelhouse.plans import plan
from reelhouse.streaming.source import SourceSpec
from reelhouse.streaming.specs import source_specs, with_batches
from reelhouse.streaming.support import check_output, check_query

SESSION: Any = SimpleNamespace(client=None, session_id="s")


def stream(path: str = "/lake/titles", format: str = "cloudFiles", **options: str) -> DataFrame:
    return DataFrame(client.DataSource(format=format, options=options, paths=[path], is_streaming=True), SESSION)


def table(name: str = "bronze.titles", *, streaming: bool = False) -> DataFrame:
    return DataFrame(client.Read(name, {}, is_streaming=streaming), SESSION)


def relation(frame: DataFrame) -> Any:
    return frame._plan.plan(SESSION.client)


def sql(text: str, **frames: DataFrame) -> Any:
    return plan.with_relations(plan.sql(text), {name: relation(frame) for name, frame in frames.items()})


GOOD: dict[str, Callable[[], Any]] = {
    "select and where": lambda: relation(stream().select("a", F.upper("b")).where("a > 1")),
    "withColumn": lambda: relation(stream().withColumn("c", F.current_timestamp()).drop("b")),
    "a join with a table": lambda: relation(stream().join(table(), "a")),
    "a left join with a table": lambda: relation(stream().join(table(), "a", "left")),
    "a right join of a table": lambda: relation(table().join(stream(), "a", "right")),
    "a union": lambda: relation(stream().union(stream("/lake/other"))),
    "an aggregate beside the stream": lambda: relation(stream().join(table().groupBy("a").count(), "a")),
    "explode": lambda: relation(stream().select(F.explode(F.split("a", ",")))),
    "sql": lambda: sql("SELECT upper(a) AS a FROM s WHERE b IS NOT NULL", s=stream()),
}

BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "groupBy": (lambda: relation(stream().groupBy("a").count()), "Aggregation"),
    "an aggregate in select": (lambda: relation(stream().select(F.count("*"))), "count"),
    "an aggregate in text": (lambda: relation(stream().select(F.expr("max(a)"))), "Aggregation"),
    "dropDuplicates": (lambda: relation(stream().dropDuplicates(["a"])), "dropDuplicates"),
    "distinct": (lambda: relation(stream().distinct()), "dropDuplicates"),
    "withWatermark": (lambda: relation(stream().withWatermark("t", "1 hour")), "withWatermark"),
    "orderBy": (lambda: relation(stream().orderBy("a")), "Sorting"),
    "limit": (lambda: relation(stream().limit(3)), "limit"),
    "a window": (
        lambda: relation(stream().select(F.row_number().over(Window.partitionBy("b").orderBy("a")))),
        "[Ww]indow",
    ),
    "a join of streams": (lambda: relation(stream().join(stream("/other"), "a")), "two streams"),
    "a right join": (lambda: relation(stream().join(table(), "a", "right")), "right outer join"),
    "a full join": (lambda: relation(stream().join(table(), "a", "full")), "full outer join"),
    "intersect": (lambda: relation(stream().intersect(table())), "intersect"),
    "a change feed": (
        lambda: relation(DataFrame(client.RelationChanges("t", {}, is_streaming=True), SESSION)),
        "change feed",
    ),
    "below other operations": (lambda: relation(stream().orderBy("a").select("a").where("a > 1")), "Sorting"),
    "sql with group by": (lambda: sql("SELECT a, count(*) FROM s GROUP BY a", s=stream()), "GROUP BY"),
    "sql with distinct": (lambda: sql("SELECT DISTINCT a FROM s", s=stream()), "DISTINCT"),
    "sql with order by": (lambda: sql("SELECT a FROM s ORDER BY a", s=stream()), "ORDER BY"),
    "sql with a window": (lambda: sql("SELECT row_number() OVER (ORDER BY a) FROM s", s=stream()), "[Ww]indow"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_each_row_decides_for_itself_can_be_streamed(name: str) -> None:
    check_query(GOOD[name]())


@pytest.mark.parametrize("name", BAD)
def test_what_needs_other_batches_is_refused_by_name(name: str) -> None:
    make, text = BAD[name]

    with pytest.raises(Unsupported, match=text):
        check_query(make())


@pytest.mark.parametrize(("mode", "sink"), [("", "delta"), ("append", "delta"), ("update", "foreachBatch")])
def test_output_modes_that_mean_append_are_taken(mode: str, sink: str) -> None:
    check_output(mode, sink)


@pytest.mark.parametrize(
    ("mode", "sink", "text"), [("complete", "delta", "Complete"), ("update", "delta", "update"), ("x", "delta", "'x'")]
)
def test_other_output_modes_are_refused(mode: str, sink: str, text: str) -> None:
    with pytest.raises(Exception, match=text):
        check_output(mode, sink)


def test_the_sources_of_a_plan_are_listed_in_plan_order() -> None:
    frame = stream("/a", **{"cloudFiles.format": "csv"}).union(table("bronze.titles", streaming=True))

    assert source_specs(relation(frame)) == [
        SourceSpec("cloudFiles", "/a", None, {"cloudFiles.format": "csv"}),
        SourceSpec("delta", None, "bronze.titles"),
    ]


def test_a_stream_that_is_read_twice_is_one_source() -> None:
    frame = stream("/a")

    assert len(source_specs(relation(frame.where("x = 1").union(frame.where("x = 2"))))) == 1


def test_a_batch_takes_the_place_of_each_stream() -> None:
    frame = stream("/a").where("x = 1").union(stream("/b").where("x = 2")).union(stream("/a"))
    batches = [plan.read_parquet(["/1.parquet"], "x INT"), plan.read_parquet(["/2.parquet"], "x INT")]

    replaced = with_batches(relation(frame), batches)

    assert not plan.is_streaming(replaced)
    assert [list(leaf.read.data_source.paths) for leaf in plan.walk(replaced) if plan.kind(leaf) == "read"] == [
        ["/1.parquet"],
        ["/2.parquet"],
        ["/1.parquet"],
    ]
