"""An alias that is named further on in its own select list."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException, UnsupportedOperationException

from reelhouse.spark.lateral_aliases import spelled_out


@pytest.fixture
def spark(house: Any) -> Any:
    house.spark.sql("CREATE TABLE t AS SELECT id, id % 3 AS k, CAST(id AS STRING) AS s FROM range(4)")
    return house.spark


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("SELECT id + 1 AS x, x + 1 AS y, y * x AS z FROM t ORDER BY x", (1, 2, 2)),
        ("WITH c AS (SELECT id AS a FROM t) SELECT a * 2 AS b, b + a AS d FROM c ORDER BY b", (0, 0)),
        ("SELECT * FROM (SELECT id AS x, x + 1 AS y FROM t) WHERE y > 3", (3, 4)),
        ("SELECT k, sum(id) AS total, total / 2 AS half FROM t GROUP BY k ORDER BY half", (1, 1, 0.5)),
        ("SELECT s AS S1, upper(s1) AS u FROM t AS a JOIN t AS b USING (s) ORDER BY 1", ("0", "0")),
        ("SELECT transform(array(1, 2), x -> x + 1) AS x, size(x) AS n FROM t LIMIT 1", ([2, 3], 2)),
        ("SELECT id AS x, x + 1 AS y FROM t WHERE id = 0 UNION ALL SELECT 9 AS x, x + 9 AS y ORDER BY 1", (0, 1)),
        ("SELECT 1 AS one, one + 1 AS two", (1, 2)),
    ],
)
def test_an_alias_is_what_it_stands_for(spark, query, first):
    assert tuple(spark.sql(query).collect()[0]) == first


def test_a_column_of_the_tables_comes_before_an_alias_of_its_name(spark):
    rows = spark.sql("SELECT id + 1 AS k, k + 10 AS y FROM t ORDER BY id").collect()
    assert [tuple(row) for row in rows] == [(1, 10), (2, 11), (3, 12), (4, 10)]


def test_what_would_give_another_value_when_written_twice_is_refused(spark):
    with pytest.raises(UnsupportedOperationException, match="alias 'r' of rand"):
        spark.sql("SELECT rand() AS r, r + 1 AS s2 FROM t").collect()


def test_a_name_that_nothing_has_is_still_an_error(spark):
    with pytest.raises(AnalysisException, match="nothing"):
        spark.sql("SELECT id AS x, x + nothing AS y FROM t").collect()


def test_other_queries_are_left_as_they_are():
    def never(query: str) -> None:
        raise AssertionError(query)

    for query in (
        "SELECT id AS a FROM t ORDER BY a",
        "SELECT id AS a, t.a FROM t",
        "SELECT a AS b FROM t WHERE x = 'b'",
    ):
        assert spelled_out(query, never) == query


@pytest.mark.parametrize(("direction", "first"), [("", (0, 1)), ("DESC", (2, 1)), ("DESC NULLS LAST", (2, 1))])
def test_order_by_all_takes_the_select_items_from_the_left(spark, direction, first):
    rows = spark.sql(f"SELECT k, count(*) AS n FROM t WHERE id < 3 GROUP BY ALL ORDER BY ALL {direction}").collect()
    assert tuple(rows[0]) == first


def test_order_by_all_with_a_star_is_refused_by_name(spark):
    with pytest.raises(UnsupportedOperationException, match=r"ORDER BY ALL with \*"):
        spark.sql("SELECT * FROM t ORDER BY ALL").collect()


def test_describe_formatted_is_describe_extended(spark):
    assert spark.sql("DESCRIBE FORMATTED t").collect() == spark.sql("DESCRIBE EXTENDED t").collect()
