"""SQL text: which tables it names, and the same text with other names in their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelhouse.errors import Unsupported, UserError
from reelhouse.spark import sqltext


def renamed(text: str) -> str:
    return sqltext.rename(text, [(ref, f"r{number}") for number, ref in enumerate(sqltext.tables(text))])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a from t", "select a from r0 AS `t`"),
        ("select a from t  x -- t", "select a from r0  x -- t"),
        ("select t.a, b.t.a from c.b.t", "select t.a, `t`.a from r0 AS `t`"),
        ("select c.b.t.a, b.t.* from b.t", "select `t`.a, `t`.* from r0 AS `t`"),
        ("select b.t.s.f from b.t", "select `t`.s.f from r0 AS `t`"),
        ("select 'from t', `from t` from u", "select 'from t', `from t` from r0 AS `u`"),
        ("select * from a join b using (i), c", "select * from r0 AS `a` join r1 AS `b` using (i), r2 AS `c`"),
        ("with t as (select * from t) select * from t", "with t as (select * from r0 AS `t`) select * from t"),
        ("with a as (select 1), b as (select * from a) select * from b", None),
        ("with recursive a as (select 1 x union all select x from a) select * from a", None),
        (
            "select (select max(x) from m) from n where exists (select 1 from o where o.i = n.i)",
            "select (select max(x) from r0 AS `m`) from r1 AS `n` where exists "
            "(select 1 from r2 AS `o` where o.i = n.i)",
        ),
        ("select * from range(3)", None),
        ("select * from values (1) as v(a)", None),
        ("select 1", None),
        ("select * from t lateral view explode(a) e as b", "select * from r0 AS `t` lateral view explode(a) e as b"),
        ("select * from t tablesample (5 rows) where a", "select * from r0 tablesample (5 rows) AS `t` where a"),
        ("select * from delta.`/x y` d", "select * from r0 d"),
        ("select * from `a b`.`c.d`", "select * from r0 AS `c.d`"),
        ("select *\nfrom\tt\nwhere é = 'ü'", "select *\nfrom\tr0 AS `t`\nwhere é = 'ü'"),
        ("select * from t where a = :x and b = ?", "select * from r0 AS `t` where a = :x and b = ?"),
    ],
)
def test_tables_are_replaced_and_the_rest_is_kept_to_the_byte(text: str, expected: str | None) -> None:
    assert renamed(text) == (expected or text)


@pytest.mark.parametrize(
    ("text", "version", "timestamp"),
    [
        ("select * from t version as of 3", 3, None),
        ("select * from t timestamp as of '2020-01-01'", None, "2020-01-01"),
        ("select * from t FOR SYSTEM_TIME AS OF '2020-01-01' x", None, "2020-01-01"),
        ("select * from t@v12 where a = 'x@v1'", 12, None),
        ("select * from t@20200102030405678", None, "20200102030405678"),
    ],
)
def test_time_travel_belongs_to_the_table(text: str, version: int | None, timestamp: str | None) -> None:
    (ref,) = sqltext.tables(text)
    assert (ref.version, ref.timestamp) == (version, timestamp)
    assert "as of" not in renamed(text).lower()
    assert "@" not in renamed(text).replace("x@v1", "")


def test_time_travel_by_an_expression_is_refused() -> None:
    with pytest.raises(Unsupported, match="time travel of table 't'"):
        sqltext.tables("select * from t timestamp as of current_date() - 1")


@pytest.mark.parametrize("text", ["select * from stream t", "select * from STREAM(t)", "select * from stream (t) as q"])
def test_a_stream_is_told_from_a_table(text: str) -> None:
    (ref,) = sqltext.tables(text)
    assert ref.streaming
    assert "stream" not in renamed(text).lower()


def test_text_that_cannot_be_read_says_so() -> None:
    with pytest.raises(UserError, match="PARSE_SYNTAX_ERROR"):
        sqltext.tables("select from from from")


@pytest.mark.parametrize(
    ("text", "is_query"),
    [
        ("select 1", True),
        ("-- insert\n (select 1)", True),
        ("/* x */ with a as (select 1) select * from a", True),
        ("values (1)", True),
        ("with a as (select 1) insert into t select * from a", False),
        ("insert into t values (1)", False),
        ("show tables", False),
        ("", False),
    ],
)
def test_queries_are_told_from_statements(text: str, is_query: bool) -> None:
    assert sqltext.is_query(text) is is_query


def test_current_names_are_filled_in_outside_of_texts_and_keep_the_column_name() -> None:
    text = "select current_schema(), upper(CURRENT_CATALOG()), 'current_schema()' from t where s = current_database()"
    assert sqltext.with_current_names(text, "net", "br'onze") == (
        "select 'br\\'onze' AS `current_schema()`, upper('net'), 'current_schema()' from t where s = 'br\\'onze'"
    )


@given(st.text())
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        sqltext.tables(f"select * from {text}")
    except UserError:
        pass


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("explain select 1", ("simple", "select 1")),
        ("EXPLAIN FORMATTED\nselect 1", ("formatted", "select 1")),
        ("select 1", None),
    ],
)
def test_an_explained_query_is_taken_out(text: str, expected: tuple[str, str] | None) -> None:
    assert sqltext.explained(text) == expected
