"""Nested JSON that does not fit its column's type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.ddl import type_json
from reelhouse.autoloader.nested import Left, conform

SCHEMA = "id int, s struct<x: int, y: array<double>>"


@pytest.mark.parametrize(
    ("value", "kind", "taken", "left"),
    [
        ({"a": 1}, "struct<a:int>", {"a": 1}, None),
        ({"a": 1, "b": 2}, "struct<a:int>", {"a": 1}, Left({"b": 2}, False)),
        ({"a": "1"}, "struct<a:int>", {"a": None}, Left({"a": "1"}, True)),
        ({"a": {"b": True, "c": 1}}, "struct<a:struct<b:boolean>>", {"a": {"b": True}}, Left({"a": {"c": 1}}, False)),
        ([1, "x"], "array<int>", [1, None], Left([1, "x"], True)),
        ({"k": 1, "l": 1.5}, "map<string,bigint>", {"k": 1, "l": None}, Left({"l": 1.5}, True)),
        ("text", "array<int>", None, Left("text", True)),
        ({"n": 5}, "struct<n:string>", {"n": 5}, None),
        (
            {"d": "2020-01-02", "t": "soon"},
            "struct<d:date,t:timestamp>",
            {"d": "2020-01-02", "t": None},
            Left({"t": "soon"}, True),
        ),
        (None, "array<int>", None, None),
    ],
)
def test_what_fits_stays_and_the_rest_is_left(value: Any, kind: str, taken: Any, left: Left | None) -> None:
    assert conform(value, type_json(kind)) == (taken, left)


def test_only_the_parts_that_do_not_fit_are_rescued(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.json", '{"id":1,"s":{"x":"no","y":[1.5],"z":true}}\n{"id":2,"s":{"x":3}}\n')

    rows = read([file], "json", {}, SCHEMA, rescued="_rescued_data")

    assert json.loads(rows[0]["s"]) == {"x": None, "y": [1.5]}
    rescued = json.loads(rows[0]["_rescued_data"])
    assert rescued == {"s": {"x": "no", "z": True}, "_file_path": file.path}
    assert (rows[1]["s"], rows[1]["_rescued_data"]) == ('{"x":3}', None)


def test_without_rescue_a_wrong_type_inside_makes_the_record_corrupt_and_an_unknown_field_does_not(
    tmp_path: Path, entry: Any, read: Any
) -> None:
    file = entry(tmp_path / "a.json", '{"id":1,"s":{"x":"no"}}\n{"id":2,"s":{"z":3}}\n')

    rows = read([file], "json", {}, SCHEMA, corrupt="_corrupt_record")

    assert [row["_corrupt_record"] for row in rows] == ['{"id":1,"s":{"x":"no"}}', None]
