"""Types of JSON values as Spark infers them. https://spark.apache.org/docs/latest/sql-data-sources-json.html"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reelhouse.autoloader.ddl import quoted
from reelhouse.autoloader.dialect import boolean
from reelhouse.autoloader.json import Record
from reelhouse.autoloader.timestamps import micros_of, zone
from reelhouse.autoloader.values import converter

Kind = Any
"""A type while it is being found out: None (only nulls), a name, `{"array": Kind}` or `{"struct": {name: Kind}}`."""


class Inference:
    """Types of the fields of records, merged over all that were seen, in the order of first sight."""

    def __init__(self, options: Mapping[str, str], time_zone: str) -> None:
        self._given = {name.lower(): value for name, value in options.items()}
        self._as_string = boolean(self._given, "primitivesasstring", False)
        self._decimal = boolean(self._given, "prefersdecimal", False)
        self._timestamps = boolean(self._given, "infertimestamp", False)
        self._zone = zone(self._given.get("timezone", time_zone))
        self._timestamp = converter("timestamp", self._given, time_zone)
        self.kinds: dict[str, Kind] = {}

    def add(self, record: Record) -> None:
        """Take a record into account."""
        for name, token in record.items():
            kind = None if token is None else self._kind(json.loads(token.raw, parse_float=_Float))
            self.kinds[name] = merge(self.kinds[name], kind) if name in self.kinds else kind

    def columns(self, *, sort: bool) -> list[tuple[str, str]]:
        """The columns found, as (name, type in DDL)."""
        names: Iterable[str] = sorted(self.kinds) if sort else self.kinds
        return [(name, ddl_of(self.kinds[name], sort=sort)) for name in names]

    def _kind(self, value: Any) -> Kind:
        if value is None:
            return None
        if isinstance(value, dict):
            return {"struct": {name: self._kind(part) for name, part in value.items()}}
        if isinstance(value, list):
            element: Kind = None
            for part in value:
                element = merge(element, self._kind(part))
            return {"array": element}
        if isinstance(value, str):
            return "timestamp" if self._timestamps and self._is_timestamp(value) else "string"
        if self._as_string:
            return "string"
        return self._number(value)

    def _number(self, value: Any) -> str:
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, int):
            return "bigint" if -(1 << 63) <= value < 1 << 63 else f"decimal({min(len(str(abs(value))), 38)},0)"
        if self._decimal and value.text.count(".") == 1 and value.text.lower().find("e") < 0:
            whole, _, part = value.text.lstrip("-").partition(".")
            precision = len(whole.lstrip("0")) + len(part)
            if precision <= 38:
                return f"decimal({max(precision, len(part), 1)},{len(part)})"
        return "double"

    def _is_timestamp(self, value: str) -> bool:
        if "timestampformat" in self._given:
            import pyarrow as pa

            return not self._timestamp(pa.array([value]))[1]
        try:
            micros_of(value, self._zone)
        except ValueError:
            return False
        return len(value) >= 10


class _Float(float):
    """A number with the text it had."""

    text: str

    def __new__(cls, text: str) -> _Float:
        number = super().__new__(cls, text)
        number.text = text
        return number


def merge(left: Kind, right: Kind) -> Kind:
    """The type for values of both types; what has no common type is a string."""
    if left is None or left == right:
        return right
    if right is None:
        return left
    if isinstance(left, dict) and isinstance(right, dict):
        if "array" in left and "array" in right:
            return {"array": merge(left["array"], right["array"])}
        if "struct" in left and "struct" in right:
            parts = dict(left["struct"])
            for name, kind in right["struct"].items():
                parts[name] = merge(parts[name], kind) if name in parts else kind
            return {"struct": parts}
        return "string"
    if isinstance(left, dict) or isinstance(right, dict):
        return "string"
    return _merge_names(left, right)


def _merge_names(left: str, right: str) -> str:
    kinds = {left.partition("(")[0], right.partition("(")[0]}
    if kinds == {"bigint", "double"} or kinds == {"decimal", "double"}:
        return "double"
    if kinds <= {"decimal", "bigint"}:
        sizes = [_size(kind) for kind in (left, right)]
        scale = max(scale for _, scale in sizes)
        whole = max(precision - scale for precision, scale in sizes)
        return f"decimal({whole + scale},{scale})" if whole + scale <= 38 else "double"
    return "string"


def _size(kind: str) -> tuple[int, int]:
    if kind == "bigint":
        return 20, 0
    precision, scale = kind[len("decimal(") : -1].split(",")
    return int(precision), int(scale)


def ddl_of(kind: Kind, *, sort: bool) -> str:
    """A type found out, as DDL; fields of structs by name when `sort`, as Spark has them."""
    if kind is None:
        return "string"
    if isinstance(kind, str):
        return kind
    if "array" in kind:
        return f"array<{ddl_of(kind['array'], sort=sort)}>"
    names: Iterable[str] = sorted(kind["struct"]) if sort else kind["struct"]
    inner = ",".join(f"{quoted(name)}:{ddl_of(kind['struct'][name], sort=sort)}" for name in names)
    return f"struct<{inner}>"
