"""What user code reads: tables by name, address and version, views, files, metadata; and how it fails."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.errors.exceptions.connect import UnsupportedOperationException
from pyspark.sql import functions as F

URL = "abfss://bronze@acc.dfs.core.windows.net/by_path"


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=str)


@pytest.fixture
def titles(house: Any) -> Any:
    house.spark.sql("SELECT 1 AS id, 'a' AS s").write.saveAsTable("netflix.bronze.t")
    return house


@pytest.mark.parametrize("name", ["netflix.bronze.t", "bronze.t", "NETFLIX.Bronze.T", "`bronze`.`t`"])
def test_a_table_is_read_by_any_of_its_names(titles: Any, name: str) -> None:
    assert rows(titles.spark.table(name)) == [(1, "a")]
    assert rows(titles.spark.sql(f"SELECT * FROM {name} WHERE id = :x", {"x": 1})) == [(1, "a")]
    assert rows(titles.spark.sql(f"SELECT s FROM {name} WHERE id = ?", [1])) == [("a",)]


def test_columns_may_be_qualified_by_the_whole_name(titles: Any) -> None:
    sql = "SELECT t.id, bronze.t.s, netflix.bronze.t.id AS n FROM bronze.t"
    assert rows(titles.spark.sql(sql)) == [(1, "a", 1)]


def test_unqualified_names_are_of_the_current_schema(titles: Any) -> None:
    titles.spark.catalog.setCurrentDatabase("bronze")
    assert rows(titles.spark.table("t")) == [(1, "a")]
    assert titles.spark.sql("SELECT current_schema(), current_catalog() AS c FROM t").first() == ("bronze", "netflix")
    assert titles.spark.range(1).select(F.current_database()).first() == ("bronze",)


def test_an_older_version_is_read_by_option_sql_and_name(house: Any) -> None:
    house.spark.range(2).write.format("delta").save(URL)
    house.spark.range(2, 3).write.format("delta").mode("append").save(URL)
    old = [(0,), (1,)]

    assert rows(house.spark.read.format("delta").load(URL)) == [*old, (2,)]
    assert rows(house.spark.read.format("delta").option("versionAsOf", 0).load(URL)) == old
    assert rows(house.spark.read.format("delta").load(f"{URL}@v0")) == old
    assert rows(house.spark.sql(f"SELECT * FROM delta.`{URL}` VERSION AS OF 0")) == old
    assert rows(house.spark.sql(f"SELECT * FROM delta.`{URL}@v0`")) == old
    with pytest.raises(AnalysisException, match=r"DELTA_VERSION_NOT_FOUND.*Versions 0 to 1"):
        house.spark.read.format("delta").option("versionAsOf", 9).load(URL).collect()


def test_a_dataframe_keeps_seeing_the_newest_version(titles: Any) -> None:
    frame = titles.spark.table("bronze.t")
    by_sql = titles.spark.sql("SELECT * FROM bronze.t")
    titles.spark.sql("SELECT 2 AS id, 'b' AS s").write.mode("append").saveAsTable("bronze.t")
    assert frame.count() == by_sql.count() == 2


def test_a_temporary_view_sees_the_newest_rows_of_its_table(titles: Any) -> None:
    titles.spark.table("bronze.t").selectExpr("id + 10 AS x").createOrReplaceTempView("v")
    titles.spark.sql("SELECT 2 AS id, 'b' AS s").write.mode("append").saveAsTable("bronze.t")
    assert rows(titles.spark.table("v")) == [(11,), (12,)]
    assert rows(titles.spark.sql("SELECT v.x FROM v JOIN bronze.t ON v.x = t.id + 10")) == [(11,), (12,)]


def test_views_over_views_and_common_table_expressions_nest(titles: Any) -> None:
    titles.spark.sql("SELECT * FROM bronze.t").createOrReplaceTempView("v1")
    titles.spark.sql("SELECT id * 2 AS d FROM v1").createOrReplaceTempView("v2")
    titles.spark.sql("SELECT d AS v1 FROM v2").createOrReplaceTempView("v1")
    assert rows(titles.spark.sql("WITH t AS (SELECT * FROM v1) SELECT count(*), max(v1) FROM t")) == [(1, 2)]
    assert rows(titles.spark.sql("SELECT * FROM {f} JOIN v2 ON f = d", f=titles.spark.sql("SELECT 2 AS f"))) == [(2, 2)]


def test_columns_of_two_frames_over_one_table_stay_apart(titles: Any) -> None:
    left, right = titles.spark.table("bronze.t"), titles.spark.table("bronze.t").alias("r")
    assert rows(left.join(right, left.id == right.id).select(left.id, right.s)) == [(1, "a")]


def test_a_dataframe_may_be_a_subquery(titles: Any) -> None:
    highest = titles.spark.table("bronze.t").select(F.max("id")).scalar()
    assert rows(titles.spark.range(3).where(F.col("id") == highest)) == [(1,)]


def test_partition_values_come_back_in_their_types_and_can_be_filtered(house: Any) -> None:
    house.spark.sql(
        "SELECT * FROM VALUES (1, date'2020-01-01', timestamp'2020-01-01 10:00:00.5', 'a/b c'),"
        " (2, date'2020-01-02', timestamp'2020-01-02', ''), (3, NULL, NULL, NULL) AS v(id, d, ts, s)"
    ).write.partitionBy("d", "ts", "s").saveAsTable("bronze.p")
    table = house.spark.table("bronze.p")

    assert [field.dataType.simpleString() for field in table.schema] == ["int", "date", "timestamp", "string"]
    assert [row.id for row in table.where("d = date'2020-01-02'").collect()] == [2]
    assert [row.id for row in table.where("d IS NULL AND ts IS NULL AND s IS NULL").collect()] == [3]
    assert [row.s for row in table.where("ts > timestamp'2020-01-01 09:00:00' AND id = 1").collect()] == ["a/b c"]


def test_a_constant_decimal_is_exact(house: Any) -> None:
    house.spark.sql("SELECT CAST('3333333333.3333333333' AS DECIMAL(20,10)) AS d FROM range(3)").write.saveAsTable(
        "bronze.d"
    )
    value = Decimal("3333333333.3333333333")
    assert {row.d for row in house.spark.table("bronze.d").collect()} == {value}
    assert house.spark.table("bronze.d").where(F.col("d") == value).count() == 3


def test_files_are_read_at_their_address(house: Any) -> None:
    folder = Path(house.lake.local("abfss://raw@acc.dfs.core.windows.net/x"))
    folder.mkdir(parents=True)
    (folder / "one.csv").write_text("a,b\n1,x\n")
    read = house.spark.read.option("header", True)

    frame = read.csv("abfss://raw@acc.dfs.core.windows.net/x")
    assert rows(frame) == [("1", "x")]
    assert frame.columns == ["a", "b"]
    assert rows(frame.select("a", "_metadata.file_name")) == [("1", "one.csv")]
    assert frame.withColumn("f", F.col("_metadata.file_path")).columns == ["a", "b", "f"]
    assert rows(read.schema("a INT, b STRING").csv("abfss://raw@acc.dfs.core.windows.net/x")) == [(1, "x")]


def test_json_and_parquet_files_come_back_as_they_were_written(house: Any) -> None:
    frame = house.spark.sql("SELECT 1L AS a, 'x' AS b")
    frame.write.parquet("dbfs:/tmp/p")
    frame.write.json("/Volumes/netflix/raw/j")
    assert rows(house.spark.read.parquet("dbfs:/tmp/p")) == [(1, "x")]
    assert rows(house.spark.read.json("/Volumes/netflix/raw/j")) == [(1, "x")]
    assert rows(house.spark.sql("SELECT a FROM parquet.`dbfs:/tmp/p`")) == [(1,)]


@pytest.mark.parametrize("name", ["bronze.titels", "titels"])
def test_a_name_that_is_none_is_an_analysis_exception_with_the_nearest(house: Any, name: str) -> None:
    house.spark.range(1).write.saveAsTable("bronze.titles")
    house.spark.catalog.setCurrentDatabase("bronze")
    for read in (lambda: house.spark.sql(f"SELECT * FROM {name}"), lambda: house.spark.table(name).collect()):
        with pytest.raises(AnalysisException, match=r"Did you mean 'netflix\.bronze\.titles'") as caught:
            read()
        assert caught.value.getCondition() == "TABLE_OR_VIEW_NOT_FOUND"


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda r: r.format("xml").load("dbfs:/x"), "format 'xml' cannot be read.*Supported"),
        (lambda r: r.option("foo", "1").parquet("dbfs:/x"), "option 'foo' is not supported"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(house: Any, read: Any, message: str) -> None:
    with pytest.raises(UnsupportedOperationException, match=message):
        read(house.spark.read).collect()


def test_an_error_of_the_engine_keeps_its_class(titles: Any) -> None:
    with pytest.raises(AnalysisException, match="nope"):
        titles.spark.sql("SELECT nope FROM bronze.t")


def test_a_query_over_a_stream_is_refused_and_a_stream_knows_that_it_is_one(titles: Any) -> None:
    stream = titles.spark.readStream.table("bronze.t")
    stream.createOrReplaceTempView("s")
    assert stream.isStreaming
    assert titles.spark.table("s").isStreaming
    assert not titles.spark.table("bronze.t").isStreaming
    with pytest.raises(UnsupportedOperationException, match="writeStream"):
        titles.spark.table("s").collect()


def test_the_files_that_a_frame_reads_are_told_by_their_addresses(titles: Any) -> None:
    (file,) = titles.spark.table("bronze.t").inputFiles()
    assert file.startswith("abfss://bronze@acc.dfs.core.windows.net/t/part-")


def test_explain_gives_a_plan_and_a_local_checkpoint_fixes_the_rows(titles: Any) -> None:
    assert "parquet" in titles.spark.sql("EXPLAIN SELECT * FROM bronze.t").first()["plan"]
    fixed = titles.spark.table("bronze.t").localCheckpoint()
    titles.spark.sql("SELECT 2 AS id, 'b' AS s").write.mode("append").saveAsTable("bronze.t")
    assert fixed.count() == 1


def test_a_text_in_a_value_that_looks_like_metadata_is_only_a_text(titles: Any) -> None:
    assert rows(titles.spark.sql("SELECT id, '_metadata' AS m FROM bronze.t")) == [(1, "_metadata")]


def test_partition_columns_of_parquet_folders_are_typed_and_globs_find_them(house: Any) -> None:
    house.spark.sql("SELECT * FROM VALUES (1, 3), (2, 4), (3, NULL) AS v(id, m)").write.partitionBy("m").parquet(
        "dbfs:/p"
    )
    read = house.spark.read
    assert [field.dataType.simpleString() for field in read.parquet("dbfs:/p").schema] == ["int", "int"]
    assert rows(read.parquet("dbfs:/p")) == [(1, 3), (2, 4), (3, None)]
    assert rows(read.parquet("dbfs:/p/m=*")) == [(1,), (2,), (3,)]
    assert rows(read.option("basePath", "dbfs:/p").parquet("dbfs:/p/m=4")) == [(2, 4)]
    assert rows(read.schema("m BIGINT, id INT").parquet("dbfs:/p")) == [(3, 1), (4, 2), (None, 3)]
    assert read.parquet("dbfs:/p").select("_metadata.file_name", "id").count() == 3


def test_parquet_files_of_two_schemas_are_merged_when_asked(house: Any) -> None:
    house.spark.sql("SELECT 1 AS a").coalesce(1).write.parquet("dbfs:/p/one")
    house.spark.sql("SELECT 2 AS a, 'x' AS b").coalesce(1).write.parquet("dbfs:/p/two")
    paths = ("dbfs:/p/one", "dbfs:/p/two")
    assert rows(house.spark.read.option("mergeSchema", "true").parquet(*paths)) == [(1, None), (2, "x")]
    assert rows(house.spark.read.parquet(*paths)) == [(1,), (2,)]


def test_an_error_of_the_runtime_is_the_cause_of_what_pyspark_raises(house: Any) -> None:
    from reelhouse.errors import UserError

    with pytest.raises(AnalysisException) as caught:
        house.spark.table("bronze.nope").collect()
    assert isinstance(caught.value.__cause__, UserError)


def test_a_stream_cannot_be_written_as_a_batch(titles: Any) -> None:
    with pytest.raises(AnalysisException, match="can not be called on streaming"):
        titles.spark.readStream.table("bronze.t").write.saveAsTable("bronze.x")


def test_user_code_may_stop_its_session(house: Any) -> None:
    second = house.sessions.open()
    second.stop()
    house.sessions.close(second)
    assert house.spark.range(1).count() == 1


def test_queries_may_use_forms_of_databricks_that_the_engine_lacks(house: Any) -> None:
    house.spark.sql("SELECT * FROM VALUES (1, 'a', 10), (1, 'b', 20), (2, 'c', 5) AS v(k, s, n)").write.saveAsTable(
        "bronze.t"
    )
    newest = house.spark.sql("SELECT k, s FROM bronze.t QUALIFY row_number() OVER (PARTITION BY k ORDER BY n DESC) = 1")
    assert sorted(map(tuple, newest.collect())) == [(1, "b"), (2, "c")]
    sums = house.spark.sql("SELECT t.k, sum(t.n) AS n FROM bronze.t GROUP BY ALL ORDER BY k")
    assert [tuple(row) for row in sums.collect()] == [(1, 30), (2, 5)]
    house.spark.sql('CREATE TEMP VIEW j AS SELECT \'{"a": {"b": 7}}\' AS j')
    assert house.spark.sql("SELECT j:a.b::INT AS b FROM j").first().b == 7
    house.spark.sql("CREATE VIEW bronze.grouped AS SELECT k, count(*) AS c FROM bronze.t GROUP BY ALL")
    assert sorted(map(tuple, house.spark.table("bronze.grouped").collect())) == [(1, 2), (2, 1)]


def test_table_functions_that_are_not_done_are_refused_by_name(house: Any) -> None:
    with pytest.raises(UnsupportedOperationException, match="read_kafka"):
        house.spark.sql("SELECT * FROM read_kafka(bootstrapServers => 'x')")


def test_a_star_may_leave_columns_out(house: Any) -> None:
    house.spark.sql("SELECT 1 AS a, 2 AS b, 'x' AS c").write.saveAsTable("bronze.t")
    left = house.spark.sql("SELECT * EXCEPT (a, `C`), 5 AS d FROM bronze.t WHERE a = 1 ORDER BY c")
    assert [row.asDict() for row in left.collect()] == [{"b": 2, "d": 5}]
    house.spark.sql("SELECT * EXCEPT (a) FROM bronze.t").write.saveAsTable("bronze.u")
    assert house.spark.table("bronze.u").columns == ["b", "c"]
    with pytest.raises(AnalysisException, match="UNRESOLVED_COLUMN"):
        house.spark.sql("SELECT * EXCEPT (nope) FROM bronze.t").collect()


@pytest.mark.skipif("REELHOUSE_SPARK" in os.environ, reason="Apache Spark has the form itself")
def test_a_star_that_leaves_out_what_the_engine_cannot_is_refused_by_name(house: Any) -> None:
    house.spark.sql("SELECT 1 AS a, 2 AS b").write.saveAsTable("bronze.t")
    for text in (
        "SELECT * EXCEPT (a), b AS a FROM bronze.t",
        "SELECT DISTINCT * EXCEPT (a) FROM bronze.t",
        "SELECT b FROM (SELECT * EXCEPT (a) FROM bronze.t)",
    ):
        with pytest.raises(UnsupportedOperationException, match="EXCEPT"):
            house.spark.sql(text)
