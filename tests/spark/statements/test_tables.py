from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.errors.exceptions.base import AnalysisException, UnsupportedOperationException

from reelhouse.catalog.entry import TableEntry, TableType
from reelhouse.catalog.names import TableName

ADDRESS = "abfss://silver@acc.dfs.core.windows.net"


class TestSchemas:
    def test_they_are_made_used_described_and_dropped(self, sql, house):
        assert sql(f"CREATE SCHEMA netflix.silver MANAGED LOCATION '{ADDRESS}/' COMMENT 'typed'") == []
        sql("USE netflix.silver")
        sql("CREATE TABLE t AS SELECT 1 AS id")
        assert house.catalog.table("silver.t").location == house.lake.local(f"{ADDRESS}/t")
        assert [row["databaseName"] for row in sql("SHOW SCHEMAS LIKE 's*|b*'")] == ["bronze", "silver"]
        described = {
            row["database_description_item"]: row["database_description_value"] for row in sql("DESCRIBE SCHEMA silver")
        }
        assert described["Comment"] == "typed"
        assert described["Location"].rstrip("/") == ADDRESS
        with pytest.raises(AnalysisException, match="SCHEMA_NOT_EMPTY"):
            sql("DROP SCHEMA silver")
        sql("DROP SCHEMA silver CASCADE")
        with pytest.raises(AnalysisException, match="SCHEMA_NOT_FOUND"):
            sql("USE silver")

    def test_catalogs(self, sql):
        sql("CREATE CATALOG IF NOT EXISTS other")
        sql("USE CATALOG other")
        sql("CREATE TABLE t AS SELECT 1 AS id")
        assert sql("SELECT * FROM other.default.t") == [{"id": 1}]
        assert [row["catalog"] for row in sql("SHOW CATALOGS")] == ["netflix", "other"]
        sql("USE CATALOG netflix")
        sql("DROP CATALOG other CASCADE")


