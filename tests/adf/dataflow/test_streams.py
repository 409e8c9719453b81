"""Transformations of several streams, and those that group rows."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import json

import pytest

PAIR = {
    "t": "id:integer,title\n1,Dark\n2,Ozark\n3,Narcos",
    "v": "id:integer,views:integer\n1,10\n1,30\n2,20\n9,90",
}


def _sorted(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.mark.supports("data_flow", "Join")
@pytest.mark.parametrize(("kind", "count"), [("inner", 3), ("left", 4), ("right", 4), ("outer", 5), ("cross", 3)])
def test_a_join_tells_columns_of_one_name_apart_by_their_streams(flows, kind: str, count: int) -> None:
    rows = flows.through(
        f"""
        t, v join(t@id == v@id, joinType: '{kind}', matchType: 'exact', ignoreSpaces: false, broadcast: 'auto') ~> j
        j select(mapColumn(title, title_id = t@id, view_id = v@id, views)) ~> out
        """,
        PAIR,
    )
    assert len(rows) == count
    assert {"title": "Dark", "title_id": 1, "view_id": 1, "views": 30} in rows


@pytest.mark.supports("data_flow", "Join")
def test_a_stream_joins_with_itself(flows) -> None:
    rows = flows.through(
        """
        v derive(next = id + 1) ~> n
        v, n join(v@id == next, joinType: 'inner') ~> j
        j select(mapColumn(a = v@views, b = n@views)) ~> s
        s sort(asc(b, true)) ~> out
        """,
        PAIR,
    )
    assert rows == [{"a": 20, "b": 10}, {"a": 20, "b": 30}]


@pytest.mark.supports("data_flow", "Lookup")
def test_a_lookup_gives_each_row_one_match_and_tells_whether_there_was_one(flows) -> None:
    rows = flows.through(
        """
        t, v lookup(t@id == v@id, multiple: false, pickup: 'last', asc(views, true), broadcast: 'auto') ~> l
        l derive(found = isMatch()) ~> d
        d select(mapColumn(title, views, found)) ~> s
        s sort(asc(title, true)) ~> out
        """,
        PAIR,
    )
    assert rows == [
        {"title": "Dark", "views": 30, "found": True},
        {"title": "Narcos", "found": False},
        {"title": "Ozark", "views": 20, "found": True},
    ]


@pytest.mark.supports("data_flow", "Lookup")
def test_a_lookup_of_many_rows_gives_all_of_them(flows) -> None:
    assert (
        len(flows.through("t, v lookup(t@id == v@id, multiple: true) ~> l\nl select(mapColumn(title)) ~> out", PAIR))
        == 4
    )


@pytest.mark.supports("data_flow", "Exists")
@pytest.mark.parametrize(("negate", "ids"), [("false", [1, 2]), ("true", [3])])
def test_exists_keeps_the_rows_that_have_a_partner_or_have_none(flows, negate: str, ids: list[int]) -> None:
    rows = flows.through(
        f"t, v exists(t@id == v@id, negate: {negate}, broadcast: 'auto') ~> e\ne sort(asc(id, true)) ~> out", PAIR
    )
    assert [row["id"] for row in rows] == ids


@pytest.mark.supports("data_flow", "Union")
def test_a_union_by_name_fills_what_a_stream_lacks_with_nulls(flows) -> None:
    rows = flows.through("t, v union(byName: true) ~> out", PAIR)
    assert len(rows) == 7
    assert {"id": 9, "views": 90} in rows
    assert {"id": 3, "title": "Narcos"} in rows


@pytest.mark.supports("data_flow", "Union")
def test_a_union_by_position_takes_the_names_of_the_first_stream(flows) -> None:
    rows = flows.through(
        "t select(mapColumn(id)) ~> a\nv select(mapColumn(views)) ~> b\na, b union(byName: false) ~> out", PAIR
    )
    assert sorted(row["id"] for row in rows) == [1, 2, 3, 10, 20, 30, 90]


@pytest.mark.supports("data_flow", "Aggregate")
def test_an_aggregate_groups_by_columns_and_computed_ones(flows) -> None:
    rows = flows.through(
        """
        v aggregate(groupBy(id, big = views > 15), total = sum(views), rows = count(), some = sumIf(views > 15, views),
            all = collect(views), ids = collectUnique(id), distinct = countDistinct(id)) ~> a
        a filter(id == 1) ~> f
        f sort(asc(big, true)) ~> out
        """,
        PAIR,
    )
    assert rows == [
        {"id": 1, "big": False, "total": 10, "rows": 1, "all": [10], "ids": [1], "distinct": 1},
        {"id": 1, "big": True, "total": 30, "rows": 1, "some": 30, "all": [30], "ids": [1], "distinct": 1},
    ]


@pytest.mark.supports("data_flow", "Aggregate")
def test_an_aggregate_keeps_the_first_of_all_other_columns_by_a_pattern(flows) -> None:
    rows = flows.through(
        "t aggregate(groupBy(id), each(match(name != 'id'), $$ = first($$))) ~> a\na sort(asc(id, true)) ~> out", PAIR
    )
    assert [row["title"] for row in rows] == ["Dark", "Ozark", "Narcos"]


@pytest.mark.supports("data_flow", "Window")
def test_a_window_numbers_and_sums_over_its_frame(flows) -> None:
    rows = flows.through(
        """
        v window(over(one = 1), asc(views, true), startRowOffset: -1L, endRowOffset: 0L,
            pair = sum(views)) ~> w
        w window(over(id), asc(views, true), n = rowNumber(), before = lag(views, 1), place = denseRank()) ~> w2
        w2 select(mapColumn(views, pair, n, before, place)) ~> s
        s sort(asc(views, true)) ~> out
        """,
        PAIR,
    )
    assert rows == [
        {"views": 10, "pair": 10, "n": 1, "place": 1},
        {"views": 20, "pair": 30, "n": 1, "place": 1},
        {"views": 30, "pair": 50, "n": 2, "before": 10, "place": 2},
        {"views": 90, "pair": 120, "n": 1, "place": 1},
    ]


SALES = {"s": "team,pos,points:integer\nA,C,1\nA,C,2\nA,G,4\nB,G,8"}


@pytest.mark.supports("data_flow", "Pivot")
def test_a_pivot_makes_columns_of_the_values_that_are_there(flows) -> None:
    rows = flows.through(
        "s pivot(groupBy(team), pivotBy(pos), {} = sum(points), columnNaming: '$V$N points', lateral: true) ~> p\n"
        "p sort(asc(team, true)) ~> out",
        SALES,
    )
    assert rows == [{"team": "A", "C points": 3, "G points": 4}, {"team": "B", "G points": 8}]


@pytest.mark.supports("data_flow", "Pivot")
def test_a_pivot_of_given_values_counts_and_names_by_its_pattern(flows) -> None:
    rows = flows.through(
        "s pivot(groupBy(team), pivotBy(pos, ['G']), n = count(), most = max(points), columnNaming: '$N_$V') ~> p\n"
        "p sort(asc(team, true)) ~> out",
        SALES,
    )
    assert rows == [{"team": "A", "n_G": 1, "most_G": 4}, {"team": "B", "n_G": 1, "most_G": 8}]


@pytest.mark.supports("data_flow", "Unpivot")
def test_an_unpivot_makes_rows_of_columns(flows) -> None:
    rows = flows.through(
        "m unpivot(output(month as string, amount as double), ungroupBy(shop), lateral: true, ignoreNullPivots: true) ~> out",
        {"m": "shop,jan:integer,feb:integer\nX,1,2\nY,,4"},
    )
    assert _sorted(rows) == _sorted(
        [
            {"shop": "X", "month": "jan", "amount": 1.0},
            {"shop": "X", "month": "feb", "amount": 2.0},
            {"shop": "Y", "month": "feb", "amount": 4.0},
        ]
    )


COMPANIES = """\
{"name":"M","tags":["a","b"],"goods":{"orders":[{"id":1,"ship":{"items":[{"n":"Laptop"},{"n":"Mouse"}]}},{"id":2,"ship":{"items":[]}}]}}
{"name":"N","tags":[],"goods":{"orders":[]}}
"""
COMPANY = """source(output(name as string, tags as string[],
    goods as (orders as (id as integer, ship as (items as (n as string)[]))[])), documentForm: 'documentPerLine') ~> c
