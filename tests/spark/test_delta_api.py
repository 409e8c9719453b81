"""The stock `delta-spark` package's `DeltaTable`, and `DataFrame.mergeInto`, on tables of the project."""

from __future__ import annotations

import datetime

import pytest
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException, UnsupportedOperationException
from pyspark.sql import functions as F


@pytest.fixture
def spark(house):
    return house.spark


@pytest.fixture
def people(spark):
    frame = spark.createDataFrame([(1, "a"), (2, "b")], "id long, name string")
    frame.write.mode("overwrite").option("overwriteSchema", True).saveAsTable("people")
    return DeltaTable.forName(spark, "people")


@pytest.fixture
def news(spark):
    return spark.createDataFrame([(2, "bb"), (3, "c")], "id long, name string")


def rows(table):
    return [tuple(row) for row in table.toDF().orderBy("id").collect()]


def test_merge_by_aliases(people, news):
    (
        people.alias("t")
        .merge(news.alias("s"), "t.id = s.id")
        .whenMatchedUpdate(set={"name": "s.name"})
        .whenNotMatchedInsertAll()
        .execute()
    )
    assert rows(people) == [(1, "a"), (2, "bb"), (3, "c")]


def test_merge_by_columns_of_the_frames(people, news):
    (
        people.merge(news, people.toDF()["id"] == news["id"])
        .whenMatchedUpdate(condition=news["name"] == "bb", set={"name": F.concat(news["name"], F.lit("!"))})
        .whenNotMatchedInsert(values={"id": news["id"], "name": F.lit("new")})
        .execute()
    )
    assert rows(people) == [(1, "a"), (2, "bb!"), (3, "new")]


def test_merge_deletes_what_the_source_lacks(people, news):
    (
        people.alias("t")
        .merge(news.filter("id < 3").alias("s"), "t.id = s.id")
        .whenMatchedDelete("s.name = 'bb'")
        .whenNotMatchedBySourceUpdate("t.id = 1", {"name": "'gone'"})
        .execute()
    )
    assert rows(people) == [(1, "gone")]


def test_merge_takes_new_columns_with_schema_evolution(people, news):
    (
        people.alias("t")
        .merge(news.withColumn("age", F.lit(7)).alias("s"), "t.id = s.id")
        .withSchemaEvolution()
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .execute()
    )
    assert rows(people) == [(1, "a", None), (2, "bb", 7), (3, "c", 7)]


def test_a_source_may_be_made_from_the_target_itself(people):
    twice = people.toDF().withColumn("name", F.concat("name", "name"))
    people.alias("t").merge(twice.alias("s"), "t.id = s.id").whenMatchedUpdateAll().execute()
    assert rows(people) == [(1, "aa"), (2, "bb")]


def test_several_source_rows_for_one_row_are_refused_and_nothing_is_written(people, news):
    doubled = news.union(news)
    with pytest.raises(AnalysisException, match="MULTIPLE_SOURCE_ROW"):
        people.alias("t").merge(doubled.alias("s"), "t.id = s.id").whenMatchedUpdateAll().execute()
    assert rows(people) == [(1, "a"), (2, "b")]


def test_update_and_delete_tell_how_many_rows_they_changed(people):
    assert people.update("id = 1", {"name": "'one'"}).collect()[0].num_affected_rows == 1
    assert people.update(F.col("id").isin(1, 2), {"name": F.upper(F.col("name"))}).collect()[0].num_affected_rows == 2
    assert people.delete(F.when(F.col("id") == 1, True).otherwise(False)).collect()[0].num_affected_rows == 1
    assert rows(people) == [(2, "B")]
    people.delete()
    assert rows(people) == []


def test_history_detail_and_restore(people):
    people.delete("id = 1")
    assert people.history().select("operation").first().operation == "DELETE"
    assert people.history(1).count() == 1
    assert people.detail().select("format", "numFiles").collect()[0].format == "delta"
    version = people.history(1).collect()[0].version
    people.restoreToVersion(version - 1)
    assert rows(people) == [(1, "a"), (2, "b")]


def test_optimize_and_vacuum(people):
    people.optimize().executeCompaction()
    people.optimize().executeZOrderBy("id")
    people.vacuum(200)
    assert rows(people) == [(1, "a"), (2, "b")]
    with pytest.raises(UnsupportedOperationException, match="where"):
        people.optimize().where("id = 1").executeCompaction()


def test_tables_by_path(spark, tmp_path):
    path = str(tmp_path / "numbers")
    assert not DeltaTable.isDeltaTable(spark, path)
    spark.range(3).write.format("delta").save(path)
    assert DeltaTable.isDeltaTable(spark, path)
    table = DeltaTable.forPath(spark, path)
    table.delete("id = 0")
    table.alias("t").merge(spark.range(5).alias("s"), "t.id = s.id").whenNotMatchedInsertAll().execute()
    assert [row.id for row in table.toDF().orderBy("id").collect()] == [0, 1, 2, 3, 4]


def test_tables_are_made_as_the_builder_says(spark):
    made = (
        DeltaTable.createIfNotExists(spark)
        .tableName("made")
        .addColumn("id", "BIGINT", nullable=False)
        .addColumn("day", "DATE", comment="of the sale")
        .partitionedBy("day")
        .property("owner", "sales")
        .comment("as built")
        .execute()
    )
    assert made.toDF().schema.simpleString() == "struct<id:bigint,day:date>"
    assert made.detail().select("partitionColumns").collect()[0][0] == ["day"]
    spark.createDataFrame([(1, datetime.date(2026, 1, 2))], made.toDF().schema).write.insertInto("made")
    with pytest.raises(AnalysisException, match="NOT_NULL"):
        spark.createDataFrame([(None, datetime.date(2026, 1, 2))], made.toDF().schema).write.insertInto("made")
    DeltaTable.createOrReplace(spark).tableName("made").addColumns(spark.range(1).schema).execute()
    assert spark.table("made").schema.simpleString() == "struct<id:bigint>"
    assert spark.table("made").count() == 0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda table: table.upgradeTableProtocol(1, 3), "upgradeTableProtocol"),
        (lambda table: table.generate("symlink_format_manifest"), "generate"),
        (lambda table: table.addFeatureSupport("deletionVectors"), "addFeatureSupport"),
        (lambda table: table.clone("elsewhere", True), "clone"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(people, call, name):
    with pytest.raises(UnsupportedOperationException, match=name):
        call(people)


def test_generated_and_identity_columns_are_refused(spark):
    builder = DeltaTable.create(spark).tableName("generated").addColumn("id", "INT")
    with pytest.raises(UnsupportedOperationException, match="generated column 'twice'"):
        builder.addColumn("twice", "INT", generatedAlwaysAs="id * 2").execute()


def test_a_table_that_is_not_there_is_said(spark):
    with pytest.raises(AnalysisException, match="no_such_table"):
        DeltaTable.forName(spark, "no_such_table").toDF().count()
    with pytest.raises(AnalysisException, match="no_such_table"):
        DeltaTable.forName(spark, "no_such_table").delete()


def test_a_frame_merges_into_a_table(spark, people, news):
    (
        news.alias("s")
        .mergeInto("people", F.expr("people.id = s.id"))
        .whenMatched(F.expr("s.name = 'bb'"))
        .update({"name": F.expr("s.name")})
        .whenNotMatched()
        .insertAll()
        .whenNotMatchedBySource()
        .delete()
        .merge()
    )
    assert rows(people) == [(2, "bb"), (3, "c")]