class TestCreateTable:
    def test_what_is_declared_is_described(self, sql):
        sql(
            """CREATE TABLE bronze.t (id BIGINT NOT NULL COMMENT 'the key', c STRING, CONSTRAINT pk PRIMARY KEY (id))
            USING DELTA PARTITIONED BY (c) COMMENT 'titles' TBLPROPERTIES ('quality' = 'bronze')"""
        )
        lines = [(r["col_name"], r["data_type"], r["comment"]) for r in sql("DESCRIBE TABLE EXTENDED bronze.t")]
        assert lines[:2] == [("id", "bigint", "the key"), ("c", "string", None)]
        details = {name: kind for name, kind, _ in lines[2:]}
        assert details["# Partition Information"] == ""
        assert details["Type"] == "MANAGED"
        assert details["Comment"] == "titles"
        assert details["pk"] == "PRIMARY KEY (id)"
        assert details["Table Properties"] == "[quality=bronze]"
        assert details["Statistics"].endswith("0 rows")
        sql("INSERT INTO bronze.t VALUES (1, 'x'), (2, NULL)")
        assert [row["c"] for row in sql("SHOW PARTITIONS bronze.t")] == [None, "x"]
        assert sql("SELECT * FROM bronze.t WHERE c = 'x'") == [{"id": 1, "c": "x"}]

    def test_its_statement_makes_it_again(self, sql):
        sql("USE bronze")
        sql(
            """CREATE TABLE t (id BIGINT NOT NULL COMMENT 'it''s', `a b` STRUCT<x: INT>, CONSTRAINT p CHECK (id > 0))
            PARTITIONED BY (id) COMMENT 'c' TBLPROPERTIES ('k' = 'v')"""
        )
        text = sql("SHOW CREATE TABLE t")[0]["createtab_stmt"]
        sql("DROP TABLE t")
        sql(text)
        assert sql("SHOW CREATE TABLE t")[0]["createtab_stmt"] == text
        assert [row["col_name"] for row in sql("SHOW COLUMNS IN t")] == ["id", "a b"]

    def test_twice_is_an_error_unless_allowed(self, sql):
        sql("CREATE TABLE bronze.t AS SELECT 1 AS id")
        sql("CREATE TABLE IF NOT EXISTS bronze.t AS SELECT 2 AS id")
        with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
            sql("CREATE TABLE bronze.t (id INT)")
        assert sql("SELECT * FROM bronze.t") == [{"id": 1}]

    def test_or_replace_forgets_rows_columns_and_properties(self, sql):
        sql("CREATE TABLE bronze.t TBLPROPERTIES ('old' = '1') COMMENT 'old' AS SELECT 1 AS id")
        sql("CREATE OR REPLACE TABLE bronze.t COMMENT 'new' AS SELECT 'x' AS name")
        assert sql("SELECT * FROM bronze.t") == [{"name": "x"}]
        assert "old" not in {row["key"] for row in sql("SHOW TBLPROPERTIES bronze.t")}
        assert [row["operation"] for row in sql("DESCRIBE HISTORY bronze.t")] == [
            "CREATE OR REPLACE TABLE AS SELECT",
            "CREATE TABLE AS SELECT",
        ]
        sql("CREATE OR REPLACE TABLE bronze.t (a INT)")
        assert sql("SELECT * FROM bronze.t") == []
        assert sql("DESCRIBE DETAIL bronze.t")[0]["numFiles"] == 0
        assert sql("SELECT * FROM bronze.t VERSION AS OF 0") == [{"id": 1}]

    def test_an_external_table_names_what_is_there_and_dropping_it_leaves_it(self, sql, house):
        sql(f"CREATE TABLE bronze.t LOCATION '{ADDRESS}/x' AS SELECT 1 AS id")
        assert house.catalog.table("bronze.t").type == "EXTERNAL"
        sql("DROP TABLE bronze.t")
        sql(f"CREATE TABLE bronze.u LOCATION '{ADDRESS}/x'")
        assert sql("SELECT * FROM bronze.u") == [{"id": 1}]
        with pytest.raises(AnalysisException, match="DELTA_CREATE_TABLE_SCHEME_MISMATCH"):
            sql(f"CREATE TABLE bronze.v (other STRING) LOCATION '{ADDRESS}/x'")
        with pytest.raises(AnalysisException, match="DELTA_TABLE_ALREADY_EXISTS"):
            sql(f"CREATE TABLE bronze.v LOCATION '{ADDRESS}/x' AS SELECT 2 AS id")
        assert sql(f"SELECT * FROM delta.`{ADDRESS}/x`") == [{"id": 1}]

    def test_a_managed_table_goes_with_its_files(self, sql, house):
        sql("CREATE TABLE bronze.t AS SELECT 1 AS id")
        location = Path(house.catalog.table("bronze.t").location)
        sql("DROP TABLE bronze.t")
        assert not location.exists()
        sql("DROP TABLE IF EXISTS bronze.t")
        with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
            sql("DROP TABLE bronze.t")

    def test_what_a_dead_creation_left_in_a_managed_place_is_replaced(self, sql, house):
        there = house.catalog.managed_location(TableName("netflix", "bronze", "t"))
        sql(f"CREATE TABLE bronze.x LOCATION '{there}' AS SELECT 9 AS old")
        sql("DROP TABLE bronze.x")
        sql("CREATE TABLE bronze.t (id INT)")
        assert sql("SELECT * FROM bronze.t") == []


