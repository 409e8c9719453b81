"""Change flows beyond the worked examples: several into one table, columns that come later, changes without a place."""

from __future__ import annotations

from typing import Any

import pytest

HEAD = "from pyspark import pipelines as dp\nfrom pyspark.sql import functions as F\n"


def flow(name: str, source: str, **given: Any) -> str:
    options = {"target": "t", "name": name, "source": source, "keys": ["id"], "sequence_by": "n", **given}
    options.setdefault("except_column_list", ["n"])
    return f"dp.create_auto_cdc_flow(**{options!r})\n"


def define(lab: Any, *flows: str, table: str = "dp.create_streaming_table('t')\n") -> None:
    lab.file("silver.py", HEAD + table + "".join(flows))


def commits(lab: Any, table: str) -> int:
    """Commits that wrote rows."""
    from reelhouse.delta.history import history

    return sum(c.operation == "MERGE" for c in history(lab.catalog.table(table).location))


def test_two_flows_make_one_table_in_one_commit(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1, "a", 1), (2, "b", 5)], "id int, v string, n int")
    lab.table("netflix.bronze.b", [(1, "A", 2), (2, "old", 4), (3, "c", 1)], "id int, v string, n int")
    define(lab, flow("one", "netflix.bronze.a"), flow("two", "netflix.bronze.b"))
    lab.succeed()
    assert lab.rows("netflix.silver.t") == [(1, "A"), (2, "b"), (3, "c")]
    assert commits(lab, "netflix.silver.t") == 1
    lab.table("netflix.bronze.a", [(3, "C", 2)], "id int, v string, n int")
    result = lab.succeed()
    assert lab.rows("netflix.silver.t") == [(1, "A"), (2, "b"), (3, "C")]
    assert (result.flows["one"].up_to_date, result.flows["two"].up_to_date) == (False, False)
    assert lab.succeed().up_to_date


def test_flows_of_one_table_may_differ_in_what_concerns_their_own_feed(lab: Any) -> None:
    lab.table("netflix.bronze.first", [(1, "a"), (2, "b")], "id int, v string")
    lab.table("netflix.bronze.b", [(1, None, 3, "D"), (2, "B", 2, "U")], "id int, v string, n int, op string")
    define(
        lab,
        flow("initial", "netflix.bronze.first", once=True, sequence_by="0", except_column_list=None),
        flow("changes", "netflix.bronze.b", apply_as_deletes="op = 'D'", except_column_list=["n", "op"]),
    )
    lab.succeed()
    assert lab.rows("netflix.silver.t") == [(2, "B")]


def disagreement(lab: Any, **given: Any) -> str:
    lab.table("netflix.bronze.a", [(1, "a", 1)], "id int, v string, n int")
    lab.table("netflix.bronze.b", [(1, "A", 1.5, 2)], "id int, v string, w double, n int")
    define(lab, flow("one", "netflix.bronze.a"), flow("two", "netflix.bronze.b", **given))
    result = lab.update(validate_only=True)
    assert not result.succeeded
    assert lab.update().error == result.error and lab.catalog.tables("netflix.silver") == []
    assert "Flows 'one' and 'two' feed 'netflix.silver.t' and differ in " in result.error
    assert "silver.py, line 5" in result.error
    return str(result.error)


def test_flows_of_one_table_with_other_columns_are_refused_before_anything_runs(lab: Any) -> None:
    error = disagreement(lab)
    assert "columns (id, v and id, v, w)" in error


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keys": ["id", "v"]}, "keys (id and id, v)"),
        ({"ignore_null_updates": True}, "columns in which NULL keeps the former value (none and v)"),
        ({"sequence_by": "cast(n as string)"}, "the type of the sequence (INT and STRING)"),
    ],
)
def test_flows_of_one_table_that_disagree_are_refused_with_what_differs(
    lab: Any, given: dict[str, Any], told: str
) -> None:
    assert told in disagreement(lab, except_column_list=["n", "w"], **given)


def test_a_flow_that_fails_does_not_hold_up_the_other_one(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1, "a", 1)], "id int, v string, n int")
    lab.table("netflix.bronze.b", [(2, "b", None)], "id int, v string, n int")
    define(lab, flow("one", "netflix.bronze.a"), flow("two", "netflix.bronze.b"))
    result = lab.update()
    assert "Flow 'two'" in result.error
    assert lab.rows("netflix.silver.t") == [(1, "a")]


def test_a_column_that_is_added_to_the_list_is_null_in_the_changes_before_it(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1, "a", 1.5, 1)], "id int, v string, w float, n int")
    define(lab, flow("one", "netflix.bronze.a", column_list=["id", "v"], except_column_list=None))
    lab.succeed()
    define(lab, flow("one", "netflix.bronze.a", column_list=["id", "v", "w"], except_column_list=None))
    lab.succeed()
    assert lab.rows("netflix.silver.t", "id", "v", "w") == [(1, "a", None)]
    assert dict(lab.spark.read.table("netflix.silver.t").dtypes)["w"] == "float"
    lab.table("netflix.bronze.a", [(2, "b", 2.5, 1)], "id int, v string, w float, n int")
    lab.succeed()
    assert [(i, v, w) for i, v, w in lab.rows("netflix.silver.t", "id", "v", "w")] == [
        (1, "a", None),
        (2, "b", 2.5),
    ]


def test_a_change_without_a_sequence_is_told_in_the_words_of_the_feed(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1, "a", 1), (2, "b", None), (3, "c", None)], "id int, v string, n int")
    define(lab, flow("one", "netflix.bronze.a"))
    error = lab.update().error
    assert "sequence_by of flow 'one' is NULL in 2 rows of 'netflix.bronze.a', for example in (id=" in error
    assert "v='" in error and "silver.py, line 4" in error
    assert "__" not in error and str(lab.folder) not in error


def test_a_violated_rule_of_the_table_is_told_with_its_name(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1, "a", 1), (2, "b", 1)], "id int, v string, n int")
    table = "dp.create_streaming_table('t', expect_all_or_fail={'small': 'id < 2'})\n"
    define(lab, flow("one", "netflix.bronze.a"), table=table)
    error = lab.update().error
    assert "EXPECTATION_VIOLATION: 1 row for 'netflix.silver.t' broke expectation 'small' (id < 2)" in error
    assert "(id=2, v='b')" in error and "__" not in error and str(lab.folder) not in error
