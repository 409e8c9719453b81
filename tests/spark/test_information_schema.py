"""`information_schema`: the catalog as tables."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def spark(house: Any) -> Any:
    house.spark.sql("""
        CREATE TABLE bronze.orders (id BIGINT NOT NULL COMMENT 'of the shop', day DATE, price DECIMAL(10,2),
            items ARRAY<STRING>, CONSTRAINT pk PRIMARY KEY (id)) PARTITIONED BY (day) COMMENT 'all orders'
    """)
    house.spark.sql("ALTER TABLE bronze.orders ADD CONSTRAINT cheap CHECK (price < 100)")
    house.spark.sql("CREATE VIEW bronze.ids AS SELECT id FROM bronze.orders")
    return house.spark


def test_tables_and_views(spark):
    rows = spark.sql("""
        SELECT table_name, table_type, is_insertable_into, comment, data_source_format
        FROM information_schema.tables WHERE table_schema = 'bronze' ORDER BY table_name
    """).collect()
    assert [tuple(row) for row in rows] == [
        ("ids", "VIEW", "NO", None, None),
        ("orders", "MANAGED", "YES", "all orders", "DELTA"),
    ]
    assert spark.table("information_schema.tables").where("created IS NOT NULL").count() == 2
    views = spark.sql("SELECT view_definition FROM information_schema.views").collect()
    assert views[0][0] == "SELECT id FROM bronze.orders"


def test_columns_with_their_types(spark):
    rows = spark.sql("""
        SELECT column_name, ordinal_position, is_nullable, full_data_type, data_type, partition_index, comment
        FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position
    """).collect()
    assert [tuple(row) for row in rows] == [
        ("id", 0, "NO", "bigint", "LONG", None, "of the shop"),
        ("day", 1, "YES", "date", "DATE", 1, None),
        ("price", 2, "YES", "decimal(10,2)", "DECIMAL", None, None),
        ("items", 3, "YES", "array<string>", "ARRAY", None, None),
    ]
    assert spark.table("information_schema.columns").where("table_name = 'ids'").first().full_data_type == "bigint"


def test_schemata_and_catalogs(spark, house):
    names = [row[0] for row in spark.sql("SELECT schema_name FROM information_schema.schemata").collect()]
    assert {"bronze", "default", "information_schema"} <= set(names)
    house.catalog.create_catalog("other")
    catalogs = spark.sql("SELECT catalog_name FROM system.information_schema.catalogs").collect()
    assert "other" in [row[0] for row in catalogs]
    assert spark.sql("SELECT * FROM other.information_schema.tables").count() == 0


def test_constraints(spark):
    rows = spark.sql("""
        SELECT constraint_name, constraint_type, enforced FROM information_schema.table_constraints ORDER BY 1
    """).collect()
    assert [tuple(row) for row in rows] == [("cheap", "CHECK", "YES"), ("pk", "PRIMARY KEY", "NO")]


def test_it_joins_like_any_table(spark):
    joined = spark.sql("""
        SELECT table_name, count(*) AS n FROM information_schema.tables AS t
        JOIN information_schema.columns AS c USING (table_schema, table_name) GROUP BY ALL ORDER BY ALL
    """).collect()
    assert [tuple(row) for row in joined] == [("ids", 1), ("orders", 4)]


def test_a_view_that_is_not_made_is_refused_by_name(spark):
    with pytest.raises(Exception, match=r"(?s)information_schema.tabels is not made here.*Did you mean 'tables'"):
        spark.sql("SELECT * FROM information_schema.tabels")
