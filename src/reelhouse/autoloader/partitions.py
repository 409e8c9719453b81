"""Columns that stand in the names of folders: `year=2020/month=5`.

https://spark.apache.org/docs/latest/sql-data-sources-parquet.html#partition-discovery
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from reelhouse.autoloader.timestamps import date_of

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INT = re.compile(r"-?\d{1,9}")
_LONG = re.compile(r"-?\d{10,18}")
_DOUBLE = re.compile(r"-?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?|-?\d+[eE][+-]?\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def partition_values(relative: str) -> dict[str, str | None]:
    """The columns and values in the folders of a path relative to the source.

    >>> partition_values("year=2020/country=C%C3%B4te/part-0.csv")
    {'year': '2020', 'country': 'Côte'}
    """
    found: dict[str, str | None] = {}
    for folder in relative.split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if equals and name:
            found[unquote(name)] = None if value == _NULL else unquote(value)
    return found


def partition_types(values: Iterable[Mapping[str, str | None]]) -> dict[str, str]:
    """The type of each partition column that fits all its values: int, bigint, double, date or string."""
    texts: dict[str, list[str]] = {}
    for file in values:
        for name, value in file.items():
            texts.setdefault(name, []).extend([] if value is None else [value])
    return {name: _type(found) for name, found in texts.items()}


def _type(texts: Sequence[str]) -> str:
    kinds = {_kind(text) for text in texts}
    if not kinds:
        return "string"
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= {"int", "bigint"}:
        return "bigint"
    return "double" if kinds <= {"int", "bigint", "double"} else "string"


def _kind(text: str) -> str:
    if _INT.fullmatch(text):
        return "int"
    if _LONG.fullmatch(text):
        return "bigint"
    if _DOUBLE.fullmatch(text):
        return "double"
    if _DATE.fullmatch(text):
        try:
            date_of(text)
        except ValueError:
            return "string"
        return "date"
    return "string"
