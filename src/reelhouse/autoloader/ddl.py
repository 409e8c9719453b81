"""Schemas as Spark writes them, DDL or JSON, taken apart without an engine.

https://spark.apache.org/docs/latest/sql-ref-datatypes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from reelhouse.errors import UserError

_NAME = re.compile(r"\s*(?:`((?:[^`]|``)+)`|([^\s:`,]+))\s*:?\s*")
_TAIL = re.compile(
    r"\s+(?:NOT\s+NULL|NULL|COMMENT\s+(?:'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\")|DEFAULT\s+.*)\s*$", re.I | re.S
)
TYPES = (
    "string", "boolean", "tinyint", "byte", "smallint", "short", "int", "integer", "bigint", "long", "float", "real",
    "double", "decimal", "date", "timestamp", "timestamp_ltz", "timestamp_ntz", "binary", "variant",
)  # fmt: skip
"""The types of columns to read that have no parts."""
_DECIMAL = re.compile(r"decimal(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")
_CHARACTERS = re.compile(r"(?:var)?char\(\s*\d+\s*\)")
_SHORT = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}


def fields(schema: str) -> list[tuple[str, str]]:
    """The columns of a schema (DDL, or the JSON of a StructType): names, and types as DDL.

    >>> fields("id INT NOT NULL, `a b` array<struct<x: int, y: string>>")
    [('id', 'int'), ('a b', 'array<struct<x: int, y: string>>')]

    Raises `UserError` when it is neither.
    """
    text = schema.strip()
    if text.startswith("{"):
        document = json.loads(text)
        return [(field["name"], type_ddl(field["type"])) for field in document["fields"]]
    if text.lower().startswith("struct<") and text.endswith(">"):
        text = text[len("struct<") : -1]
    return [_field(part, schema) for part in split(text)]


def _field(text: str, schema: str) -> tuple[str, str]:
    match = _NAME.match(text)
    rest = text[match.end() :] if match else ""
    while (tail := _TAIL.search(rest)) is not None:
        rest = rest[: tail.start()]
    if not match or not rest.strip():
        raise UserError(
            f"'{text.strip()}' in the schema '{schema}' is not a column", remedy="Write: name TYPE, name TYPE."
        )
    name = match[1].replace("``", "`") if match[1] else match[2]
    kind = rest.strip()
    return name, _SHORT.get(kind.lower(), kind.lower() if "<" not in kind else kind)


def split(text: str) -> Iterator[str]:
    """The parts of a list that is separated by commas, with those inside brackets, quotes and backticks left alone."""
    depth, start, within = 0, 0, ""
    for at, char in enumerate(text):
        if within:
            within = "" if char == within else within
        elif char in "`'\"":
            within = char
        elif char in "<(":
            depth += 1
        elif char in ">)":
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:at]
            start = at + 1
    if text[start:].strip():
        yield text[start:]


def type_ddl(kind: Any) -> str:
    """A type of a schema's JSON as DDL.

    >>> type_ddl({"type": "array", "elementType": "long", "containsNull": True})
    'array<bigint>'
    """
    if isinstance(kind, str):
        return _SHORT.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{type_ddl(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{type_ddl(kind['keyType'])},{type_ddl(kind['valueType'])}>"
    if kind["type"] == "struct":
        inner = ",".join(f"{quoted(field['name'])}:{type_ddl(field['type'])}" for field in kind["fields"])
        return f"struct<{inner}>"
    raise UserError(f"'{kind['type']}' is not a type of a column to read")


def wrong_type(kind: str) -> str | None:
    """The first part of a type (DDL) that is no type of a column to read; None when all of it is.

    >>> wrong_type("array<struct<a: int, b: strin>>"), wrong_type("decimal(10,2)")
    ('strin', None)
    """
    lower = kind.strip().lower()
    inner = kind.strip()[lower.find("<") + 1 : -1]
    if lower.startswith("struct<") and lower.endswith(">"):
        parts = [part for _, part in fields(inner)]
    elif lower.startswith(("array<", "map<")) and lower.endswith(">"):
        parts = list(split(inner))
        if len(parts) != (2 if lower.startswith("map<") else 1):
            return kind.strip()
    else:
        decimal = _DECIMAL.fullmatch(lower)
        fits = int(decimal[2] or 0) <= int(decimal[1] or 10) <= 38 if decimal else lower in TYPES
        return None if fits or _CHARACTERS.fullmatch(lower) else kind.strip()
    return next((wrong for part in parts if (wrong := wrong_type(part)) is not None), None)


def is_nested(ddl: str) -> bool:
    """Whether a type has parts: struct, array, map, variant."""
    return ddl.lower().startswith(("struct", "array", "map", "variant"))


def quoted(name: str) -> str:
    """A name in backticks."""
    return f"`{name.replace('`', '``')}`"


def to_ddl(columns: Sequence[tuple[str, str]]) -> str:
    """Columns (name, type) as DDL."""
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)


def to_json(columns: Sequence[tuple[str, str]]) -> str:
    """Columns (name, type) as the JSON of a StructType."""
    return json.dumps({"type": "struct", "fields": [_json_field(name, kind) for name, kind in columns]})


def _json_field(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": type_json(kind), "nullable": True, "metadata": {}}


_LONG = {"bigint": "long", "int": "integer", "smallint": "short", "tinyint": "byte", "real": "float"}


def type_json(kind: str) -> Any:
    """A type as DDL in the form of a schema's JSON."""
    lower = kind.strip().lower()
    inner = kind.strip()[kind.strip().find("<") + 1 : -1]
    if lower.startswith("array<"):
        return {"type": "array", "elementType": type_json(inner), "containsNull": True}
    if lower.startswith("map<"):
        key, value = split(inner)
        return {"type": "map", "keyType": type_json(key), "valueType": type_json(value), "valueContainsNull": True}
    if lower.startswith("struct<"):
        return {"type": "struct", "fields": [_json_field(name, part) for name, part in fields(inner)]}
    if lower == "decimal":
        return "decimal(10,0)"
    return _LONG.get(lower, lower)
