"""The list of sources, against its schema and against what the platform makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator


@pytest.fixture(scope="module")
def schema(project: Path) -> dict[str, Any]:
    return json.loads((project / "config" / "pipeline_config.schema.json").read_text())


@pytest.fixture(scope="module")
def config(project: Path) -> dict[str, Any]:
    return json.loads((project / "config" / "pipeline_config.json").read_text())


def with_change(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first = {key: value for key, value in {**config["sources"][0], **changes}.items() if value is not None}
    return {**config, "sources": [first, *config["sources"][1:]]}


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_the_config_meets_its_schema(schema: dict[str, Any], config: dict[str, Any]) -> None:
    assert list(Draft202012Validator(schema).iter_errors(config)) == []


def test_the_five_sources_are_there(config: dict[str, Any]) -> None:
    assert [source["bronze_table"] for source in config["sources"]] == [
        "netflix_titles",
        "netflix_cast",
        "netflix_directors",
        "netflix_countries",
        "netflix_category",
    ]


@pytest.mark.parametrize("name", ["name", "bronze_table", "target_folder"])
def test_no_two_sources_share_a_name_a_table_or_a_folder(config: dict[str, Any], name: str) -> None:
    values = [source[name] for source in config["sources"]]

    assert len(set(values)) == len(values)


def test_keys_are_columns(config: dict[str, Any]) -> None:
    assert all(set(source["keys"]) <= set(source["columns"]) for source in config["sources"])


@pytest.mark.parametrize(
    "change",
    [
        {"load": "sometimes"},
        {"max_shrinkage": None},
        {"max_shrinkage": 1},
        {"columns": []},
        {"minimum_size_bytes": 0},
        {"enabled": "yes"},
        {"relative_url": "/absolute.csv"},
        {"target_folder": "../elsewhere"},
        {"reader_options": {"cloudFiles.format": "csv"}},
        {"reader_options": {"header": True}},
        {"colums": ["show_id"]},
        {"columns": ['a"b']},
    ],
    ids=str,
)
def test_a_wrong_entry_is_refused(schema: dict[str, Any], config: dict[str, Any], change: dict[str, Any]) -> None:
    assert list(Draft202012Validator(schema).iter_errors(with_change(config, **change)))


def test_an_incremental_source_needs_no_max_shrinkage(schema: dict[str, Any], config: dict[str, Any]) -> None:
    changed = with_change(config, load="incremental", max_shrinkage=None)

    assert list(Draft202012Validator(schema).iter_errors(changed)) == []
