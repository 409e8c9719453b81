"""Plans as trees: what is walked, replaced and kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.plans import plan

proto = plan.proto


def leaf(name: str) -> Any:
    return plan.named_table(name)


def joined(left: Any, right: Any) -> Any:
    relation = proto.Relation()
    relation.join.left.CopyFrom(left)
    relation.join.right.CopyFrom(right)
    return relation


def trees() -> st.SearchStrategy[Any]:
    leaves = st.sampled_from("abcdef").map(leaf) | st.just(plan.sql("SELECT 1"))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: joined(*pair)),
            inner.map(lambda r: plan.where(r, plan.expression("x"))),
            st.tuples(inner, inner).map(lambda pair: plan.union(list(pair))),
            inner.map(lambda r: plan.alias(r, "q")),
            st.tuples(inner, inner).map(lambda pair: plan.with_relations(pair[0], {"v": pair[1]})),
            inner.map(lambda r: plan.project(r, [plan.star()])),
        ),
        max_leaves=12,
    )


@settings(deadline=None)  # the first example imports the client
@given(trees())
def test_replacing_nothing_gives_an_equal_plan_and_leaves_the_old_one_alone(relation: Any) -> None:
    before = relation.SerializeToString(deterministic=True)
    assert plan.replace(relation, lambda node: None) == relation
    assert relation.SerializeToString(deterministic=True) == before


@given(trees())
def test_walking_meets_each_relation_once_parents_first(relation: Any) -> None:
    nodes = list(plan.walk(relation))
    assert nodes[0] == relation
    assert len(nodes) == 1 + sum(len(list(plan.walk(child))) for child in plan.children(relation))


@given(trees())
def test_every_leaf_can_be_replaced_and_nothing_else_changes(relation: Any) -> None:
    def change(node: Any) -> Any:
        if plan.kind(node) == "read":
            return plan.named_table(node.read.named_table.unparsed_identifier.upper())
        return None

    changed = plan.replace(relation, change)
    assert plan.tables_read(changed) == [name.upper() for name in plan.tables_read(relation)]
    assert [plan.kind(node) for node in plan.walk(changed)] == [plan.kind(node) for node in plan.walk(relation)]


def test_a_replacement_keeps_the_plan_id_that_columns_name_it_by() -> None:
    old = leaf("t")
    old.common.plan_id = 7
    new = plan.replace(joined(old, leaf("u")), lambda node: plan.empty("a int") if node == old else None)
    assert new.join.left.common.plan_id == 7
    assert plan.kind(new.join.left) == "local_relation"


def test_children_are_replaced_before_their_parents() -> None:
    seen: list[str] = []
    plan.replace(plan.alias(joined(leaf("a"), leaf("b")), "q"), lambda node: seen.append(plan.kind(node)))
    assert seen == ["read", "read", "join", "subquery_alias"]


def test_streams_are_found_under_commands_aliases_and_references() -> None:
    stream = plan.named_table("s", streaming=True)
    relation = plan.with_relations(plan.sql("SELECT * FROM x"), {"x": plan.alias(stream, "y")})
    assert plan.is_streaming(relation)
    assert plan.streaming_leaves(relation) == [stream]
    assert not plan.is_streaming(leaf("t"))
    command = proto.Command()
    command.write_operation.input.CopyFrom(relation)
    assert list(plan.children(command)) == [relation]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("t", ["t"]),
        ("a.b.c", ["a", "b", "c"]),
        ("`a.b`.c", ["a.b", "c"]),
        ("`a``b`", ["a`b"]),
        ("delta.`abfss://c@a.dfs.core.windows.net/x y`", ["delta", "abfss://c@a.dfs.core.windows.net/x y"]),
    ],
)
def test_names_are_split_at_dots_outside_backticks(name: str, parts: list[str]) -> None:
    assert plan.split_name(name) == parts


@given(st.text(min_size=1))
def test_a_quoted_name_splits_into_itself(name: str) -> None:
    assert plan.split_name(plan.quote(name)) == [name]


def test_a_union_of_many_is_no_deeper_than_the_logarithm_of_their_number() -> None:
    def depth(relation: Any) -> int:
        return 1 + max((depth(child) for child in plan.children(relation)), default=0)

    assert depth(plan.union([leaf(str(number)) for number in range(64)])) == 7


def test_no_files_are_no_rows_of_the_schema() -> None:
    assert plan.kind(plan.read_parquet([], "a int")) == "local_relation"
    assert list(plan.read_parquet(["/x"], "a int").read.data_source.paths) == ["/x"]
