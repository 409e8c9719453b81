"""`spark.catalog`, answered from the project's catalog."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException


def test_tables_and_temporary_views_are_listed(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    house.spark.range(1).createOrReplaceTempView("v")
    tables = house.spark.catalog.listTables("bronze")
    assert [(t.name, t.catalog, t.namespace, t.tableType, t.isTemporary) for t in tables] == [
        ("t", "netflix", ["bronze"], "MANAGED", False),
        ("v", None, [], "TEMPORARY", True),
    ]
    assert [t.name for t in house.spark.catalog.listTables("bronze", "x*|T")] == ["t"]
    assert house.spark.catalog.getTable("netflix.bronze.t").name == "t"
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        house.spark.catalog.getTable("bronze.nope")


@pytest.mark.parametrize(
    ("name", "exists"),
    [("bronze.t", True), ("netflix.bronze.t", True), ("t", False), ("v", True), ("bronze.x", False)],
)
def test_a_table_or_view_exists_or_not(house: Any, name: str, exists: bool) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    house.spark.range(1).createOrReplaceTempView("v")
    assert house.spark.catalog.tableExists(name) is exists


def test_the_current_catalog_and_schema_are_the_projects(house: Any) -> None:
    catalog = house.spark.catalog
    assert (catalog.currentCatalog(), catalog.currentDatabase()) == ("netflix", "default")
    catalog.setCurrentDatabase("bronze")
    assert catalog.currentDatabase() == "bronze"
    assert catalog.databaseExists("bronze")
    assert not catalog.databaseExists("nope")
    assert [c.name for c in catalog.listCatalogs()] == ["netflix"]
    assert [d.name for d in catalog.listDatabases()] == ["bronze", "default"]
    assert catalog.getDatabase("bronze").locationUri.startswith("abfss://bronze@acc")
    with pytest.raises(AnalysisException, match="SCHEMA_NOT_FOUND"):
        catalog.setCurrentDatabase("nope")


def test_columns_are_listed_with_comments_and_partitioning(house: Any) -> None:
    house.spark.sql("CREATE TABLE bronze.t (a INT NOT NULL COMMENT 'first', b STRING) PARTITIONED BY (b)")
    columns = house.spark.catalog.listColumns("bronze.t")
    assert [(c.name, c.description, c.dataType, c.nullable, c.isPartition) for c in columns] == [
        ("a", "first", "int", False, False),
        ("b", None, "string", True, True),
    ]


def test_views_are_dropped_and_tables_too(house: Any) -> None:
    house.spark.range(1).createOrReplaceTempView("v")
    assert house.spark.catalog.dropTempView("v")
    assert not house.spark.catalog.dropTempView("v")
    house.spark.range(1).write.saveAsTable("bronze.t")
    house.spark.sql("DROP TABLE bronze.t")
    assert not house.spark.catalog.tableExists("bronze.t")


def test_caching_and_refreshing_know_their_table(house: Any) -> None:
    house.spark.range(1).write.saveAsTable("bronze.t")
    house.spark.catalog.cacheTable("bronze.t")
    house.spark.catalog.refreshTable("bronze.t")
    house.spark.catalog.clearCache()
    assert not house.spark.catalog.isCached("bronze.t")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        house.spark.catalog.cacheTable("bronze.nope")