class TestAlter:
    @pytest.fixture(autouse=True)
    def table(self, sql):
        sql("USE bronze")
        sql("CREATE TABLE t AS SELECT 1 AS id, 'a' AS name")

    def test_properties(self, sql):
        sql("ALTER TABLE t SET TBLPROPERTIES ('delta.logRetentionDuration' = 'interval 30 days', a = 'b')")
        assert {"key": "a", "value": "b"} in sql("SHOW TBLPROPERTIES t")
        sql("ALTER TABLE t UNSET TBLPROPERTIES (a)")
        assert "does not have property" in sql("SHOW TBLPROPERTIES t ('a')")[0]["value"]
        with pytest.raises(AnalysisException, match="DELTA_UNKNOWN_CONFIGURATION"):
            sql("ALTER TABLE t SET TBLPROPERTIES ('delta.nothing' = 'x')")

    def test_columns_and_comments(self, sql):
        sql("ALTER TABLE t ADD COLUMNS (n INT COMMENT 'number', s STRUCT<x: DATE>)")
        sql("ALTER TABLE t ALTER COLUMN id COMMENT 'key'")
        sql("COMMENT ON COLUMN t.name IS 'title'")
        sql("COMMENT ON TABLE t IS 'all'")
        assert [(row["col_name"], row["comment"]) for row in sql("DESCRIBE t")] == [
            ("id", "key"),
            ("name", "title"),
            ("n", "number"),
            ("s", None),
        ]
        assert sql("SELECT * FROM t") == [{"id": 1, "name": "a", "n": None, "s": None}]
        assert sql("DESCRIBE DETAIL t")[0]["description"] == "all"

    def test_check_constraints_look_at_the_rows_that_are_there(self, sql):
        with pytest.raises(AnalysisException, match=r"DELTA_NEW_CHECK_CONSTRAINT_VIOLATION.*1 row"):
            sql("ALTER TABLE t ADD CONSTRAINT big CHECK (id > 1)")
        sql("ALTER TABLE t ADD CONSTRAINT small CHECK (id < 10)")
        sql("ALTER TABLE t DROP CONSTRAINT small")
        sql("INSERT INTO t VALUES (11, NULL)")
        with pytest.raises(AnalysisException, match="DELTA_NOT_NULL_CONSTRAINT_VIOLATED"):
            sql("ALTER TABLE t ALTER COLUMN name SET NOT NULL")

    def test_keys_are_informational(self, sql):
        with pytest.raises(AnalysisException, match="may be NULL"):
            sql("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (id)")
        sql("ALTER TABLE t ALTER COLUMN id SET NOT NULL")
        sql("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (id)")
        sql("CREATE TABLE u (id INT, CONSTRAINT fk FOREIGN KEY (id) REFERENCES t (id))")
        sql("INSERT INTO u VALUES (77)")
        assert "REFERENCES netflix.bronze.t (id)" in sql("SHOW CREATE TABLE u")[0]["createtab_stmt"]
        sql("ALTER TABLE t DROP PRIMARY KEY")

    def test_tables_of_pipelines_are_left_alone(self, sql, house):
        entry = house.catalog.table("bronze.t")
        house.catalog.create_table(
            TableEntry(TableName("netflix", "bronze", "mv"), entry.location, TableType.MATERIALIZED_VIEW)
        )
        for text in ("DELETE FROM mv", "OPTIMIZE mv", "ALTER TABLE mv SET TBLPROPERTIES (a = 'b')"):
            with pytest.raises(AnalysisException, match="STREAMING_TABLE_OPERATION_NOT_ALLOWED"):
                sql(text)


