"""Writes: one commit each, with the documented meaning of modes and options, checked by rules, noted with counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.errors.exceptions.connect import UnsupportedOperationException
from pyspark.sql import functions as F

from reelhouse.delta.expectations import ExpectationViolation
from reelhouse.delta.write import Expectation, Mode, OnViolation, Target, Transaction, WriteSpec
from reelhouse.plans import plan
from reelhouse.spark.write import mask, partition_text


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=str)


def relation(house: Any, sql: str) -> Any:
    return house.spark.sql(sql)._plan.to_proto(house.spark.client).root


def versions(house: Any, name: str) -> int:
    log = Path(house.catalog.table(name).location) / "_delta_log"
    return len(list(log.glob("*.json")))


def test_save_modes_mean_what_they_say(house: Any) -> None:
    frame = house.spark.range(2)
    frame.write.saveAsTable("bronze.t")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        frame.write.saveAsTable("bronze.t")
    frame.write.mode("ignore").saveAsTable("bronze.t")
    assert versions(house, "bronze.t") == 1
    frame.write.mode("append").saveAsTable("bronze.t")
    assert house.spark.table("bronze.t").count() == 4
    frame.write.mode("overwrite").saveAsTable("bronze.t")
    assert house.spark.table("bronze.t").count() == 2
    assert versions(house, "bronze.t") == 3


def test_a_table_of_no_rows_has_its_schema(house: Any) -> None:
    house.spark.sql("SELECT 1 AS a, 'x' AS b").where("false").write.saveAsTable("bronze.e")
    assert house.spark.table("bronze.e").columns == ["a", "b"]
    assert house.spark.table("bronze.e").count() == 0


def test_columns_are_matched_by_name_whatever_their_case_and_missing_ones_are_null(house: Any) -> None:
    house.spark.sql("SELECT 1 AS id, 'a' AS Name").write.saveAsTable("bronze.t")
    house.spark.sql("SELECT 'b' AS NAME, 2 AS ID").write.mode("append").saveAsTable("bronze.t")
    house.spark.sql("SELECT 3 AS id").write.mode("append").saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(1, "a"), (2, "b"), (3, None)]


def test_a_new_column_needs_merge_schema(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    wider = house.spark.sql("SELECT 1L AS id, 'x' AS extra")
    with pytest.raises(AnalysisException, match=r"no column 'extra'.*mergeSchema"):
        wider.write.mode("append").saveAsTable("bronze.t")
    wider.write.mode("append").option("mergeSchema", "true").saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(0, None), (1, "x")]


def test_another_type_needs_overwrite_schema(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    texts = house.spark.sql("SELECT 'x' AS id")
    with pytest.raises(AnalysisException):
        texts.write.mode("overwrite").saveAsTable("bronze.t")
    texts.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [("x",)]


def test_replace_where_replaces_the_slice_and_refuses_rows_outside(house: Any) -> None:
    house.spark.range(4).write.saveAsTable("bronze.t")
    write = house.spark.range(1).write.mode("overwrite")
    write.option("replaceWhere", "id < 2").saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(0,), (2,), (3,)]
    with pytest.raises(AnalysisException, match="REPLACE_WHERE"):
        write.option("replaceWhere", "id > 2").saveAsTable("bronze.t")


def test_insert_into_goes_by_position(house: Any) -> None:
    house.spark.sql("SELECT 1 AS id, 'a' AS s").write.saveAsTable("bronze.t")
    house.spark.sql("SELECT 2 AS s, 'b' AS id").write.insertInto("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(1, "a"), (2, "b")]
    with pytest.raises(AnalysisException, match="INSERT_COLUMN_ARITY_MISMATCH"):
        house.spark.range(1).write.insertInto("bronze.t")


def test_write_to_creates_appends_replaces_and_overwrites_by_condition(house: Any) -> None:
    house.spark.range(3).writeTo("bronze.w").create()
    house.spark.range(3, 4).writeTo("bronze.w").append()
    house.spark.range(1).writeTo("bronze.w").overwrite(F.col("id") <= 1)
    assert rows(house.spark.table("bronze.w")) == [(0,), (2,), (3,)]
    house.spark.sql("SELECT 'x' AS y").writeTo("bronze.w").createOrReplace()
    assert rows(house.spark.table("bronze.w")) == [("x",)]
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        house.spark.range(1).writeTo("bronze.nope").append()


def test_a_repeated_transaction_is_skipped(house: Any) -> None:
    for _ in range(3):
        options = {"txnAppId": "app", "txnVersion": 1}
        house.spark.range(1).write.format("delta").mode("append").options(**options).save("dbfs:/t")
    assert house.spark.read.format("delta").load("dbfs:/t").count() == 1


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda w: w.option("foo", "1").saveAsTable("bronze.x"), "'foo'.*not supported"),
        (lambda w: w.bucketBy(2, "id").saveAsTable("bronze.x"), "bucketBy"),
        (lambda w: w.format("orc").save("dbfs:/x"), "'orc' cannot be written"),
        (lambda w: w.option("partitionOverwriteMode", "dynamic").mode("overwrite").saveAsTable("bronze.x"), "dynamic"),
        (lambda w: w.format("parquet").saveAsTable("bronze.x"), "format 'parquet' cannot be made"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(house: Any, write: Any, message: str) -> None:
    with pytest.raises(UnsupportedOperationException, match=message):
        write(house.spark.range(1).write)
    assert not house.catalog.find("bronze.x")


def test_the_embedded_engine_writes_no_csv_files_because_it_writes_them_otherwise(house: Any) -> None:
    if house.context.engine != "sail":
        pytest.skip("Apache Spark writes CSV as Spark does")
    with pytest.raises(UnsupportedOperationException, match="CSV files cannot be written by the embedded engine"):
        house.spark.range(1).write.csv("dbfs:/x")


def test_a_folder_of_other_files_does_not_become_a_table(house: Any) -> None:
    folder = Path(house.lake.local("dbfs:/full"))
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x")
    with pytest.raises(AnalysisException, match="NON_EMPTY_LOCATION"):
        house.spark.range(1).write.format("delta").save("dbfs:/full")


def test_files_are_overwritten_and_appended_to_whole(house: Any) -> None:
    house.spark.range(2).write.parquet("dbfs:/p")
    with pytest.raises(AnalysisException, match="PATH_ALREADY_EXISTS"):
        house.spark.range(2).write.parquet("dbfs:/p")
    house.spark.range(2, 3).write.mode("append").parquet("dbfs:/p")
    assert house.spark.read.parquet("dbfs:/p").count() == 3
    house.spark.range(1).write.mode("overwrite").parquet("dbfs:/p")
    assert house.spark.read.parquet("dbfs:/p").count() == 1
    local = Path(house.lake.local("dbfs:/p"))
    assert [path.name for path in local.parent.iterdir()] == ["p"]


def test_nothing_but_data_and_log_is_left_in_a_table(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    names = os.listdir(house.catalog.table("bronze.t").location)
    assert sorted(name.partition("-")[0] for name in names) == ["_delta_log", "part"]


# --- SessionContext.write ---------------------------------------------------------------------------------------------

VALUES = "SELECT * FROM VALUES (1, 'a'), (2, NULL), (NULL, 'c') AS v(id, s)"


def test_rows_that_break_a_dropping_rule_stay_out_and_every_rule_is_counted(house: Any) -> None:
    rules = (Expectation("has_id", "id IS NOT NULL", OnViolation.DROP), Expectation("has_s", "s > 'A'"))
    target = Target(str(house.path / "t"), "netflix.bronze.rules")
    commit = house.context.write(relation(house, VALUES), target, WriteSpec(Mode.APPEND, expectations=rules))
    assert (commit.version, commit.rows, commit.checked, commit.dropped) == (0, 2, 3, 1)
    assert commit.failed == {"has_id": 1, "has_s": 1}
    assert house.spark.read.format("delta").load(target.location).columns == ["id", "s"]


def test_a_failing_rule_leaves_the_table_as_it_was_and_shows_a_row(house: Any) -> None:
    rules = (Expectation("has_id", "id IS NOT NULL", OnViolation.FAIL),)
    target = Target(str(house.path / "t"))
    with pytest.raises(ExpectationViolation, match=r"1 row.*'has_id' \(id IS NOT NULL\).*\"s\": \"c\"") as caught:
        house.context.write(relation(house, VALUES), target, WriteSpec(Mode.APPEND, expectations=rules))
    assert caught.value.failed == {"has_id": 1}
    assert house.context.snapshot(target.location) is None


def test_an_overwrite_with_the_same_rows_commits_nothing_and_another_counts_by_key(house: Any) -> None:
    target = Target(str(house.path / "t"))
    spec = WriteSpec(Mode.OVERWRITE, skip_if_same=True, key=("id",))

    def write(values: str) -> Any:
        return house.context.write(relation(house, f"SELECT * FROM VALUES {values} AS v(id, a, b)"), target, spec)

    assert write("(1, 'x', NULL), (2, NULL, 'y'), (3, 'z', 'z')").version == 0
    same = write("(3, 'z', 'z'), (2, NULL, 'y'), (1, 'x', NULL)")
    assert (same.version, same.rows, same.added, same.updated, same.removed) == (None, 3, 0, 0, 0)
    moved = write("(1, NULL, 'x'), (2, NULL, 'y'), (4, 'z', 'z')")
    assert (moved.version, moved.added, moved.updated, moved.removed) == (1, 1, 1, 1)


def test_rows_of_every_type_are_compared(house: Any) -> None:
    sql = """SELECT 1 AS i, array(1, NULL) AS a, map('k', 1) AS m, named_struct('f', 1.5D) AS s, X'00' AS b, true AS t,
        timestamp'2020-01-01' AS ts, date'2020-01-01' AS d, CAST(1.5 AS DECIMAL(20, 5)) AS dc, 1.5F AS f"""
    target = Target(str(house.path / "t"))
    spec = WriteSpec(Mode.OVERWRITE, skip_if_same=True)
    assert house.context.write(relation(house, sql), target, spec).version == 0
    assert house.context.write(relation(house, sql), target, spec).version is None
    other = sql.replace("array(1, NULL)", "array(1, 2)")
    assert house.context.write(relation(house, other), target, spec).version == 1


def test_a_transaction_that_was_committed_is_not_computed_again(house: Any) -> None:
    target = Target(str(house.path / "t"))
    spec = WriteSpec(Mode.APPEND, transaction=Transaction("query", 3))
    assert house.context.write(relation(house, "SELECT 1 AS a"), target, spec).version == 0
    boom = plan.sql("SELECT raise_error('computed') AS a")
    assert house.context.write(boom, target, spec).version is None


def test_a_write_is_noted_with_its_counts(house: Any) -> None:
    house.spark.range(3).write.saveAsTable("bronze.t")
    house.spark.range(1).write.mode("overwrite").saveAsTable("bronze.t")
    first, second = house.recorded.changes
    assert (first.table, first.version, first.rows, first.added) == ("netflix.bronze.t", 0, 3, 3)
    assert (second.version, second.rows, second.added, second.removed) == (1, 1, 1, 3)


def test_a_check_constraint_holds_for_rows_that_lack_its_column(house: Any) -> None:
    house.spark.sql("SELECT 1 AS a, 1 AS b").write.saveAsTable("bronze.t")
    house.spark.sql("ALTER TABLE bronze.t ADD CONSTRAINT pos CHECK (b > 0)")
    with pytest.raises(AnalysisException, match="CHECK constraint pos"):
        house.spark.sql("SELECT 2 AS a").write.mode("append").saveAsTable("bronze.t")
    house.spark.sql("SELECT 2 AS a, 2 AS b").write.mode("append").saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(1, 1), (2, 2)]


def test_the_mask_has_one_bit_a_rule() -> None:
    text = mask(["a > 1", "b -- ends"]).expression_string.expression
    assert text == "(CASE WHEN (a > 1\n) THEN 0L ELSE 1L END) + (CASE WHEN (b -- ends\n) THEN 0L ELSE 2L END)"


@pytest.mark.parametrize("type", [{"type": "array", "elementType": "integer", "containsNull": True}, "binary"])
def test_a_column_without_text_form_cannot_partition(type: Any) -> None:
    from reelhouse.errors import Unsupported

    with pytest.raises(Unsupported, match="partitioned by 'c'"):
        partition_text("c", type, "UTC")


def test_a_failed_first_write_leaves_no_name_behind(house: Any) -> None:
    with pytest.raises(Exception, match="boom"):
        house.spark.sql("SELECT CAST(raise_error('boom') AS INT) AS a FROM range(1)").write.saveAsTable("bronze.t")
    assert house.catalog.find("bronze.t") is None


def test_a_name_whose_first_commit_was_never_made_is_free(house: Any) -> None:
    from reelhouse.catalog.entry import TableEntry
    from reelhouse.catalog.names import TableName

    house.catalog.create_table(TableEntry(TableName("netflix", "bronze", "t"), ""))
    house.spark.range(2).write.saveAsTable("bronze.t")
    assert house.spark.table("bronze.t").count() == 2


def test_a_write_killed_after_staging_leaves_nothing_that_the_next_one_sees(house: Any) -> None:
    location = house.catalog.managed_location(house.catalog.resolve_name("bronze.t"))
    stale = Path(location) / "_staged" / "elsewhere-1-x"
    stale.mkdir(parents=True)
    (stale / "x.parquet").write_text("half")
    house.spark.range(2).write.saveAsTable("bronze.t")
    assert house.spark.table("bronze.t").count() == 2


@pytest.mark.parametrize("options", [{}, {"replaceWhere": "id >= 0"}, {"overwriteSchema": "true"}])
def test_rows_that_others_add_while_an_overwrite_runs_are_not_lost_silently(
    house: Any, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    house.spark.range(2).write.saveAsTable("bronze.t")
    _meanwhile(house, monkeypatch, lambda other: other.range(7, 8).write.mode("append").saveAsTable("bronze.t"))
    overwrite = house.spark.range(1).write.mode("overwrite").options(**options)
    with pytest.raises(AnalysisException, match="DELTA_CONCURRENT_APPEND"):
        overwrite.saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(0,), (1,), (7,)]
    overwrite.saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(0,)]


def test_a_table_that_others_make_while_an_overwrite_runs_is_not_replaced_silently(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(house.path / "t")
    _meanwhile(house, monkeypatch, lambda other: other.range(7, 8).write.format("delta").save(path))
    with pytest.raises(AnalysisException, match=r"DELTA_(PROTOCOL|METADATA)_CHANGED"):
        house.spark.range(1).write.format("delta").mode("overwrite").save(path)
    assert rows(house.spark.read.format("delta").load(path)) == [(7,)]


def test_an_append_follows_whatever_others_add_meanwhile(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    _meanwhile(house, monkeypatch, lambda other: other.range(7, 8).write.mode("append").saveAsTable("bronze.t"))
    house.spark.range(1, 2).write.mode("append").saveAsTable("bronze.t")
    assert rows(house.spark.table("bronze.t")) == [(0,), (1,), (7,)]


def _meanwhile(house: Any, monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let another session act once, after this one's rows are written and before they are committed."""
    other = house.sessions.open()
    house.sessions.activate(house.spark)
    write_parquet = house.context.wire.write_parquet
    actions = [act]

    def slow(*arguments: Any) -> None:
        write_parquet(*arguments)
        while actions:
            actions.pop()(other)

    monkeypatch.setattr(house.context.wire, "write_parquet", slow)


def test_files_written_in_several_time_zones_are_read_together(house: Any) -> None:
    path = str(house.path / "files")
    for zone, mode in (("UTC", "append"), ("America/New_York", "append"), ("Asia/Kolkata", "append")):
        house.spark.conf.set("spark.sql.session.timeZone", zone)
        noon = house.spark.sql(f"SELECT timestamp'2024-01-01 12:00:00' AS at, '{zone}' AS zone")
        noon.write.mode(mode).saveAsTable("bronze.t")
        noon.write.mode(mode).partitionBy("zone").saveAsTable("bronze.p")
        noon.write.mode(mode).parquet(path)
    for zone, hours in (("UTC", [6, 12, 17]), ("America/New_York", [1, 7, 12])):
        house.spark.conf.set("spark.sql.session.timeZone", zone)
        for frame in (house.spark.table("bronze.t"), house.spark.table("bronze.p"), house.spark.read.parquet(path)):
            assert sorted(row.h for row in frame.selectExpr("hour(at) AS h").collect()) == hours
            texts = sorted(row.s for row in frame.selectExpr("cast(at AS STRING) AS s").collect())
            assert texts[-1] == f"2024-01-01 {hours[-1]:02}:00:00"
