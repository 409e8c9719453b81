"""Nested JSON values against the type of their column: what fits stays, what does not is handed back.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema#what-is-the-rescued-data-column
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from reelhouse.autoloader.ddl import type_json
from reelhouse.autoloader.timestamps import date_of, micros_of

_LIMITS = {"byte": 7, "short": 15, "integer": 31, "long": 63}
_REAL_NAMES = ("NaN", "Infinity", "-Infinity", "INF", "-INF")


@dataclass(frozen=True)
class Left:
    """What of a value did not fit; `mismatch` when some of it has the wrong type, and is not just unknown."""

    value: Any
    mismatch: bool


def conform_column(column: pa.Array, ddl: str) -> tuple[pa.Array, Mapping[int, Left]]:
    """JSON texts without the parts that do not fit the type, and those parts by row."""
    kind = type_json(ddl)
    left: dict[int, Left] = {}
    texts = column.to_pylist()
    for row, text in enumerate(texts):
        if text is None:
            continue
        value, rest = conform(json.loads(text), kind)
        if rest is not None:
            left[row] = rest
            texts[row] = _text(value)
    return (pa.array(texts, pa.string()) if left else column), left


def conform(value: Any, kind: Any) -> tuple[Any, Left | None]:
    """The value as a type (as a schema's JSON has it) takes it, and what is left over.

    >>> conform({"a": 1, "b": "x", "c": 2}, type_json("struct<a:int,b:int>"))
    ({'a': 1, 'b': None}, Left(value={'b': 'x', 'c': 2}, mismatch=True))
    """
    if value is None:
        return None, None
    if isinstance(kind, str):
        return (value, None) if _fits(value, kind) else (None, Left(value, True))
    if kind["type"] == "struct":
        return _struct(value, kind) if isinstance(value, dict) else (None, Left(value, True))
    if kind["type"] == "array":
        return _array(value, kind) if isinstance(value, list) else (None, Left(value, True))
    return _map(value, kind) if isinstance(value, dict) else (None, Left(value, True))


def _struct(value: dict[str, Any], kind: Any) -> tuple[Any, Left | None]:
    types = {field["name"]: field["type"] for field in kind["fields"]}
    taken: dict[str, Any] = {}
    left: dict[str, Any] = {}
    mismatch = False
    for name, part in value.items():
        if name not in types:
            if part is not None:
                left[name] = part
            continue
        taken[name], rest = conform(part, types[name])
        if rest is not None:
            left[name] = rest.value
            mismatch = mismatch or rest.mismatch
    return taken, Left(left, mismatch) if left else None


def _array(value: list[Any], kind: Any) -> tuple[Any, Left | None]:
    parts = [conform(part, kind["elementType"]) for part in value]
    rests = [rest for _, rest in parts if rest is not None]
    whole = Left(value, any(rest.mismatch for rest in rests)) if rests else None
    return [part for part, _ in parts], whole


def _map(value: dict[str, Any], kind: Any) -> tuple[Any, Left | None]:
    parts = {key: conform(part, kind["valueType"]) for key, part in value.items()}
    left = {key: rest for key, (_, rest) in parts.items() if rest is not None}
    mismatch = any(rest.mismatch for rest in left.values())
    whole = Left({key: rest.value for key, rest in left.items()}, mismatch) if left else None
    return {key: part for key, (part, _) in parts.items()}, whole


def _fits(value: Any, kind: str) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in _LIMITS:
        return isinstance(value, int) and number and -(1 << _LIMITS[kind]) <= value < 1 << _LIMITS[kind]
    if kind in ("float", "double"):
        return number or value in _REAL_NAMES
    if kind.startswith("decimal"):
        return number or (isinstance(value, str) and value.strip("+-").replace(".", "", 1).isdigit())
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("date", "timestamp", "timestamp_ntz"):
        return (number and kind == "timestamp") or (isinstance(value, str) and _is_moment(value, kind))
    return True


def _is_moment(text: str, kind: str) -> bool:
    try:
        if kind == "date":
            date_of(text)
        else:
            micros_of(text, dt.UTC, local=kind == "timestamp_ntz")
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def left_text(left: Left) -> str:
    """What did not fit, as JSON."""
    return _text(left.value)
