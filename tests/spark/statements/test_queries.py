from __future__ import annotations

import pytest

from reelhouse.errors import Unsupported, UserError
from reelhouse.spark.statements.queries import for_engine

ROWS = "(SELECT * FROM VALUES (1, 'a', 10), (1, 'b', 20), (2, 'c', 5) AS v(k, s, n))"


@pytest.mark.parametrize(
    "text",
    [
        "select 'group by all',  a[1:2] from t -- qualify",
        "SELECT cast(a AS STRUCT<b:INT>), :x, b::INT FROM t",
        "SELECT t.qualify FROM t",
    ],
)
def test_queries_that_use_none_of_the_forms_keep_every_byte(text):
    assert for_engine(text) == text


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (f"SELECT k, sum(n) AS t FROM {ROWS} GROUP BY ALL ORDER BY k", [{"k": 1, "t": 30}, {"k": 2, "t": 5}]),
        (f"SELECT upper(s) AS u, count(*) AS c FROM {ROWS} WHERE k = 2 GROUP BY ALL", [{"u": "C", "c": 1}]),
        (f"SELECT count(*) AS c FROM {ROWS} GROUP BY ALL", [{"c": 3}]),
        (
            f"SELECT k, s FROM {ROWS} QUALIFY row_number() OVER (PARTITION BY k ORDER BY n DESC) = 1 ORDER BY k",
            [{"k": 1, "s": "b"}, {"k": 2, "s": "c"}],
        ),
        (
            f"WITH c AS (SELECT * FROM {ROWS}) "
            "SELECT s, rank() OVER (ORDER BY n) AS r FROM c QUALIFY r > 1 ORDER BY r LIMIT 1",
            [{"s": "a", "r": 2}],
        ),
        (
            """SELECT j:a.b[0]::INT AS x, j:`c d` AS y FROM (SELECT '{"a": {"b": [7]}, "c d": "z"}' AS j)""",
            [{"x": 7, "y": "z"}],
        ),
    ],
)  # fmt: skip
def test_the_engine_reads_what_comes_out(house, text, rows):
    assert house.spark.sql(for_engine(text)).toArrow().to_pylist() == rows


def test_what_cannot_be_written_anew_is_refused(house):
    with pytest.raises(Unsupported, match=r"QUALIFY .* '\*'"):
        for_engine("SELECT * FROM t QUALIFY row_number() OVER (ORDER BY a) = 1")
    with pytest.raises(Unsupported, match="alias"):
        for_engine("SELECT a + 1 FROM t QUALIFY row_number() OVER (ORDER BY a) = 1")
    with pytest.raises(UserError, match="GROUP BY ALL needs"):
        for_engine("SELECT * FROM t GROUP BY ALL")
