"""Tables through stock PySpark: written, read, described, versioned."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException

URL = "abfss://bronze@acc.dfs.core.windows.net/by_path"


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


def test_a_table_saved_by_name_is_read_by_any_of_its_names(house: Any) -> None:
    house.spark.sql("SELECT 1 AS id, 'a' AS s").write.saveAsTable("netflix.bronze.t")

    assert rows(house.spark.table("netflix.bronze.t")) == [(1, "a")]
    assert rows(house.spark.table("bronze.t")) == [(1, "a")]
    assert rows(house.spark.sql("SELECT t.id, bronze.t.s FROM bronze.t WHERE netflix.bronze.t.id = :x", {"x": 1})) == [
        (1, "a")
    ]


def test_a_table_saved_by_address_is_read_by_address_and_version(house: Any) -> None:
    house.spark.range(2).write.format("delta").save(URL)
    house.spark.range(2, 3).write.format("delta").mode("append").save(URL)

    assert rows(house.spark.read.format("delta").load(URL)) == [(0,), (1,), (2,)]
    assert rows(house.spark.read.format("delta").option("versionAsOf", 0).load(URL)) == [(0,), (1,)]
    assert rows(house.spark.sql(f"SELECT * FROM delta.`{URL}` VERSION AS OF 0 LIMIT 5")) == [(0,), (1,)]
    assert rows(house.spark.sql(f"SELECT * FROM delta.`{URL}@v0`")) == [(0,), (1,)]


def test_a_name_that_is_no_table_is_an_analysis_exception_with_the_nearest_name(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.titles")

    with pytest.raises(
        AnalysisException, match=r"TABLE_OR_VIEW_NOT_FOUND.*Did you mean 'netflix.bronze.titles'"
    ) as caught:
        house.spark.sql("SELECT * FROM bronze.titels")
    assert caught.value.getCondition() == "TABLE_OR_VIEW_NOT_FOUND"
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        house.spark.table("bronze.titels").collect()


def test_a_temporary_view_sees_the_newest_rows_of_its_table(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    house.spark.table("bronze.t").selectExpr("id + 10 AS x").createOrReplaceTempView("v")
    house.spark.range(1, 2).write.mode("append").saveAsTable("bronze.t")

    assert rows(house.spark.table("v")) == [(10,), (11,)]
    assert rows(house.spark.sql("SELECT v.x FROM v JOIN bronze.t ON v.x = t.id + 10")) == [(10,), (11,)]
