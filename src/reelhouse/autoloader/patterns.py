"""Spark's date and time patterns, as in `dateFormat` and `timestampFormat`.

https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from reelhouse.autoloader.timestamps import zone
from reelhouse.errors import Unsupported

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LETTERS = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
_DIGITS = {"d": "day", "H": "hour", "h": "hour12", "m": "minute", "s": "second", "M": "month", "L": "month"}


def pattern(text: str) -> Callable[[str], dt.datetime]:
    """A function that reads a moment written in this pattern, with a zone if the pattern has one.

    >>> pattern("MMMM d, yyyy")("August 14, 2020")
    datetime.datetime(2020, 8, 14, 0, 0)

    The function raises `ValueError` for a text that is not in the pattern. Raises `Unsupported` for a pattern letter
    that is not done here.
    """
    expression = re.compile(_expression(text), re.IGNORECASE)  # Spark takes MAY for May

    def parse(value: str) -> dt.datetime:
        match = expression.fullmatch(value)
        if not match:
            raise ValueError(value)
        return _moment({name: part for name, part in match.groupdict().items() if part is not None})

    return parse


def _expression(text: str) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    for match in _LETTERS.finditer(text):
        quoted, letter, other = match.groups()
        if quoted is not None:
            parts.append(re.escape(quoted.replace("''", "'") or "'"))
        elif other == "[":
            parts.append("(?:")
        elif other == "]":
            parts.append(")?")
        elif other is not None:
            parts.append(re.escape(other))
        else:
            parts.append(_field(letter, len(match[0]), text, seen))
    return "".join(parts)


def _field(letter: str, count: int, text: str, seen: set[str]) -> str:
    name, expression = _letter(letter, count, text)
    if name in seen:
        raise Unsupported(f"Pattern '{text}' has '{letter}' twice", remedy="Write each part of a date once.")
    seen.add(name)
    return f"(?P<{name}>{expression})"


def _letter(letter: str, count: int, text: str) -> tuple[str, str]:
    if letter in "yu" and count in (1, 4):
        return "year", r"[+-]?\d{4,}" if count == 4 else r"[+-]?\d+"
    if letter in "yu" and count == 2:
        return "year2", r"\d{2}"
    if letter in "ML" and count in (3, 4):
        return "month_name", "|".join(name[:3] if count == 3 else name for name in _MONTHS)
    if letter in _DIGITS and count in (1, 2):
        return _DIGITS[letter], r"\d{1,2}" if count == 1 else r"\d{2}"
    if letter == "S" and count <= 9:
        return "fraction", rf"\d{{{count}}}"
    if letter == "a" and count == 1:
        return "half", "AM|PM"
    if letter == "X" and count in (1, 2, 3):
        return "zone", {1: r"Z|[+-]\d{2}(?:\d{2})?", 2: r"Z|[+-]\d{4}", 3: r"Z|[+-]\d{2}:\d{2}"}[count]
    if letter in "xZ" and count in (1, 2, 3):
        return "zone", r"[+-]\d{2}:\d{2}" if letter == "x" and count == 3 else r"[+-]\d{4}"
    if letter == "V" and count == 2:
        return "zone", r"[A-Za-z][\w/+:-]*|[+-]\d{2}:\d{2}"
    raise Unsupported(
        f"'{letter * count}' in the pattern '{text}'",
        remedy="Supported: yyyy, yy, y, MMMM, MMM, MM, M, dd, d, HH, H, hh, h, mm, m, ss, s, S…, a, "
        "XXX, XX, X, xxx, Z, VV, optional parts in [ ] and text in quotes.",
    )


def _moment(parts: dict[str, str]) -> dt.datetime:
    year = int(parts.get("year", "1970"))
    if "year2" in parts:
        year = 2000 + int(parts["year2"])
    month = int(parts.get("month", "1"))
    if "month_name" in parts:
        month = next(at for at, name in enumerate(_MONTHS, 1) if name.lower().startswith(parts["month_name"].lower()))
    hour = int(parts.get("hour", "0"))
    if "hour12" in parts:
        if not 1 <= int(parts["hour12"]) <= 12:
            raise ValueError(parts["hour12"])
        hour = int(parts["hour12"]) % 12 + (12 if parts.get("half", "am").lower() == "pm" else 0)
    micros = int((parts.get("fraction", "0") + "000000")[:6])
    moment = dt.datetime(
        year,
        month,
        int(parts.get("day", "1")),
        hour,
        int(parts.get("minute", "0")),
        int(parts.get("second", "0")),
        micros,
    )
    return moment.replace(tzinfo=zone(parts["zone"])) if "zone" in parts else moment
