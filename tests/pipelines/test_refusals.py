"""What is told of a definition that cannot be: which rule, which name, which line."""

from __future__ import annotations

from typing import Any

import pytest

HEAD = "from pyspark import pipelines as dp\nfrom pyspark.sql import functions as F\n"


def refused(lab: Any, text: str) -> str:
    lab.file("silver.py", HEAD + text)
    validated = lab.update(validate_only=True)
    result = lab.update()
    assert not validated.succeeded and not result.succeeded
    assert validated.error == result.error
    assert not result.flows
    assert lab.catalog.tables("netflix.silver") == []
    return str(result.error)


def a_view(rule: str, decorator: str = "materialized_view") -> str:
    return f'@dp.{decorator}\n@dp.expect("fine", "id >= 0")\n@dp.expect_or_drop("r", "{rule}")\n' + (
        "def t():\n    return spark.range(3)\n"
    )


@pytest.mark.parametrize("decorator", ["materialized_view", "temporary_view"])
def test_an_expectation_on_an_unknown_column_is_refused_before_anything_runs(lab: Any, decorator: str) -> None:
    error = refused(lab, a_view("idd > 1", decorator))
    assert "Expectation 'r' of dataset '" in error and "(idd > 1)" in error
    assert "its rows have no column 'idd'. Did you mean 'id'?" in error
    assert "(silver.py, line 5)" in error


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("id >", "cannot be resolved: "),
        ("nofunction(id)", "nofunction"),
        ("id + 1", "has the type BIGINT, and not BOOLEAN"),
        ("id in (select 1)", "a subquery"),
        ("EXISTS (SELECT 1)", "a subquery"),
    ],
)
def test_an_expectation_that_cannot_be_tried_is_refused_with_the_reason(lab: Any, rule: str, reason: str) -> None:
    error = refused(lab, a_view(rule))
    assert f"Expectation 'r' of dataset 'netflix.silver.t' ({rule})" in error
    assert reason in error and "silver.py, line 5" in error


def test_expectations_of_a_change_feed_s_target_are_checked_over_its_columns(lab: Any) -> None:
    lab.table("netflix.bronze.a", [(1, "x", 1)], "id int, v string, n int")
    text = """
dp.create_streaming_table("t", expect_all={"has_v": "vv is not null"})
dp.create_auto_cdc_flow(target="t", source="netflix.bronze.a", keys=["id"], sequence_by="n", except_column_list=["n"])
"""
    error = refused(lab, text)
    assert "Expectation 'has_v' of dataset 'netflix.silver.t'" in error and "Did you mean 'v'?" in error
    assert "silver.py, line 4" in error


def test_a_function_that_pipelines_do_not_have_is_named_with_the_nearest_one(lab: Any) -> None:
    error = refused(lab, "@dp.materialised_view\ndef t():\n    return spark.range(1)\n")
    assert "'materialised_view'" in error and "Did you mean 'materialized_view'?" in error
    assert "silver.py, line 3" in error


def test_a_function_that_a_query_calls_in_vain_is_named_with_the_nearest_one(lab: Any) -> None:
    error = refused(lab, "@dp.materialized_view\ndef t():\n    return dp.raed('a')\n")
    assert "Flow 't'" in error and "Did you mean 'read'?" in error and "silver.py, line 5" in error


def test_an_import_that_pipelines_do_not_have_is_named_with_the_nearest_one(lab: Any) -> None:
    error = refused(lab, "from pyspark.pipelines import temporary_views\n")
    assert "Did you mean 'temporary_view'?" in error and "silver.py, line 3" in error


def test_a_setting_of_one_dataset_is_refused_with_what_is_supported(lab: Any) -> None:
    text = (
        "@dp.materialized_view(spark_conf={'spark.sql.session.timeZone': 'UTC'})\ndef t():\n    return spark.range(1)\n"
    )
    error = refused(lab, text)
    assert "sets 'spark.sql.session.timeZone' in spark_conf, which is not supported for a single dataset" in error
    assert "Supported: pipelines.trigger.interval, " in error


def test_all_unknown_names_and_circles_are_told_at_once(lab: Any) -> None:
    lab.table("netflix.bronze.titles", [(1,)], "id int")
    text = """
@dp.materialized_view
def a():
    return spark.read.table("netflix.bronze.titels").join(spark.read.table("bronze.none"), "id")

@dp.materialized_view
def b():
    return spark.read.table("c")

@dp.materialized_view
def c():
    return spark.read.table("b")

@dp.materialized_view
def d():
    return spark.read.table("dd")
"""
    error = refused(lab, text)
    assert error.startswith("4 errors:\n  1. TABLE_OR_VIEW_NOT_FOUND: flow 'a'")
    assert "Did you mean 'netflix.bronze.titles'? (silver.py, line 4)" in error
    assert "reads 'bronze.none'" in error and "reads 'dd'" in error
    assert "netflix.silver.b → netflix.silver.c → netflix.silver.b" in error


def test_all_queries_that_cannot_be_resolved_are_told_and_not_what_reads_them(lab: Any) -> None:
    text = """
@dp.materialized_view
def a():
    return spark.range(3).select("nothing")

@dp.temporary_view
def b():
    return spark.range(3).select("void")

@dp.materialized_view
def c():
    return spark.read.table("a").join(spark.read.table("b"), "id")
"""
    error = refused(lab, text)
    assert error.startswith("2 errors:") and "nothing" in error and "void" in error and "Flow 'c'" not in error
