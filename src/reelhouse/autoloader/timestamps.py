"""Dates and times in the spellings that Spark takes when no format is given.

https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

from reelhouse.errors import UserError

MICROS = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""The moment that timestamps count from."""

_DATE = re.compile(r"\s*([+-]?\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?\s*", re.DOTALL)
_TIMESTAMP = re.compile(
    r"\s*([+-]?\d{4,6})(?:-(\d{1,2})(?:-(\d{1,2})"
    r"(?:[ T](\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,9}))?)?)?\s*([^\s:.].*)?)?)?)?\s*",
    re.DOTALL,
)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{1,2}))?(?::?(\d{1,2}))?")


def zone(name: str) -> dt.tzinfo:
    """The time zone of this name or offset. Raises `UserError` when there is none."""
    found = _zone(name)
    if found is None:
        raise UserError(f"'{name}' is not a time zone", remedy="Use a name such as Europe/Berlin, or +02:00.")
    return found


def _zone(name: str) -> dt.tzinfo | None:
    if name in ("Z", "UTC", "GMT", "UT"):
        return dt.UTC
    match = _OFFSET.fullmatch(name)
    if match:
        hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
        if hours > 18 or minutes > 59:
            return None
        offset = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return dt.timezone(-offset if match[1] == "-" else offset)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def date_of(text: str) -> dt.date:
    """A date as `yyyy-M-d`, with what follows it ignored after a blank or `T`. Raises `ValueError`."""
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError(text)
    return dt.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))


def micros_of(text: str, here: dt.tzinfo, *, local: bool = False) -> int:
    """A timestamp in ISO 8601, as microseconds since 1970; one without zone is in `here`. Raises `ValueError`.

    With `local` (timestamp_ntz) there is no zone, and a text with one does not fit.
    """
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, zone_name = match.groups()
    where: dt.tzinfo | None = dt.UTC if local else here
    if zone_name and local:
        raise ValueError(text)
    if zone_name:
        where = _zone(zone_name.strip())
        if where is None:
            raise ValueError(text)
    micros = int(((fraction or "") + "000000")[:6])
    moment = dt.datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), micros, where
    )
    return (moment - MICROS) // dt.timedelta(microseconds=1)
