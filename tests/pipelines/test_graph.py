"""What is refused before anything is written, and what runs when something fails."""

from __future__ import annotations

from typing import Any

import pytest

from reelhouse.errors import Place, UserError
from reelhouse.pipelines.graph import Namespace, Node, below, order, select
from reelhouse.pipelines.run import FlowState, UpdateState

PLACE = Place("a.py", "line 1")


def node(key: str, *inputs: str) -> Node:
    return Node(key, key, PLACE, inputs)


def test_a_dataset_follows_what_it_reads_whatever_the_order_of_the_files() -> None:
    assert [n.key for n in order([node("c", "b"), node("a"), node("b", "a")])] == ["a", "b", "c"]


def test_a_circle_is_refused_with_its_path() -> None:
    with pytest.raises(UserError, match=r"a → b → c → a"):
        order([node("a", "b"), node("b", "c"), node("c", "a")])


def test_what_reads_a_failed_dataset_through_others_lies_below_it() -> None:
    nodes = [node("a"), node("b", "a"), node("c", "b"), node("d")]
    assert below(nodes, ["a"]) == {"b", "c"}


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("titles", "netflix.silver.titles"),
        ("LIVE.titles", "netflix.silver.titles"),
        ("gold.dim", "netflix.gold.dim"),
        ("other.gold.`a b`", "other.gold.a b"),
    ],
)
def test_short_names_are_completed_with_catalog_and_schema(name: str, full: str) -> None:
    assert Namespace("netflix", "silver").qualify(name) == full


def test_a_selection_names_tables_short_or_in_full_and_nothing_else() -> None:
    space, tables = Namespace("netflix", "silver"), {"netflix.silver.titles": "netflix.silver.titles"}
    assert select(space, tables, ["titles"], [], False).refresh == {"netflix.silver.titles"}
    with pytest.raises(UserError, match=r"no table 'titels'.*Did you mean"):
        select(space, tables, ["titels"], [], False)


HEAD = "from pyspark import pipelines as dp\n"


def refused(lab: Any, text: str) -> str:
    lab.file("silver.py", HEAD + text)
    result = lab.update()
    assert result.state is UpdateState.FAILED
    assert not result.flows
    assert lab.catalog.tables("netflix.silver") == []
    return str(result.error)


def test_an_unknown_table_is_refused_with_the_nearest_name(lab: Any) -> None:
    lab.table("netflix.bronze.titles", [(1,)], "id int")
    error = refused(lab, "@dp.table\ndef t():\n    return spark.readStream.table('netflix.bronze.titels')\n")
    assert "'netflix.bronze.titels'" in error
    assert "Did you mean 'netflix.bronze.titles'?" in error
    assert "(silver.py, line 2)" in error


def test_two_datasets_of_one_name_are_refused(lab: Any) -> None:
    text = "@dp.materialized_view(name='t')\ndef a():\n    return spark.range(1)\n"
    error = refused(lab, text + text.replace("def a", "def b").replace("'t'", "'silver.T'"))
    assert "defined twice" in error and "line 5" in error and "line 2" in error


def test_an_unknown_parameter_is_refused_by_name(lab: Any) -> None:
    error = refused(lab, "@dp.table(nmae='x')\ndef t():\n    return spark.range(1)\n")
    assert "table() has no parameter 'nmae'" in error and "Did you mean 'name'?" in error and "line 2" in error


def test_a_definition_that_runs_something_is_refused_with_its_line(lab: Any) -> None:
    error = refused(lab, "@dp.materialized_view\ndef t():\n    n = spark.range(3).count()\n    return spark.range(n)\n")
    assert "runs a query" in error and "line 4" in error


def test_a_column_that_does_not_exist_is_found_before_anything_is_written(lab: Any) -> None:
    text = """
@dp.materialized_view
def a():
    return spark.range(3)

@dp.materialized_view
def b():
    return spark.read.table("a").select("nothing")
"""
    error = refused(lab, text)
    assert "Flow 'b'" in error and "nothing" in error


def test_a_declared_schema_that_differs_from_the_query_is_refused_column_by_column(lab: Any) -> None:
    text = "@dp.materialized_view(schema='id STRING, other INT')\ndef a():\n    return spark.range(3)\n"
    error = refused(lab, text)
    assert "'id' is declared STRING and the query gives BIGINT" in error
    assert "'other' is declared and the query does not give it" in error


def test_a_batch_query_in_a_streaming_table_is_refused(lab: Any) -> None:
    text = "dp.create_streaming_table('t')\n@dp.append_flow(target='t')\ndef f():\n    return spark.range(3)\n"
    assert "INVALID_FLOW_QUERY_TYPE" in refused(lab, text)


def test_editions_have_what_they_have(lab: Any) -> None:
    lab.settings.edition = "PRO"
    text = "@dp.materialized_view\n@dp.expect('a', 'id > 0')\ndef t():\n    return spark.range(1)\n"
    assert "which edition PRO does not have" in refused(lab, text)


FAILING = (
    HEAD
    + """
@dp.materialized_view
@dp.expect_or_fail("small", "id < 2")
def broken():
    return spark.range(3)

@dp.materialized_view
def below_it():
    return spark.read.table("broken")

@dp.materialized_view
def beside_it():
    return spark.range(4)
"""
)


def test_a_failing_flow_skips_what_reads_it_and_nothing_else(lab: Any) -> None:
    lab.file("silver.py", FAILING)
    result = lab.update()
    assert result.state is UpdateState.FAILED
    assert {n: f.state for n, f in result.flows.items()} == {
        "broken": FlowState.FAILED,
        "below_it": FlowState.SKIPPED,
        "beside_it": FlowState.COMPLETED,
    }
    assert "EXPECTATION_VIOLATION" in result.error
    assert "Flow 'broken' of dataset 'netflix.silver.broken'" in result.error and "line 3" in result.error
    assert len(lab.rows("netflix.silver.beside_it")) == 4


def test_a_failed_update_is_repaired_by_the_next_one(lab: Any) -> None:
    lab.file("silver.py", FAILING)
    lab.update()
    lab.file("silver.py", FAILING.replace("id < 2", "id < 9"))
    lab.succeed()
    assert len(lab.rows("netflix.silver.below_it")) == 3


def test_validation_writes_nothing(lab: Any) -> None:
    lab.file("silver.py", FAILING)
    assert lab.update(validate_only=True).state is UpdateState.COMPLETED
    assert lab.catalog.tables("netflix.silver") == []


def test_a_selection_refreshes_the_named_tables_alone(lab: Any) -> None:
    lab.file("silver.py", FAILING.replace("id < 2", "id < 9"))
    lab.succeed()
    versions = {t: lab.version(f"netflix.silver.{t}") for t in ("broken", "below_it", "beside_it")}
    lab.file("silver.py", FAILING.replace("id < 2", "id < 9").replace("range(3)", "range(5)"))
    result = lab.succeed(refresh_selection=["broken"])
    assert result.flows["below_it"].state is FlowState.EXCLUDED
    assert lab.version("netflix.silver.broken") > versions["broken"]
    assert lab.version("netflix.silver.below_it") == versions["below_it"]


def test_a_second_update_is_refused_while_one_is_active(lab: Any) -> None:
    from reelhouse.pipelines.run import state_folder
    from reelhouse.pipelines.state import PipelineState

    lab.file("silver.py", FAILING)
    state = PipelineState(state_folder(lab.settings, lab.services()))
    with state.lock("films"), pytest.raises(UserError, match="active update"):
        lab.update()
