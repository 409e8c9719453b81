"""Transformations that keep the rows of one stream."""

from __future__ import annotations

import pytest

TITLES = {"t": "id:integer,title,year:integer\n1,Dark,2017\n2,Ozark,2017\n3,,1999"}


@pytest.mark.supports("activity", "ExecuteDataFlow")
@pytest.mark.supports("data_flow", "Filter")
def test_a_filter_keeps_the_rows_for_which_its_condition_holds(flows) -> None:
    assert flows.through("t filter(year > 2000 && !isNull(title)) ~> out", TITLES) == [
        {"id": 1, "title": "Dark", "year": 2017},
        {"id": 2, "title": "Ozark", "year": 2017},
    ]


@pytest.mark.supports("data_flow", "DerivedColumn")
def test_a_derived_column_replaces_or_is_added_and_sees_the_columns_before(flows) -> None:
    rows = flows.through(
        """
        t filter(id == 1) ~> one
        one derive(title = upper(title), :twice = year * 2, next = :twice + 1, {a b} = "{title} of {year}") ~> out
        """,
        TITLES,
    )
    assert rows == [{"id": 1, "title": "DARK", "year": 2017, "next": 4035, "a b": "Dark of 2017"}]


@pytest.mark.supports("data_flow", "DerivedColumn")
def test_a_pattern_derives_each_column_that_matches(flows) -> None:
    rows = flows.through(
        """
        t filter(id == 1) ~> one
        one derive(each(match(type == 'string'), $$ = lower($$)),
            each(match(typeMatch(type, 'number') && name != 'id'), $$ + '_old' = $$ - 1000)) ~> out
        """,
        TITLES,
    )
    assert rows == [{"id": 1, "title": "dark", "year": 2017, "year_old": 1017}]


@pytest.mark.supports("data_flow", "Select")
def test_a_select_keeps_names_and_orders_columns(flows) -> None:
    rows = flows.through(
        "t filter(id == 1) ~> one\none select(mapColumn(name = title, id), skipDuplicateMapInputs: true) ~> out", TITLES
    )
    assert [list(row.items()) for row in rows] == [[("name", "Dark"), ("id", 1)]]


@pytest.mark.supports("data_flow", "Select")
def test_a_select_maps_by_rules_and_an_input_counts_once(flows) -> None:
    rows = flows.through(
        """
        t filter(id == 1) ~> one
        one select(mapColumn(id, each(match(startsWith(name, 't')), 'x_' + $$ = $$), each(match(true()))),
            skipDuplicateMapInputs: true, skipDuplicateMapOutputs: true) ~> out
        """,
        TITLES,
    )
    assert rows == [{"id": 1, "x_title": "Dark", "year": 2017}]


@pytest.mark.supports("data_flow", "Sort")
def test_a_sort_says_where_nulls_go(flows) -> None:
    rows = flows.through("t sort(desc(year, false), asc(title, false)) ~> out", TITLES)
    assert [row["id"] for row in rows] == [1, 2, 3]
    rows = flows.through("t sort(asc(title, true)) ~> out", TITLES)
    assert [row["id"] for row in rows] == [3, 1, 2]


@pytest.mark.supports("data_flow", "SurrogateKey")
def test_a_surrogate_key_counts_from_its_start_in_its_steps(flows) -> None:
    rows = flows.through("t keyGenerate(output(sk as long), startAt: 10L, stepValue: 5L) ~> out", TITLES)
    assert [row["sk"] for row in rows] == [10, 15, 20]


@pytest.mark.supports("data_flow", "Rank")
def test_a_rank_leaves_gaps_unless_it_is_dense(flows) -> None:
    rows = flows.through(
        """
        t rank(desc(year, false), output(place as long)) ~> gaps
        gaps rank(desc(year, false), output(dense as long), dense: true) ~> ranked
        ranked sort(asc(id, true)) ~> out
        """,
        TITLES,
    )
    assert [(row["place"], row["dense"]) for row in rows] == [(1, 1), (1, 1), (3, 2)]


@pytest.mark.supports("data_flow", "ConditionalSplit")
@pytest.mark.parametrize(
    ("disjoint", "expected"),
    [("false", {"a": [1, 2], "b": [], "rest": [3]}), ("true", {"a": [1, 2], "b": [1], "rest": [3]})],
)
def test_a_split_takes_the_first_condition_that_holds_or_all(flows, disjoint: str, expected) -> None:
    for name, ids in expected.items():
        rows = flows.through(
            f"""
            t split(year > 2000, title == 'Dark', disjoint: {disjoint}) ~> cut@(a, b, rest)
            cut@{name} select(mapColumn(id)) ~> out
            """,
            TITLES,
        )
        assert [row["id"] for row in rows] == ids, name


@pytest.mark.supports("data_flow", "Cast")
def test_a_cast_converts_columns_by_their_formats(flows) -> None:
    rows = flows.through(
        "t cast(output(year as string, title as date 'yyyy/MM/dd'), errors: false) ~> out",
        {"t": "id:integer,title,year:integer\n1,2020/03/04,2017"},
    )
    assert rows == [{"id": 1, "title": "2020-03-04", "year": "2017"}]
