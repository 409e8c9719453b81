"""The platform's own factory, tested with the plugin: the example of docs/guides/testing.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelhouse.testing import ActivityFailed

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "data" / "sample"
CATEGORY = {
    "source_name": "category",
    "source_base_url": "https://data.example/netflix",
    "relative_url": "netflix_category.csv",
    "file_name": "netflix_category.csv",
    "target_folder": "category",
    "minimum_size_bytes": 10,
    "columns": '["show_id", "listed_in"]',
}


def test_the_factory_has_no_faults(factory) -> None:
    assert factory.findings() == []


def test_a_file_is_asked_for_at_the_address_of_its_source(factory) -> None:
    copy = factory.evaluate_activity("ingest_source", "copy_to_landing", parameters=CATEGORY)

    assert copy["inputs"][0]["typeProperties"]["location"]["relativeUrl"] == "netflix_category.csv"
    assert copy["outputs"][0]["parameters"]["folder"] == "_landing/category"


def test_a_source_is_ingested_into_temporary_storage(factory) -> None:
    run = factory.run("ingest_source", CATEGORY, mirror=SAMPLE)

    assert run.message == ""
    assert run.activities["copy_to_landing"].output["filesWritten"] == 1


def test_a_source_that_does_not_answer_is_tried_four_times(factory) -> None:
    gone = ActivityFailed("2108", "connection refused")

    run = factory.run("ingest_source", CATEGORY, fakes={"copy_to_landing": gone})

    assert run.status == "Failed"
    assert len(run.activities["copy_to_landing"].attempts) == 4
    assert run.activities["check_size"].status == "Skipped"


@pytest.mark.parametrize(
    ("structure", "code"),
    [
        ([{"name": "show_id"}, {"name": "listed_in"}, {"name": "more"}], None),
        ([{"name": "show_id"}], "HeaderLacksColumns"),
        ([{"name": "<html>"}], "HeaderLacksColumns"),
    ],
)
def test_a_header_without_the_columns_of_the_source_is_refused(factory, structure: Any, code: str | None) -> None:
    whole = {"copy_to_landing": {}, "check_size": {}, "read_metadata": {"size": 99, "contentMD5": "x"}}
    fakes = {**whole, "read_header": {"structure": structure}, "list_releases": ActivityFailed("1", "enough is known")}

    run = factory.run("ingest_source", CATEGORY, fakes=fakes)

    refusal = run.activities.get("refuse_header")
    assert (refusal.error["errorCode"] if refusal else None) == code
