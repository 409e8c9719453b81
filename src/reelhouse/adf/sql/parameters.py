"""Typed parameters of procedures and scripts, as values for a driver.

https://learn.microsoft.com/azure/data-factory/transform-data-using-stored-procedure
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC
from decimal import Decimal, InvalidOperation
from typing import Any

from reelhouse.adf.expression.moment import MomentError, parse_moment
from reelhouse.adf.expression.values import text
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean


def _moment(value: str) -> Any:
    return parse_moment(value).when.replace(tzinfo=None)


def _moment_with_zone(value: str) -> Any:
    when = parse_moment(value).when
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false", "0", "1"):
        raise ValueError
    return value.lower() in ("true", "1")


_KINDS: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Int16": int,
    "Int32": int,
    "Int": int,
    "Int64": int,
    "Byte": int,
    "Decimal": Decimal,
    "Single": float,
    "Double": float,
    "Boolean": _boolean,
    "Guid": lambda value: str(uuid.UUID(value)),
    "DateTime": _moment,
    "Datetime": _moment,
    "DateTimeOffset": _moment_with_zone,
    "Date": lambda value: _moment(value).date(),
    "TimeSpan": str,
    "Timespan": str,
    "Byte[]": base64.b64decode,
}


def typed(value: Any, kind: Any, place: Place) -> Any:
    """A value of a type of Data Factory. Raises `UserError`."""
    if value is None:
        return None
    if kind in (None, ""):
        return value if isinstance(value, str | int | float | bool) else text(value)
    by_lower = {name.lower(): convert for name, convert in _KINDS.items()}
    convert = by_lower.get(text(kind).lower())
    if convert is None:
        raise UserError(
            f"'{text(kind)}' is no type of a parameter", where=place.at("type"), remedy=did_you_mean(text(kind), _KINDS)
        )
    try:
        return convert(text(value))
    except (ValueError, InvalidOperation, MomentError):
        raise UserError(f"'{text(value)}' is no {text(kind)}", where=place.at("value")) from None


def procedure_parameters(raw: Any, place: Place) -> dict[str, Any]:
    """The values of `storedProcedureParameters`, evaluated: `{name: {value, type}}`. Raises `UserError`."""
    if raw in (None, ""):
        return {}
    if not isinstance(raw, Mapping):
        raise UserError("storedProcedureParameters is an object of names", where=place)
    values = {}
    for name, item in raw.items():
        spot = place.at(str(name))
        if not isinstance(item, Mapping):
            raise UserError(f"The parameter '{name}' has a value and a type", where=spot)
        unknown = [key for key in item if key not in ("value", "type")]
        if unknown:
            raise UserError(f"A parameter has no property '{unknown[0]}'", where=spot.at(str(unknown[0])))
        values[str(name).lstrip("@")] = typed(item.get("value"), item.get("type"), spot)
    return values


def for_driver(value: Any, kind: str) -> Any:
    """A value as the driver of a database takes it: SQLite knows no decimals, dates and booleans."""
    if kind != "sqlite" or value is None or isinstance(value, int | float | bytes):
        return int(value) if isinstance(value, bool) and kind == "sqlite" else value
    if hasattr(value, "isoformat"):
        return value.isoformat(sep=" ") if hasattr(value, "hour") else value.isoformat()
    return str(value)


def script_parameter(raw: Any, place: Place) -> None:
    """Raises `Unsupported` for parameters that give a value back."""
    if text(raw.direction).lower() != "input":
        raise Unsupported(
            f"Parameters of the direction '{text(raw.direction)}' are not supported",
            where=place.at("direction"),
            remedy="SELECT the value in a Query instead.",
        )
