from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.errors.exceptions.base import AnalysisException

from reelhouse.delta import log


class TestInsert:
    def test_values_by_position_and_by_name(self, sql, titles):
        assert sql("INSERT INTO t VALUES (4, 'd', 40)") == [{"num_affected_rows": 1, "num_inserted_rows": 1}]
        sql("INSERT INTO t (n, id) SELECT 50, 5")
        sql("INSERT INTO t BY NAME SELECT 'f' AS name, 6L AS id")
        assert titles.rows() == {
            1: ("a", 10), 2: ("b", 20), 3: ("c", None), 4: ("d", 40), 5: (None, 50), 6: ("f", None),
        }  # fmt: skip

    def test_overwrite_and_replace_where(self, sql, titles):
        sql("INSERT INTO t REPLACE WHERE id = 1 VALUES (1, 'z', 0)")
        assert titles.rows()[1] == ("z", 0)
        sql("INSERT OVERWRITE t SELECT 9, 'x', 1")
        assert titles.rows() == {9: ("x", 1)}

    def test_values_that_do_not_fit_are_refused(self, sql, titles):
        with pytest.raises(AnalysisException, match=r"CANNOT_SAFELY_CAST.*'n'.*int, the value string"):
            sql("INSERT INTO t VALUES (4, 'd', 'x')")
        with pytest.raises(AnalysisException, match=r"INSERT_COLUMN_ARITY_MISMATCH.*takes 3 columns \(id, name, n\)"):
            sql("INSERT INTO t VALUES (4, 'd')")
        with pytest.raises(AnalysisException, match=r"no column 'nam'.*'name'"):
            sql("INSERT INTO t (nam) VALUES ('d')")
        assert titles.version() == 1

    def test_from_another_table_and_with_parameters(self, sql, titles):
        sql("CREATE TABLE u AS SELECT id + 10 AS id, name, n FROM t WHERE n > :least", {"least": 15})
        assert sql("SELECT * FROM u") == [{"id": 12, "name": "b", "n": 20}]
        sql("INSERT INTO t SELECT * FROM u")
        assert titles.rows()[12] == ("b", 20)

    def test_constraints_are_enforced(self, sql, titles):
        sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)")
        sql("ALTER TABLE t ALTER COLUMN id SET NOT NULL")
        before = titles.version()
        with pytest.raises(AnalysisException, match=r"DELTA_VIOLATE_CONSTRAINT_WITH_VALUES.*positive"):
            sql("INSERT INTO t VALUES (-1, 'x', 1)")
        with pytest.raises(AnalysisException, match=r"DELTA_NOT_NULL_CONSTRAINT_VIOLATED|DELTA_VIOLATE_CONSTRAINT"):
            sql("INSERT INTO t VALUES (NULL, 'x', 1)")
        assert titles.version() == before
        sql("INSERT INTO t VALUES (7, 'x', 1)")

    def test_constant_decimals_come_back_exactly(self, sql, titles):
        sql("CREATE TABLE d (v DECIMAL(20, 10))")
        sql("INSERT INTO d VALUES (3333333333.3333333333), (3333333333.3333333333)")
        assert {row["v"] for row in sql("SELECT v FROM d")} == {Decimal("3333333333.3333333333")}
        assert len(sql("SELECT v FROM d WHERE v = 3333333333.3333333333")) == 2
        sql("OPTIMIZE d")
        assert sql("SELECT max(v) AS m FROM d") == [{"m": Decimal("3333333333.3333333333")}]


