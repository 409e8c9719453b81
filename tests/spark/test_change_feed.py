"""The change data feed: written by every statement, read by version, by time and as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from reelhouse.project import Project

COLUMNS = "id, name, _change_type, _commit_version"


@pytest.fixture
def spark(house: Any) -> Any:
    house.spark.sql(
        "CREATE TABLE t (id BIGINT, name STRING, day STRING) PARTITIONED BY (day) "
        "TBLPROPERTIES (delta.enableChangeDataFeed = true)"
    )
    house.spark.sql("INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'x'), (3, 'c', 'y')")
    return house.spark


def changes(spark: Any, start: int, end: int | None = None) -> list[tuple[Any, ...]]:
    more = "" if end is None else f", {end}"
    rows = spark.sql(f"SELECT {COLUMNS} FROM table_changes('t', {start}{more})").collect()
    return sorted((tuple(row) for row in rows), key=str)


def test_an_insert_tells_its_rows(spark):
    assert changes(spark, 0) == [(1, "a", "insert", 1), (2, "b", "insert", 1), (3, "c", "insert", 1)]


def test_an_update_tells_rows_before_and_after(spark):
    spark.sql("UPDATE t SET name = upper(name) WHERE id = 2")
    assert changes(spark, 2) == [(2, "B", "update_postimage", 2), (2, "b", "update_preimage", 2)]
    spark.sql("UPDATE t SET name = 'z' WHERE id IN (SELECT max(id) FROM t)")
    assert changes(spark, 3) == [(3, "c", "update_preimage", 3), (3, "z", "update_postimage", 3)]
    assert spark.table("t").count() == 3


def test_a_delete_tells_the_rows_that_are_gone(spark):
    spark.sql("DELETE FROM t WHERE day = 'x'")
    assert changes(spark, 2) == [(1, "a", "delete", 2), (2, "b", "delete", 2)]
    spark.sql("DELETE FROM t")
    assert changes(spark, 3) == [(3, "c", "delete", 3)]
    assert spark.table("t").count() == 0


def test_a_merge_tells_what_each_clause_did(spark):
    spark.sql("""
        MERGE INTO t USING (SELECT * FROM VALUES (1, 'A'), (2, 'B'), (9, 'new') AS v(id, name)) AS s ON t.id = s.id
        WHEN MATCHED AND s.id = 1 THEN DELETE
        WHEN MATCHED THEN UPDATE SET name = s.name
        WHEN NOT MATCHED THEN INSERT (id, name, day) VALUES (s.id, s.name, 'z')
    """)
    assert changes(spark, 2) == [
        (1, "a", "delete", 2),
        (2, "B", "update_postimage", 2),
        (2, "b", "update_preimage", 2),
        (9, "new", "insert", 2),
    ]
    assert sorted(row.id for row in spark.table("t").collect()) == [2, 3, 9]


def test_a_merge_that_only_inserts_and_one_whose_source_matches_twice(spark):
    source = "(SELECT * FROM VALUES (1), (1), (5) AS v(id)) AS s"
    spark.sql(f"MERGE INTO t USING {source} ON t.id = s.id WHEN MATCHED THEN DELETE")
    assert changes(spark, 2) == [(1, "a", "delete", 2)]
    spark.sql(f"MERGE INTO t USING {source} ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)")
    assert [row[2] for row in changes(spark, 3)] == ["insert", "insert", "insert"]


def test_the_feed_tells_the_values_that_the_table_has(spark):
    spark.sql("UPDATE t SET name = CAST(rand() AS STRING)")
    told = {row[0]: row[1] for row in changes(spark, 2) if row[2] == "update_postimage"}
    assert told == {row.id: row.name for row in spark.table("t").collect()}


def test_an_overwrite_tells_old_rows_as_deleted(spark):
    spark.sql("INSERT OVERWRITE t VALUES (7, 'g', 'x')")
    assert [row[2] for row in changes(spark, 2)] == ["delete", "delete", "delete", "insert"]


def test_ranges_by_options_and_times(spark):
    spark.sql("DELETE FROM t WHERE id = 1")
    spark.sql("DELETE FROM t WHERE id = 2")
    read = spark.read.option("readChangeFeed", "true")
    assert read.option("startingVersion", 1).option("endingVersion", 2).table("t").count() == 4
    start = spark.sql("DESCRIBE HISTORY t").where("version = 2").first().timestamp.isoformat()
    assert spark.read.option("readChangeFeed", "true").option("startingTimestamp", start).table("t").count() == 2
    assert spark.sql(f"SELECT * FROM table_changes('t', '{start}')").count() == 2
    rows = spark.sql("SELECT _commit_timestamp FROM table_changes('t', 2, 2)").collect()
    assert rows[0][0].isoformat(timespec="milliseconds") == start[:23]


def test_new_columns_are_null_in_older_changes(spark):
    spark.sql("ALTER TABLE t ADD COLUMN age INT")
    spark.sql("UPDATE t SET age = 5 WHERE id = 1")
    rows = spark.sql("SELECT age, _change_type FROM table_changes('t', 1) WHERE id = 1 ORDER BY _commit_version, 2")
    assert [tuple(row) for row in rows.collect()] == [
        (None, "insert"),
        (5, "update_postimage"),
        (None, "update_preimage"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "NO_START_FOR_CDC_READ"),
        ({"startingVersion": "9"}, "INVALID_CDC_RANGE"),
        ({"startingVersion": "2", "endingVersion": "1"}, "INVALID_CDC_RANGE"),
        ({"startingVersion": "x"}, "not a startingVersion"),
        ({"startingVersion": "1", "startingTimestamp": "2026-01-01"}, "exclude each other"),
        ({"startingTimestamp": "2999-01-01"}, "TIMESTAMP_GREATER_THAN_COMMIT"),
    ],
)
def test_a_range_that_is_none_is_said(spark, options, message):
    with pytest.raises(AnalysisException, match=message):
        spark.read.option("readChangeFeed", "true").options(**options).table("t").count()


def test_a_table_that_records_no_changes_says_so(spark):
    spark.sql("CREATE TABLE plain AS SELECT 1 AS id")
    with pytest.raises(AnalysisException, match="DELTA_MISSING_CHANGE_DATA"):
        spark.sql("SELECT * FROM table_changes('plain', 0)").count()
    spark.sql("ALTER TABLE plain SET TBLPROPERTIES (delta.enableChangeDataFeed = true)")
    spark.sql("DELETE FROM plain")
    assert spark.sql("SELECT * FROM table_changes('plain', 1)").count() == 1


def test_the_files_of_changes_are_no_rows_of_the_table_to_other_readers(spark, house):
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    spark.sql("UPDATE t SET name = 'n' WHERE id = 1")
    location = house.catalog.table("t").location
    table = DeltaTable(location)
    assert ds.dataset(table.file_uris()).count_rows() == 3
    cdf = table.load_cdf(starting_version=2).read_all()
    assert sorted(cdf["_change_type"].to_pylist()) == ["update_postimage", "update_preimage"]


def test_a_stream_begins_with_the_table_and_goes_on_with_its_changes(streaming):
    spark, run = streaming
    assert run() == [(1, "a", "insert"), (2, "b", "insert"), (3, "c", "insert")]
    spark.sql("UPDATE t SET name = 'z' WHERE id = 3")
    spark.sql("DELETE FROM t WHERE id = 1")
    assert run()[3:] == [(3, "c", "update_preimage"), (3, "z", "update_postimage"), (1, "a", "delete")]
    assert run()[6:] == []


def test_a_stream_on_a_table_that_records_no_changes_says_so(streaming):
    spark, run = streaming
    run()
    spark.sql("ALTER TABLE t SET TBLPROPERTIES (delta.enableChangeDataFeed = false)")
    spark.sql("DELETE FROM t WHERE id = 1")
    with pytest.raises(Exception, match="DELTA_MISSING_CHANGE_DATA"):
        run()


@pytest.fixture
def streaming(tmp_path: Path) -> Iterator[Any]:
    """A session, and what appends the changes of `t` to a table and gives its rows in their order."""
    (tmp_path / "reelhouse.toml").write_text("")
    project = Project.open(tmp_path, state=tmp_path / "state")
    spark = project.spark
    spark.sql("CREATE TABLE t (id BIGINT, name STRING) TBLPROPERTIES (delta.enableChangeDataFeed = true)")
    spark.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")

    def run() -> list[tuple[Any, ...]]:
        stream = spark.readStream.option("readChangeFeed", "true").table("t").select("id", "name", "_change_type")
        query = (
            stream.writeStream.option("checkpointLocation", str(tmp_path / "checkpoint"))
            .trigger(availableNow=True)
            .toTable("changed")
        )
        query.awaitTermination()
        order = {"insert": 0, "update_preimage": 1, "update_postimage": 2, "delete": 3}
        rows = [tuple(row) for row in spark.table("changed").collect()]
        return sorted(rows, key=lambda row: (order[row[2]], row[0]))

    yield spark, run
    project.close()
