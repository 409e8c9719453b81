"""Irregular CSV gives what Apache Spark gives. The answers were asked of Spark 4.2.0, see `ask_spark.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ANSWERS = [json.loads(line) for line in (Path(__file__).parent / "spark_csv_answers.jsonl").read_text().splitlines()]
SCHEMA = "c0 string, c1 string, c2 string, _corrupt_record string"

KNOWN_DIFFERENCES = [
    (
        "Spark's parser for long delimiters reads on to the line's end after a closing quote and blanks",
        {"sep": "||"},
        '"a"||"" a||',
        [["a", '"" a||', None, '"a"||"" a||']],
    ),
]


def _options_of(answer: dict[str, Any]) -> str:
    return json.dumps(answer["options"])


@pytest.mark.parametrize("options", sorted({_options_of(answer) for answer in ANSWERS}))
def test_each_text_gives_the_rows_that_spark_gave(options: str, tmp_path: Path, entry: Any, read: Any) -> None:
    differences = []
    for at, answer in enumerate(answer for answer in ANSWERS if _options_of(answer) == options):
        file = entry(tmp_path / f"{at}.csv", answer["text"])
        rows = read([file], "csv", answer["options"], SCHEMA, corrupt="_corrupt_record", by_name=False)
        if [list(row.values()) for row in rows] != answer["rows"]:
            differences.append((answer["text"], rows, answer["rows"]))

    assert not differences


@pytest.mark.parametrize(("reason", "options", "text", "expected"), KNOWN_DIFFERENCES)
@pytest.mark.xfail(strict=True, reason="not yet as Spark does it")
def test_known_difference(
    reason: str, options: dict[str, str], text: str, expected: Any, tmp_path: Path, entry: Any, read: Callable[..., Any]
) -> None:
    rows = read([entry(tmp_path / "a.csv", text)], "csv", options, SCHEMA, corrupt="_corrupt_record", by_name=False)

    assert [list(row.values()) for row in rows] == expected