class TestUpdate:
    def test_rows_that_meet_the_condition_change(self, sql, titles):
        assert sql("UPDATE t AS x SET x.name = upper(x.name), n = id * 2 WHERE n >= 20") == [{"num_affected_rows": 1}]
        assert titles.rows() == {1: ("a", 10), 2: ("B", 4), 3: ("c", None)}
        entry = sql("DESCRIBE HISTORY t LIMIT 1")[0]
        assert entry["operation"] == "UPDATE"
        assert dict(entry["operationMetrics"])["numUpdatedRows"] == "1"

    def test_without_a_match_there_is_no_version(self, sql, titles):
        assert sql("UPDATE t SET n = 1 WHERE id = 99") == [{"num_affected_rows": 0}]
        assert titles.version() == 1

    def test_a_subquery_may_choose_the_rows(self, sql, titles):
        sql("UPDATE t SET n = 0 WHERE id IN (SELECT max(id) FROM t)")
        assert titles.rows() == {1: ("a", 10), 2: ("b", 20), 3: ("c", 0)}

    def test_values_that_do_not_fit_are_refused(self, sql, titles):
        with pytest.raises(AnalysisException, match="CANNOT_SAFELY_CAST"):
            sql("UPDATE t SET n = 'x'")
        with pytest.raises(AnalysisException, match="no column 'm'"):
            sql("UPDATE t SET m = 1")


class TestDelete:
    def test_rows_that_meet_the_condition_go_and_unknown_ones_stay(self, sql, titles):
        assert sql("DELETE FROM t WHERE n < 15") == [{"num_affected_rows": 1}]
        assert titles.rows() == {2: ("b", 20), 3: ("c", None)}
        assert sql("DELETE FROM t WHERE n < 15") == [{"num_affected_rows": 0}]
        assert titles.version() == 2

    def test_a_subquery_may_choose_the_rows(self, sql, titles):
        sql("DELETE FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.id = t.id + 1)")
        assert set(titles.rows()) == {3}

    def test_all_rows(self, sql, titles):
        assert sql("TRUNCATE TABLE t") == [{"num_affected_rows": 3}]
        assert titles.rows() == {}

    def test_a_table_by_its_path(self, sql, titles, house):
        location = house.catalog.table("bronze.t").location
        sql(f"DELETE FROM delta.`{location}` WHERE id = 1")
        assert set(titles.rows()) == {2, 3}


