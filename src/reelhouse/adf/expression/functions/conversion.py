"""Conversion functions.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#conversion-functions
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from reelhouse.adf.expression.functions.function import BadArgument, Function, expect_text
from reelhouse.adf.expression.functions.xml import is_xml, xml_to_json
from reelhouse.adf.expression.lenient_json import JsonError, read_json
from reelhouse.adf.expression.syntax import INT64_MAX, INT64_MIN
from reelhouse.adf.expression.values import content, content_bytes, is_content, text, type_name

OCTETS = "application/octet-stream"
_NUMBER = re.compile(r"\s*([+-]?)(\d[\d,]*)?(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?\s*", re.ASCII)
_DATA_URI = re.compile(r"data:(?P<type>[^,]*?)(?P<base64>;base64)?,(?P<data>.*)", re.DOTALL)


def array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def create_array(*values: Any) -> list[Any]:
    return list(values)


def coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _utf8(value: str) -> bytes:
    return value.encode("utf-8", "replace")


def base64_(value: Any) -> str:
    return base64.b64encode(_utf8(expect_text(value, 0))).decode("ascii")


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(expect_text(value, 0), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadArgument(0, f"the text is not base64: {error}") from None


def base64_to_string(value: Any) -> str:
    return _decoded(value).decode("utf-8", "replace")


def base64_to_binary(value: Any) -> dict[str, Any]:
    return content(_decoded(value), OCTETS)


def binary(value: Any) -> Any:
    return value if is_content(value) else content(_utf8(text(value)), OCTETS)


def data_uri(value: Any) -> str:
    return f"data:text/plain;charset=utf-8;base64,{base64_(value)}"


def _data_of(value: Any) -> tuple[str, bytes]:
    match = _DATA_URI.fullmatch(expect_text(value, 0))
    if not match:
        raise BadArgument(0, "the text is not a data URI", "It starts with 'data:' and has a ',' before the data.")
    data = _decoded(match["data"]) if match["base64"] else unquote_to_bytes(match["data"])
    return match["type"] or "text/plain;charset=US-ASCII", data


def data_uri_to_binary(value: Any) -> dict[str, Any]:
    kind, data = _data_of(value)
    return content(data, kind)


def data_uri_to_string(value: Any) -> str:
    return _data_of(value)[1].decode("utf-8", "replace")


def uri_component(value: Any) -> str:
    return quote(_utf8(expect_text(value, 0)), safe="-_.~")


def uri_component_to_string(value: Any) -> str:
    return unquote_plus(expect_text(value, 0), errors="replace")


def uri_component_to_binary(value: Any) -> dict[str, Any]:
    return content(_utf8(uri_component_to_string(value)), OCTETS)


def bool_(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    shown = f"'{value}'" if isinstance(value, str) else type_name(value)
    raise BadArgument(0, f"{shown} is not a boolean", "Only numbers and the texts 'true' and 'false' are converted.")


def int_(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise BadArgument(0, f"{text(value)} has a fraction")
        return _fits(int(value))
    if isinstance(value, int):
        return value
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None or not match[2]:
        raise BadArgument(0, f"{_shown(value)} is not an integer")
    digits, fraction, power = match[2].replace(",", ""), match[3] or "", int(match[4] or 0)
    figures = digits + fraction
    shift = power - len(fraction)
    if shift >= 0:
        number = int(figures[:400]) * 10 ** min(shift, 400)
    else:
        cut = figures[shift:] if -shift <= len(figures) else figures
        if cut.strip("0"):
            raise BadArgument(0, f"'{value}' is not an integer, it has a fraction")
        number = int(figures[:shift] or "0")
    return _fits(-number if match[1] == "-" else number)


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else f"a value of type {type_name(value)}"


def _fits(number: int) -> int:
    if not INT64_MIN <= number <= INT64_MAX:
        raise BadArgument(0, "the number does not fit 64 bits")
    return number


def float_(value: Any) -> float:
    if isinstance(value, bool | int | float):
        return float(value)
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None or not (match[2] or match[3]):
        raise BadArgument(0, f"{_shown(value)} is not a number")
    return float(str(value).strip().replace(",", ""))


def json_(value: Any) -> Any:
    if is_xml(value):
        return xml_to_json(value)
    if is_content(value):
        value = content_bytes(value).decode("utf-8", "replace")
    try:
        return read_json(expect_text(value, 0))
    except JsonError as error:
        raise BadArgument(0, str(error)) from None


def string(value: Any) -> str:
    return text(value)


CONVERSION_FUNCTIONS = (
    Function("array", array, 1, 1),
    Function("base64", base64_, 1, 1),
    Function("base64ToBinary", base64_to_binary, 1, 1),
    Function("base64ToString", base64_to_string, 1, 1),
    Function("binary", binary, 1, 1),
    Function("bool", bool_, 1, 1),
    Function("coalesce", coalesce, 1, None),
    Function("createArray", create_array, 0, None),
    Function("dataUri", data_uri, 1, 1),
    Function("dataUriToBinary", data_uri_to_binary, 1, 1),
    Function("dataUriToString", data_uri_to_string, 1, 1),
    Function("decodeBase64", base64_to_string, 1, 1),
    Function("decodeDataUri", data_uri_to_string, 1, 1),
    Function("decodeUriComponent", uri_component_to_string, 1, 1),
    Function("encodeUriComponent", uri_component, 1, 1),
    Function("float", float_, 1, 1),
    Function("int", int_, 1, 1),
    Function("json", json_, 1, 1),
    Function("string", string, 1, 1),
    Function("uriComponent", uri_component, 1, 1),
    Function("uriComponentToBinary", uri_component_to_binary, 1, 1),
    Function("uriComponentToString", uri_component_to_string, 1, 1),
)
