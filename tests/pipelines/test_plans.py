"""What a plan says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F

from reelhouse.errors import Place
from reelhouse.pipelines import plans
from reelhouse.pipelines.evaluate import nothing_runs, relation_of
from reelhouse.pipelines.plans import Reference

PLACE = Place("a.py", "line 1")


def of(spark: Any, frame: Any) -> Any:
    return relation_of(frame, spark, PLACE)


def of_sql(spark: Any, text: str) -> Any:
    with nothing_runs(spark):
        return of(spark, spark.sql(text))


def test_tables_of_frames_and_of_sql_are_found_with_whether_they_stream(bare_engine: Any) -> None:
    frame = bare_engine.read.table("a.b").join(bare_engine.readStream.table("c"), "id")
    assert plans.references(of(bare_engine, frame)) == [Reference("a.b"), Reference("c", True)]
    text = "WITH q AS (SELECT * FROM LIVE.x) SELECT q.id FROM q JOIN STREAM(a.b.c) s ON q.id = s.id JOIN STREAM d"
    assert plans.references(of_sql(bare_engine, text)) == [
        Reference("LIVE.x"),
        Reference("a.b.c", True),
        Reference("d", True),
    ]


def test_one_query_has_one_fingerprint_wherever_it_is_written(bare_engine: Any) -> None:
    def query() -> Any:
        return bare_engine.read.table("a").where(F.col("x") > 1).select((F.col("x") + 1).alias("y"))

    first = plans.fingerprint(of(bare_engine, query()))
    assert plans.fingerprint(of(bare_engine, query())) == first
    other = bare_engine.read.table("a").where(F.col("x") > 2).select((F.col("x") + 1).alias("y"))
    assert plans.fingerprint(of(bare_engine, other)) != first
    text = "select a.x from a join b on a.x = b.x"
    assert plans.fingerprint(of_sql(bare_engine, text)) == plans.fingerprint(of_sql(bare_engine, text))


@pytest.mark.parametrize(
    ("expression", "changing"),
    [
        (lambda: F.current_date(), True),
        (lambda: F.expr("year(current_date()) + 1"), True),
        (lambda: F.rand(), True),
        (lambda: F.expr("now()"), True),
        (lambda: F.col("current_date_added"), False),
        (lambda: F.expr("known + 1"), False),
    ],
)
def test_a_plan_that_asks_for_the_time_or_for_chance_may_change(
    bare_engine: Any, expression: Any, changing: bool
) -> None:
    relation = of(bare_engine, bare_engine.read.table("a").select(expression().alias("x")))
    assert plans.may_change(relation) is changing


def test_distinct_rows_are_unique_by_all_of_their_columns(bare_engine: Any) -> None:
    frame = bare_engine.read.table("a").select("x", "y").distinct().where("x > 1")
    relation = of(bare_engine, frame)
    assert plans.is_unique_by(relation, ("x", "y"), ["x", "y"])
    assert not plans.is_unique_by(relation, ("x",), ["x", "y"])
    assert not plans.is_unique_by(of(bare_engine, bare_engine.read.table("a")), ("x",), ["x"])


def test_files_that_a_plan_reads_are_told_and_what_cannot_be_told_is_none(bare_engine: Any) -> None:
    assert plans.paths_read(of(bare_engine, bare_engine.read.text("abfss://raw@a.dfs.core.windows.net/x"))) == [
        "abfss://raw@a.dfs.core.windows.net/x"
    ]
    assert plans.paths_read(of(bare_engine, bare_engine.read.table("delta.`/x/y`"))) == ["/x/y"]
    assert plans.paths_read(of(bare_engine, bare_engine.read.format("jdbc").option("a", "b").load())) is None