class TestMaintenance:
    @pytest.fixture(autouse=True)
    def table(self, sql):
        sql("USE bronze")
        sql("CREATE TABLE t AS SELECT 1 AS id")
        sql("INSERT INTO t VALUES (2)")
        sql("INSERT INTO t VALUES (3)")

    def test_optimize(self, sql):
        assert sql("OPTIMIZE t ZORDER BY (id)")[0]["metrics"]["numFilesRemoved"] == 3
        assert sql("OPTIMIZE t")[0]["metrics"]["numFilesAdded"] == 0
        assert sorted(row["id"] for row in sql("SELECT * FROM t")) == [1, 2, 3]
        assert sql("ANALYZE TABLE t COMPUTE STATISTICS") == []

    def test_vacuum_heeds_the_guard(self, sql):
        sql("OPTIMIZE t")
        with pytest.raises(AnalysisException, match="DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT"):
            sql("VACUUM t RETAIN 0 HOURS")
        sql("SET spark.databricks.delta.retentionDurationCheck.enabled = false")
        assert len(sql("VACUUM t RETAIN 0 HOURS DRY RUN")) == 3
        assert sql("VACUUM t RETAIN 0 HOURS")[0]["path"] == "abfss://bronze@acc.dfs.core.windows.net/t"
        assert len(sql("SELECT * FROM t")) == 3

    def test_restore(self, sql):
        assert sql("RESTORE TABLE t TO VERSION AS OF 0")[0]["num_removed_files"] == 2
        assert sql("SELECT * FROM t") == [{"id": 1}]
        assert sql("DESCRIBE HISTORY t LIMIT 1")[0]["operation"] == "RESTORE"


class TestViews:
    def test_a_view_lasts_and_reads_what_is_there_now(self, sql, house):
        sql("USE bronze")
        sql("CREATE TABLE t AS SELECT 1 AS id")
        sql("CREATE VIEW v (key COMMENT 'the key') COMMENT 'c' AS SELECT id FROM t")
        sql("INSERT INTO t VALUES (2)")
        sql("USE default")
        other = house.sessions.open()
        assert sorted(row["key"] for row in other.sql("SELECT * FROM bronze.v").toArrow().to_pylist()) == [1, 2]
        assert [(r["col_name"], r["comment"]) for r in sql("DESCRIBE bronze.v")] == [("key", "the key")]
        assert [row["viewName"] for row in sql("SHOW VIEWS IN bronze")] == ["v"]
        with pytest.raises(AnalysisException, match="EXPECT_TABLE_NOT_VIEW"):
            sql("DELETE FROM bronze.v")
        with pytest.raises(AnalysisException, match="WRONG_COMMAND_FOR_OBJECT_TYPE"):
            sql("DROP TABLE bronze.v")
        sql("DROP VIEW bronze.v")

    def test_a_temporary_view_is_of_the_session(self, sql, house):
        sql("CREATE TEMPORARY VIEW v AS SELECT 1 AS id")
        with pytest.raises(AnalysisException, match="ALREADY_EXISTS"):
            sql("CREATE TEMP VIEW v AS SELECT 2 AS id")
        sql("CREATE OR REPLACE TEMP VIEW v AS SELECT 2 AS id")
        assert sql("SELECT * FROM v") == [{"id": 2}]
        assert {"database": "", "tableName": "v", "isTemporary": True} in sql("SHOW TABLES")
        sql("DROP VIEW v")
        with pytest.raises(AnalysisException):
            sql("SELECT * FROM v")

    def test_a_view_over_nothing_is_refused(self, sql):
        with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
            sql("CREATE VIEW bronze.v AS SELECT * FROM nothing")


def test_the_session_is_set_and_reset(sql, house):
    assert sql("SET a.b = c d") == [{"key": "a.b", "value": "c d"}]
    assert house.spark.conf.get("a.b") == "c d"
    assert {"key": "a.b", "value": "c d"} in sql("SET")
    sql("RESET a.b")
    assert sql("SET a.b") == [{"key": "a.b", "value": "<undefined>"}]


def test_dataframes_can_stand_in_a_statement(sql, house):
    sql("CREATE TABLE bronze.t (id BIGINT)")
    frame = house.spark.range(3)
    house.spark.sql("INSERT INTO bronze.t SELECT * FROM {df}", df=frame)
    assert len(sql("SELECT * FROM bronze.t")) == 3


def test_other_statements_are_refused_by_name(sql):
    with pytest.raises(
        UnsupportedOperationException, match=r"The statement COPY INTO is not supported here.*Supported are"
    ):
        sql("COPY INTO t FROM '/x' FILEFORMAT = CSV")
