from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelhouse.catalog.names import quote_name, split_name
from reelhouse.errors import Unsupported, UserError
from reelhouse.spark.statements import statement as s
from reelhouse.spark.statements.arguments import to_literals
from reelhouse.spark.statements.parse import is_statement, parse
from reelhouse.spark.statements.tokens import bind, literal, tokenise, unquote
from reelhouse.spark.statements.types import can_assign


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT 1", False),
        ("  -- drop\n/* delete */ with x as (select 1) select * from x", False),
        ("(select 1)", False),
        ("EXPLAIN SELECT 1", False),
        ("DESCRIBE QUERY SELECT 1", False),
        ("SHOW FUNCTIONS", False),
        ("DESCRIBE HISTORY t", True),
        ("-- c\nDROP TABLE t", True),
        ("COPY INTO t", True),
    ],
)
def test_queries_are_told_from_statements(text, found):
    assert is_statement(text) is found


CASES = [
    ("USE netflix.bronze", s.UseSchema(("netflix", "bronze"))),
    ("USE CATALOG netflix", s.UseCatalog("netflix")),
    (
        "CREATE SCHEMA IF NOT EXISTS netflix.bronze MANAGED LOCATION 'abfss://b@a.dfs.core.windows.net/' COMMENT 'x'",
        s.CreateSchema(("netflix", "bronze"), True, "x", "abfss://b@a.dfs.core.windows.net/"),
    ),
    ("drop database if exists b cascade;", s.DropSchema(("b",), True, True)),
    ("DROP VIEW v", s.DropTable(("v",), False, True)),
    ("SHOW TABLES IN netflix.bronze LIKE 'a*'", s.Show("TABLES", ("netflix", "bronze"), "a*")),
    ("SHOW CREATE TABLE t", s.Show("CREATE TABLE", ("t",))),
    ("SHOW COLUMNS IN t IN b", s.Show("COLUMNS", ("b", "t"))),
    ("SHOW TBLPROPERTIES t (delta.appendOnly)", s.Show("TBLPROPERTIES", ("t",), "delta.appendOnly")),
    ("DESC t", s.Describe("TABLE", ("t",))),
    ("DESCRIBE TABLE EXTENDED b.t", s.Describe("TABLE", ("b", "t"), True)),
    ("DESCRIBE HISTORY delta.`/x/y` LIMIT 1", s.Describe("HISTORY", ("delta", "/x/y"), limit=1)),
    ("DESCRIBE DETAIL '/x'", s.Describe("DETAIL", ("delta", "/x"))),
    ("DESCRIBE SCHEMA EXTENDED b", s.Describe("SCHEMA", ("b",), True)),
    ("OPTIMIZE t ZORDER BY (a, `b c`)", s.Optimize(("t",), ("a", "b c"))),
    ("VACUUM t RETAIN 0 HOURS DRY RUN", s.Vacuum(("t",), 0.0, True)),
    ("ANALYZE TABLE t COMPUTE STATISTICS FOR ALL COLUMNS", s.Analyze(("t",))),
    ("RESTORE TABLE t TO VERSION AS OF 3", s.Restore(("t",), 3)),
    ("RESTORE t TO TIMESTAMP AS OF '2020-01-01'", s.Restore(("t",), None, "2020-01-01")),
    ("SET spark.sql.shuffle.partitions = 4", s.SetConf("spark.sql.shuffle.partitions", "4")),
    ("SET", s.SetConf(None, None)),
    ("SET TIME ZONE 'UTC'", s.SetConf("spark.sql.session.timeZone", "UTC")),
    ("RESET", s.ResetConf(None)),
    ("ALTER TABLE t SET TBLPROPERTIES ('a' = 'b', delta.x = true, n = -1)",
     s.SetProperties(("t",), {"a": "b", "delta.x": "true", "n": "-1"})),
    ("ALTER TABLE t ADD COLUMNS (c STRING COMMENT 'x')",
     s.AddColumns(("t",), (s.ColumnDefinition("c", "string", False, "x"),))),
    ("ALTER TABLE t ADD CONSTRAINT p CHECK (a > (1 + 2))",
     s.AddConstraint(("t",), s.ConstraintDefinition("p", "CHECK", "a > (1 + 2)"))),
    ("ALTER TABLE t ALTER COLUMN c SET NOT NULL", s.AlterColumn(("t",), "c", "SET NOT NULL")),
    ("COMMENT ON TABLE t IS 'it''s'", s.CommentOn("TABLE", ("t",), "it's")),
    ("COMMENT ON COLUMN b.t.c IS NULL", s.CommentOn("COLUMN", ("b", "t", "c"), None)),
    ("INSERT INTO t (a, b) VALUES (1, 'x')", s.Insert(("t",), "VALUES (1, 'x')", ("a", "b"))),
    ("INSERT INTO t (SELECT 1)", s.Insert(("t",), "(SELECT 1)")),
    ("INSERT OVERWRITE TABLE t BY NAME SELECT 1 AS a", s.Insert(("t",), "SELECT 1 AS a", (), True, True)),
    ("INSERT INTO t TABLE u", s.Insert(("t",), "SELECT * FROM u")),
    ("INSERT INTO t REPLACE WHERE a = 1 SELECT 1", s.Insert(("t",), "SELECT 1", replace_where="a = 1")),
    (
        "UPDATE b.t AS x SET x.a = CASE WHEN b THEN 1 END, c = f(1, 2) WHERE d",
        s.Update(("b", "t"), "x", (("a", "CASE WHEN b THEN 1 END"), ("c", "f(1, 2)")), "d"),
    ),
    ("DELETE FROM t WHERE a IN (SELECT b FROM u)", s.Delete(("t",), None, "a IN (SELECT b FROM u)")),
    ("TRUNCATE TABLE t", s.Delete(("t",), None, None)),
    (
        "CREATE OR REPLACE TEMP VIEW v (a COMMENT 'x', b) AS SELECT 1, 2",
        s.CreateView(("v",), "SELECT 1, 2", (("a", "x"), ("b", None)), temporary=True, or_replace=True),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "statement"), CASES, ids=[text[:40] for text, _ in CASES])
