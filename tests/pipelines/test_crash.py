"""An update that dies at any step is made good by the next one: nothing is lost, nothing doubled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reelhouse import failpoints
from reelhouse.failpoints import FailPoint

PIPELINE = """
    from pyspark import pipelines as dp
    from pyspark.sql import functions as F

    def next_release(last):
        releases = spark.read.table("bronze.releases")
        if last is not None:
            releases = releases.where(F.col("at") > F.lit(last))
        found = releases.agg(F.min("at")).collect()[0][0]
        if found is None:
            return None
        return spark.read.table("bronze.releases").where(F.col("at") == F.lit(found)).drop("at"), found

    dp.create_streaming_table("dim", schema="id INT, v STRING, __START_AT TIMESTAMP, __END_AT TIMESTAMP")
    dp.create_auto_cdc_from_snapshot_flow(target="dim", source=next_release, keys=["id"], stored_as_scd_type=2)

    dp.create_streaming_table("users")
    dp.create_auto_cdc_flow(
        target="users", source="bronze.feed", keys=["id"], sequence_by="n", except_column_list=["n"],
    )

    @dp.table
    def log():
        return spark.readStream.table("bronze.feed")

    @dp.append_flow(target="log", once=True)
    def backfill():
        return spark.sql("select 0 as id, 'old' as v, 0 as n")

    @dp.materialized_view
    def counted():
        return spark.read.table("log").groupBy("id").count()
"""
POINTS = [
    "pipelines.after_snapshot",
    "pipelines.after_changes",
    "pipelines.after_apply",
    "pipelines.after_once",
    "pipelines.after_refresh",
    "streaming.after_offsets",
    "streaming.after_sink",
    "delta.file_moved",
]


def release(day: int, *rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [(*row, datetime(2020, 1, day, tzinfo=UTC)) for row in rows]


def fill(lab: Any, round: int) -> None:
    if round == 0:
        lab.table("bronze.releases", release(1, (1, "a"), (2, "b")), "id int, v string, at timestamp")
        lab.table("bronze.feed", [(1, "a", 1), (2, "b", 1)], "id int, v string, n int")
    else:
        lab.table("bronze.releases", release(2, (1, "A"), (3, "c")), "id int, v string, at timestamp")
        lab.table("bronze.releases", release(3, (1, "A"), (3, "C")), "id int, v string, at timestamp")
        lab.table("bronze.feed", [(1, "A", 2), (3, "c", 1)], "id int, v string, n int")


def content(lab: Any) -> list[Any]:
    return [lab.rows(f"silver.{table}") for table in ("dim", "users", "log", "counted")]


EXPECTED = [
    [
        (1, "A", 2, None),
        (1, "a", 1, 2),
        (2, "b", 1, 2),
        (3, "C", 3, None),
        (3, "c", 2, 3),
    ],
    [(1, "A"), (2, "b"), (3, "c")],
    [(0, "old", 0), (1, "A", 2), (1, "a", 1), (2, "b", 1), (3, "c", 1)],
    [(0, 1), (1, 2), (2, 1), (3, 1)],
]


def shown(lab: Any) -> list[Any]:
    dim, *others = content(lab)
    return [[(i, v, s.day, e and e.day) for i, v, s, e in dim], *others]


@pytest.mark.parametrize("point", POINTS)
def test_an_update_that_dies_is_made_good_by_the_next(lab: Any, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.file("silver.py", PIPELINE)
    for round in range(2):
        fill(lab, round)
        failpoints._reached.clear()
        monkeypatch.setenv("REELHOUSE_FAIL_AT", f"{point}!raise")
        try:
            lab.update()
        except FailPoint:
            pass
        monkeypatch.delenv("REELHOUSE_FAIL_AT")
        lab.succeed()
    assert shown(lab) == EXPECTED


@pytest.mark.parametrize("point", ["pipelines.before_reset", "pipelines.after_snapshot", "streaming.after_sink"])
def test_a_full_refresh_that_dies_is_made_good_by_the_next_update(
    lab: Any, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.file("silver.py", PIPELINE)
    fill(lab, 0)
    lab.succeed()
    fill(lab, 1)
    monkeypatch.setenv("REELHOUSE_FAIL_AT", f"{point}!raise")
    with pytest.raises(FailPoint):
        lab.update(full_refresh_all=True)
    monkeypatch.delenv("REELHOUSE_FAIL_AT")
    lab.succeed()
    assert shown(lab) == EXPECTED
    lab.succeed(full_refresh_all=True)
    assert shown(lab) == EXPECTED