"""


@pytest.mark.supports("data_flow", "Flatten")
def test_a_flatten_unrolls_through_nested_arrays_and_keeps_rows_without_items(flows) -> None:
    flows.write("in/c.json", COMPANIES)
    flows.output(
        COMPANY
        + """c foldDown(unroll(goods.orders.ship.items), mapColumn(name, id = goods.orders.id,
            item = goods.orders.ship.items.n), skipDuplicateMapInputs: false, skipDuplicateMapOutputs: false) ~> out
        out sink(truncate: true) ~> done""",
        {"c": "df_json:in/c.json", "done": "df_json:out"},
    )
    assert _sorted(flows.rows("out")) == _sorted(
        [
            {"name": "M", "id": 1, "item": "Laptop"},
            {"name": "M", "id": 1, "item": "Mouse"},
            {"name": "M", "id": 2},
            {"name": "N"},
        ]
    )


@pytest.mark.supports("data_flow", "Flatten")
def test_a_flatten_drops_rows_without_items_in_its_root(flows) -> None:
    flows.write("in/c.json", COMPANIES)
    flows.output(
        COMPANY
        + """c foldDown(unroll(goods.orders.ship.items, goods.orders), mapColumn(name, id = goods.orders.id)) ~> out
        out sink(truncate: true) ~> done""",
        {"c": "df_json:in/c.json", "done": "df_json:out"},
    )
    assert _sorted(flows.rows("out")) == _sorted(
        [{"name": "M", "id": 1}, {"name": "M", "id": 1}, {"name": "M", "id": 2}]
    )


@pytest.mark.supports("data_flow", "Flatten")
def test_a_flatten_of_texts_gives_a_row_for_each(flows) -> None:
    flows.write("in/c.json", COMPANIES)
    flows.output(
        COMPANY + "c foldDown(unroll(tags), mapColumn(name, tag = tags)) ~> out\nout sink(truncate: true) ~> done",
        {"c": "df_json:in/c.json", "done": "df_json:out"},
    )
    assert _sorted(flows.rows("out")) == _sorted([{"name": "M", "tag": "a"}, {"name": "M", "tag": "b"}, {"name": "N"}])


ASSERT = """
t, v assert(expectTrue(length(title) > 4, false, 'long', id != 3), expectUnique(title, false, 'once'),
    expectExists(t@id == v@id, false, 'viewed', null, 'never viewed'){abort}) ~> a