def test_statements_are_read(text, statement):
    assert parse(text) == statement


def test_create_table_with_all_it_can_say():
    found = parse(
        """CREATE TABLE IF NOT EXISTS netflix.gold.t ( -- the grain
            id BIGINT NOT NULL COMMENT 'key', d DECIMAL(10, 2), s STRUCT<a: ARRAY<INT>, b: MAP<STRING, DATE>>,
            CONSTRAINT pk PRIMARY KEY (id) RELY,
            CONSTRAINT fk FOREIGN KEY (d) REFERENCES netflix.gold.u (e) NOT ENFORCED,
            CHECK (id > 0)
        ) USING DELTA PARTITIONED BY (d) COMMENT "c" LOCATION '/x' TBLPROPERTIES ('quality' = 'gold')"""
    )
    assert [column.name for column in found.columns] == ["id", "d", "s"]
    assert found.columns[0] == s.ColumnDefinition("id", "long", True, "key")
    assert found.columns[2].type["fields"][0]["type"] == {
        "type": "array",
        "elementType": "integer",
        "containsNull": True,
    }
    assert found.constraints == (
        s.ConstraintDefinition("pk", "PRIMARY KEY", columns=("id",)),
        s.ConstraintDefinition("fk", "FOREIGN KEY", "", ("d",), ("netflix", "gold", "u"), ("e",)),
        s.ConstraintDefinition(None, "CHECK", "id > 0"),
    )
    assert (found.partition_by, found.comment, found.location) == (("d",), "c", "/x")
    assert (found.properties, found.if_not_exists) == ({"quality": "gold"}, True)


