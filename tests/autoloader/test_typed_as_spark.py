"""Typed columns of CSV and JSON give what Apache Spark 4.2.0 gave for the same text, all columns cast to string."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.ddl import fields

ANSWERS = [json.loads(line) for line in (Path(__file__).parent / "spark_typed_answers.jsonl").read_text().splitlines()]


def as_spark_prints(value: Any, kind: str) -> str | None:
    if value is None:
        return None
    if kind.startswith("timestamp"):
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=value)
        return moment.isoformat(" ", "auto").rstrip("0") if moment.microsecond else moment.isoformat(" ")
    if kind == "boolean":
        return str(value).lower()
    if kind in ("double", "float"):
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return "NaN" if math.isnan(value) else str(round(value, 6) if kind == "float" else value)
    return str(value)


def same(found: str | None, expected: str | None, kind: str) -> bool:
    if kind in ("double", "float") and found is not None and expected is not None:
        return found == expected or float(found) == float(expected)
    return found == expected


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_typed_column_gives_what_spark_gives(format: str, tmp_path: Path, entry: Any, read: Any) -> None:
    differences = []
    for at, answer in enumerate(answer for answer in ANSWERS if answer["format"] == format):
        columns = fields(answer["schema"])
        corrupt = "_corrupt_record" if "_corrupt_record" in dict(columns) else None
        file = entry(tmp_path / f"{at}.{format}", answer["text"])
        rows = read([file], format, answer["options"], answer["schema"], corrupt=corrupt, by_name=format != "csv")
        found = [[as_spark_prints(row[name], kind) for name, kind in columns] for row in rows]
        fits = len(found) == len(answer["rows"]) and all(
            same(mine, theirs, kind)
            for row, expected in zip(found, answer["rows"], strict=True)
            for mine, theirs, (_, kind) in zip(row, expected, columns, strict=True)
        )
        if not fits:
            differences.append((answer["text"], found, answer["rows"]))

    assert len(ANSWERS) > 100
    assert not differences