a derive(bad = isError(), short = hasError('long'), twice = hasError('once'), alone = hasError('viewed')) ~> d
d select(mapColumn(id, bad, short, twice, alone)) ~> s
s sort(asc(id, true)) ~> out
"""
WATCHED = {
    "t": "id:integer,title\n1,Dark\n2,Ozark\n3,You\n4,Narcos\n5,Narcos",
    "v": "id:integer,views:integer\n1,10\n1,30\n2,20\n3,1\n4,1",
}


@pytest.mark.supports("data_flow", "Assert")
def test_an_assert_marks_the_rows_that_break_its_rules(flows) -> None:
    rows = flows.through(ASSERT.replace("{abort}", ""), WATCHED)
    assert [tuple(row.values()) for row in rows] == [
        (1, True, True, False, False),
        (2, False, False, False, False),
        (3, False, False, False, False),
        (4, True, False, True, False),
        (5, True, False, True, True),
    ]


@pytest.mark.supports("data_flow", "Assert")
def test_an_assert_that_aborts_ends_the_data_flow_before_anything_is_written(flows) -> None:
    flows.write("in/a.csv", "id\n1\n2\n")
    done = flows(
        "source(output(id as integer)) ~> s\ns assert(expectTrue(id < 2, false, 'small'), abort: true) ~> a\na sink() ~> k",
        {"s": "df_csv:in/a.csv", "k": "df_json:out"},
    )
    assert "at Assert 'a': a row fails small" in done.message
    assert not (flows.raw / "out").exists()
