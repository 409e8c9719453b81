"""Values of the expression language: their types, text form, equality and order.

A value is a JSON value of Python. Binary and XML content are objects with `$content-type` and base64 `$content`.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

CONTENT_TYPE = "$content-type"
CONTENT = "$content"
XML_TYPE = "application/xml;charset=utf-8"


def type_name(value: Any) -> str:
    """The type of a value as messages name it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        return "Integer"
    if isinstance(value, float):
        return "Float"
    if isinstance(value, str):
        return "String"
    if isinstance(value, list | tuple):
        return "Array"
    return "Object"


def content(data: bytes, content_type: str) -> dict[str, Any]:
    """A content object."""
    return {CONTENT_TYPE: content_type, CONTENT: base64.b64encode(data).decode("ascii")}


def is_content(value: Any) -> bool:
    return isinstance(value, Mapping) and CONTENT in value and CONTENT_TYPE in value


def content_bytes(value: Mapping[str, Any]) -> bytes:
    return base64.b64decode(str(value[CONTENT]))


def text(value: Any) -> str:
    """The text form, used by interpolation, concat, join and string."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    if is_content(value):
        return content_bytes(value).decode("utf-8", "replace")
    return json_text(value)


def json_text(value: Any) -> str:
    """Compact JSON with the order of keys kept."""
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)
    if _LONG_NUMBER.search(written) is None:
        return written
    numbers: list[float] = []
    marked = json.dumps(_marked(value, numbers), separators=(",", ":"), ensure_ascii=False, default=_plain)
    return _MARK.sub(lambda match: _json_float(numbers[int(match[1])]), marked)


_LONG_NUMBER = re.compile(r"\d[eE][+-]?\d|\d{16}")
_MARK = re.compile('"\udc00(\\d+)\udc00"')


def _marked(value: Any, numbers: list[float]) -> Any:
    """The value with a mark for each float: Python and .NET write them differently from 1e15 and below 1e-4 on."""
    if isinstance(value, float):
        numbers.append(value)
        return f"\udc00{len(numbers) - 1}\udc00"
    if isinstance(value, Mapping):
        return {key: _marked(item, numbers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item, numbers) for item in value]
    return value


def _json_float(value: float) -> str:
    """A float in JSON, where it has a point or an exponent always."""
    written = float_text(value)
    return written if any(char in written for char in ".EN") or "Inf" in written else f"{written}.0"


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value)


def float_text(value: float) -> str:
    """Shortest text that reads back the same, as .NET writes it in the invariant culture.

    >>> [float_text(f) for f in (1.0, 1.10, 1e20, 1e-5)]
    ['1', '1.1', '1E+20', '1E-05']
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits)).rstrip("0") or "0"
    if figures == "0":
        return "-0" if sign else "0"
    point = len(digits) + exponent
    prefix = "-" if sign else ""
    if -4 < point <= 15:
        if point <= 0:
            return f"{prefix}0.{'0' * -point}{figures}"
        whole = figures[:point].ljust(point, "0")
        rest = figures[point:]
        return f"{prefix}{whole}.{rest}" if rest else f"{prefix}{whole}"
    power = point - 1
    mantissa = f"{figures[0]}.{figures[1:]}" if len(figures) > 1 else figures
    return f"{prefix}{mantissa}E{'+' if power >= 0 else '-'}{abs(power):02d}"


def equal(a: Any, b: Any, *, same_kind_of_number: bool = False) -> bool:
    """Deep equality: a boolean equals no number, null equals null alone, the order of keys has no meaning.

    With `same_kind_of_number` the integer 1 and the float 1.0 differ.
    """
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b and not (same_kind_of_number and type(a) is not type(b))
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return type(a) is type(b) and bool(a == b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(
            equal(v, b[k], same_kind_of_number=same_kind_of_number) for k, v in a.items()
        )
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(
            equal(x, y, same_kind_of_number=same_kind_of_number) for x, y in zip(a, b, strict=True)
        )
    return False


def identity(value: Any) -> Any:
    """What two values have in common that are equal, their kinds of numbers included: a key for sets."""
    if isinstance(value, Mapping):
        return dict, frozenset((key, identity(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return list, tuple(identity(item) for item in value)
    return type(value), value


def order_key(value: str) -> tuple[Any, ...]:
    """A key that sorts texts by culture order: punctuation, digits, letters; accents, then case are late tie-breaks."""
    primary: list[tuple[int, str]] = []
    accents: list[str] = []
    case: list[bool] = []
    for char in unicodedata.normalize("NFD", value):
        if unicodedata.combining(char):
            accents.append(char)
            continue
        kind = 2 if char.isalpha() else 1 if char.isdigit() else 0
        primary.append((kind, char.casefold()))
        case.append(char.isupper())
    return primary, accents, case


def find_key(mapping: Mapping[str, Any], name: str) -> str | None:
    """The key of a mapping that a name means: the same, else one that differs in letter case only."""
    if name in mapping:
        return name
    lower = name.lower()
    for key in mapping:
        if isinstance(key, str) and key.lower() == lower:
            return key
    return None