def test_merge():
    found = parse(
        """MERGE WITH SCHEMA EVOLUTION INTO t AS x USING (SELECT * FROM u WHERE a ON b) s ON x.id = s.id
        WHEN MATCHED AND s.gone THEN DELETE
        WHEN MATCHED THEN UPDATE SET x.a = s.a, b = CASE WHEN s.b THEN 1 ELSE 2 END
        WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, coalesce(s.a, 1))
        WHEN NOT MATCHED BY SOURCE AND x.b > 1 THEN UPDATE SET b = 0;"""
    )
    assert (found.alias, found.source, found.condition) == ("x", "(SELECT * FROM u WHERE a ON b) s", "x.id = s.id")
    assert found.schema_evolution
    assert found.clauses == (
        s.MergeClause("MATCHED", "s.gone", "DELETE"),
        s.MergeClause("MATCHED", None, "UPDATE", (("a", "s.a"), ("b", "CASE WHEN s.b THEN 1 ELSE 2 END"))),
        s.MergeClause("NOT MATCHED", None, "INSERT", (("id", "s.id"), ("a", "coalesce(s.a, 1)"))),
        s.MergeClause("NOT MATCHED BY SOURCE", "x.b > 1", "UPDATE", (("b", "0"),)),
    )
    stars = parse("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    assert [clause.assignments for clause in stars.clauses] == [None, None]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("COPY INTO t FROM '/x'", "COPY INTO"),
        ("GRANT SELECT ON t TO u", "GRANT SELECT"),
        ("BEGIN SELECT 1; END", "BEGIN SELECT"),
        ("DECLARE x INT", "DECLARE"),
        ("CREATE FUNCTION f() RETURNS INT RETURN 1", "CREATE FUNCTION"),
        ("CREATE TABLE t SHALLOW CLONE u", "SHALLOW"),
        ("CREATE TABLE t (a INT) CLUSTER BY (a)", "CLUSTER"),
        ("CREATE TABLE t (a INT DEFAULT 1)", "DEFAULT"),
        ("CREATE TABLE t (a INT) USING parquet", "USING parquet"),
        ("CREATE TABLE t (a VARIANT)", "VARIANT"),
        ("OPTIMIZE t WHERE a = 1", "WHERE"),
        ("ALTER TABLE t RENAME TO u", "RENAME TO"),
        ("ALTER VIEW v AS SELECT 1", "ALTER VIEW"),
        ("INSERT INTO t PARTITION (a = 1) SELECT 1", "PARTITION"),
        ("UPDATE t SET a = DEFAULT", "DEFAULT"),
        ("UPDATE t SET a.b = 1", "a.b"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(text, names):
    with pytest.raises(Unsupported, match=names):
        parse(text)


@pytest.mark.parametrize(
    "text", ["DROP TABLE", "USE a b", "CREATE TABLE t (a INT", "SHOW TABLES IN", "UPDATE t SET", "DELETE FROM t WHERE"]
)
def test_broken_text_is_a_syntax_error_that_says_where(text):
    with pytest.raises(UserError, match=r"PARSE_SYNTAX_ERROR: expected .* at line 1 of"):
        parse(text)


def test_string_literals_are_read_as_spark_reads_them():
    assert unquote(r"'it\'s\n\%'") == "it's\n\\%"
    assert unquote('"a""b"') == 'a"b'
    assert [token.text for token in tokenise("r'a\\b' `x``y` 1.5 <=> --c\n")] == ["a\\b", "x`y", "1.5", "<=>", ""]


@given(st.text())
def test_a_literal_spells_its_text_whatever_it_is(text):
    assert unquote(literal(text)) == text
    assert [token.text for token in tokenise(f"SELECT {literal(text)}")] == ["SELECT", text, ""]


@given(st.lists(st.text(min_size=1).filter(lambda part: part.strip() == part), min_size=1, max_size=3))
def test_a_name_is_taken_apart_as_it_was_put_together(parts):
    text = quote_name(parts)
    assert split_name(text) == tuple(parts)
    assert parse(f"DROP TABLE {text}").name == tuple(parts)


def test_parameters_become_literals_outside_of_strings():
    arguments = to_literals({"x": "it's", "n": 3, "t": "b.t"})
    text = "INSERT INTO IDENTIFIER(:t) SELECT ':x', a:b, :x, :n -- :n"
    assert bind(text, arguments) == r"INSERT INTO b.t SELECT ':x', a:b, 'it\'s', 3 -- :n"
    assert bind("DROP TABLE IDENTIFIER('netflix' || '.b.t')", {}) == "DROP TABLE netflix.b.t"
    assert bind("VALUES (?, ?)", to_literals([None, True])) == "VALUES (NULL, TRUE)"
    with pytest.raises(UserError, match="UNBOUND_SQL_PARAMETER"):
        bind("VALUES (?, ?)", ["1"])


def test_values_of_all_kinds_become_literals():
    assert to_literals([Decimal("1.50"), 2**40, 1.5, date(2020, 1, 2), datetime(2020, 1, 2, 3)]) == [
        "CAST('1.50' AS DECIMAL(3,2))",
        f"{2**40}L",
        "CAST('1.5' AS DOUBLE)",
        "DATE'2020-01-02'",
        "TIMESTAMP_NTZ'2020-01-02 03:00:00'",
    ]


@pytest.mark.parametrize(
    ("given", "wanted", "allowed"),
    [
        ("integer", "long", True),
        ("long", "byte", True),
        ("double", "decimal(5,2)", True),
        ("integer", "string", True),
        ("void", "date", True),
        ("date", "timestamp", True),
        ("string", "integer", False),
        ("boolean", "integer", False),
        ("string", "date", False),
        ({"type": "array", "elementType": "integer"}, {"type": "array", "elementType": "long"}, True),
        ({"type": "array", "elementType": "string"}, {"type": "array", "elementType": "long"}, False),
    ],
)
def test_ansi_store_assignment(given, wanted, allowed):
    assert can_assign(given, wanted) is allowed