class TestMerge:
    @pytest.fixture(autouse=True)
    def changes(self, sql, titles):
        sql("CREATE TABLE s (id BIGINT, name STRING, n INT, op STRING)")
        sql("INSERT INTO s VALUES (1, 'A', 11, 'u'), (2, 'B', 21, 'd'), (4, 'D', 41, 'u'), (5, 'E', 51, 'd')")

    def test_every_clause(self, sql, titles):
        found = sql(
            """MERGE INTO t USING s ON t.id = s.id
            WHEN MATCHED AND s.op = 'd' THEN DELETE
            WHEN MATCHED THEN UPDATE SET name = s.name
            WHEN NOT MATCHED AND s.op <> 'd' THEN INSERT (id, n) VALUES (s.id, s.n + 1)
            WHEN NOT MATCHED BY SOURCE THEN UPDATE SET n = -1"""
        )
        assert found == [{"num_affected_rows": 4, "num_updated_rows": 2, "num_deleted_rows": 1, "num_inserted_rows": 1}]
        assert titles.rows() == {1: ("A", 10), 3: ("c", -1), 4: (None, 42)}
        entry = sql("DESCRIBE HISTORY t LIMIT 1")[0]
        metrics = dict(entry["operationMetrics"])
        assert (entry["operation"], metrics["numTargetRowsUpdated"]) == ("MERGE", "2")

    def test_stars_take_columns_by_name(self, sql, titles):
        sql(
            "MERGE INTO t AS x USING (SELECT n, name, id FROM s) y ON x.id = y.id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
        assert titles.rows() == {1: ("A", 11), 2: ("B", 21), 3: ("c", None), 4: ("D", 41), 5: ("E", 51)}

    def test_schema_evolution_adds_the_columns_of_the_source(self, sql, titles):
        sql("MERGE WITH SCHEMA EVOLUTION INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *")
        rows = {row["id"]: row for row in sql("SELECT * FROM t")}
        assert rows[1] == {"id": 1, "name": "A", "n": 11, "op": "u"}
        assert rows[3]["op"] is None

    def test_inserts_alone_append(self, sql, titles):
        sql("MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)")
        assert titles.rows()[5] == ("E", None)
        assert dict(sql("DESCRIBE HISTORY t LIMIT 1")[0]["operationMetrics"])["numFiles"] == "1"
        assert "numRemovedFiles" not in dict(sql("DESCRIBE HISTORY t LIMIT 1")[0]["operationMetrics"])

    def test_two_source_rows_for_one_are_an_error(self, sql, titles):
        sql("INSERT INTO s VALUES (1, 'again', 0, 'u')")
        with pytest.raises(AnalysisException, match="DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE"):
            sql("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name")
        assert titles.version() == 1

    def test_two_source_rows_are_fine_when_one_alone_changes_it_or_both_delete(self, sql, titles):
        sql("INSERT INTO s VALUES (1, 'again', 0, 'x')")
        sql("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND s.op = 'x' THEN UPDATE SET name = s.name")
        assert titles.rows() == {1: ("again", 10), 2: ("b", 20), 3: ("c", None)}
        found = sql("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE")
        assert found[0]["num_deleted_rows"] == 2
        assert set(titles.rows()) == {3}

    def test_nothing_to_do_makes_no_version(self, sql, titles):
        found = sql("MERGE INTO t USING s ON t.id = s.id + 100 WHEN MATCHED THEN DELETE")
        assert found[0]["num_affected_rows"] == 0
        assert titles.version() == 1

    def test_from_a_dataframes_view(self, sql, titles, house):
        house.spark.createDataFrame([(3, "view")], "id long, name string").createOrReplaceTempView("updates")
        sql("MERGE INTO bronze.t USING updates ON t.id = updates.id WHEN MATCHED THEN UPDATE SET t.name = updates.name")
        assert titles.rows()[3] == ("view", None)

    def test_columns_may_be_qualified_by_the_full_names_of_tables(self, sql, titles):
        sql(
            "MERGE INTO netflix.bronze.t USING bronze.s ON bronze.t.id = netflix.bronze.s.id "
            "WHEN MATCHED AND bronze.s.op = 'u' THEN UPDATE SET t.name = concat(s.name, bronze.t.name)"
        )
        assert titles.rows()[1] == ("Aa", 10)

    def test_mistakes_are_named(self, sql, titles):
        with pytest.raises(AnalysisException, match=r"INSERT \* needs column"):
            sql("MERGE INTO t USING (SELECT id FROM s) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT *")
        with pytest.raises(AnalysisException, match="NON_LAST_MATCHED_CLAUSE_OMIT_CONDITION"):
            sql("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN MATCHED THEN UPDATE SET n = 1")
        with pytest.raises(AnalysisException, match="CANNOT_SAFELY_CAST"):
            sql("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = s.name")


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("UPDATE t SET n = 0", {1: ("a", 0), 2: ("b", 0), 3: ("c", 0), 9: ("late", 0)}),
        ("DELETE FROM t WHERE id > 1", {1: ("a", 10)}),
        (
            "MERGE INTO t USING (SELECT * FROM VALUES (1), (9) AS v(id)) s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = -1",
            {1: ("a", -1), 2: ("b", 20), 3: ("c", None), 9: ("late", -1)},
        ),
        (
            "MERGE INTO t USING (SELECT 9L AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
            {1: ("a", 10), 2: ("b", 20), 3: ("c", None), 9: ("late", 1)},
        ),
    ],
)
def test_a_change_that_another_writer_overtakes_sees_its_rows(sql, titles, monkeypatch, statement, rows):
    """The other writer appends row 9 while the statement is about to commit."""
    real, done = log.publish, []

    def publish(location, version, actions):
        if not done:
            done.append(version)
            sql("INSERT INTO t VALUES (9, 'late', 1)")
        return real(location, version, actions)

    monkeypatch.setattr(log, "publish", publish)
    sql(statement)
    assert titles.rows() == rows
    assert done
