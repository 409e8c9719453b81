"""Functions of dates and timestamps. The time zone of a run is UTC.

https://learn.microsoft.com/azure/data-factory/data-flow-date-time-functions
"""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reelhouse.adf.dataflow.functions.signature import table
from reelhouse.adf.dataflow.operators import shifted
from reelhouse.adf.dataflow.types import name_of

DAY = 86_400_000
_SHORT_ZONES = {
    "PST": "America/Los_Angeles", "MST": "America/Denver", "CST": "America/Chicago", "EST": "America/New_York",
    "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "CET": "Europe/Paris", "GMT": "UTC",
}  # fmt: skip
"""Java's abbreviations that zone databases lack or read otherwise."""


def _zone(a: Any, index: int) -> str:
    name = str(a.constant(index))
    name = _SHORT_ZONES.get(name, name)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise a.wrong(f"'{name}' is no time zone") from None
    return name


def _local(a: Any) -> Any:
    """The first argument, in the zone that the second names."""
    return a[0] if len(a) == 1 else a.F.from_utc_timestamp(a[0], _zone(a, 1))


def _now(a: Any) -> Any:
    return a.scope.flow.now.astimezone(UTC)


def _current_date(a: Any) -> Any:
    zone = ZoneInfo(_zone(a, 0)) if len(a) else UTC
    return a.F.lit(a.scope.flow.now.astimezone(zone).date())


def _current_timestamp(a: Any) -> Any:
    now = _now(a)
    text = now.strftime("%Y-%m-%d %H:%M:%S.") + f"{now.microsecond // 1000:03}"
    value = a.F.lit(text).cast("timestamp")
    return a.F.from_utc_timestamp(value, _zone(a, 0)) if len(a) else value


def _add_days(sign: int) -> Any:
    def build(a: Any) -> Any:
        if name_of(a.type(0)) == "timestamp":
            return shifted(a[0], a[1].cast("bigint") * (sign * DAY))
        return a.F.date_add(a[0], a[1] * sign)

    return build


def _add_months(sign: int) -> Any:
    """The last day of a month stays the last day, as documented."""

    def build(a: Any) -> Any:
        if len(a) > 2:
            raise a.wrong(f"The time zone of '{a.call.name}' is not supported")
        value = a[0]
        moved = a.F.add_months(value, a[1] * sign)
        is_last = value.cast("date") == a.F.last_day(value)
        day = a.F.when(is_last, a.F.last_day(moved)).otherwise(moved.cast("date"))
        if name_of(a.type(0)) != "timestamp":
            return day
        of_day = a.F.unix_millis(value) - a.F.unix_millis(value.cast("date").cast("timestamp"))
        return shifted(day.cast("timestamp"), of_day)

    return build


def _months_between(a: Any) -> Any:
    if len(a) > 3:
        raise a.wrong("The time zone of 'monthsBetween' is not supported")
    round_off = bool(a.constant(2)) if len(a) > 2 else True
    return a.F.months_between(a[0], a[1], round_off)


def _span(milliseconds: int) -> Any:
    return lambda a: a[0].cast("bigint") * a.F.lit(milliseconds).cast("bigint")


def _millisecond(a: Any) -> Any:
    return (a.F.unix_millis(_local(a)) % 1000).cast("int")


FUNCTIONS = table(
    addDays=(2, 2, _add_days(1)),
    addMonths=(2, 3, _add_months(1)),
    currentDate=(0, 1, _current_date),
    currentTimestamp=(0, 0, _current_timestamp),
    currentUTC=(0, 1, _current_timestamp),
    dayOfMonth=(1, 1, lambda a: a.F.dayofmonth(a[0])),
    dayOfWeek=(1, 1, lambda a: a.F.dayofweek(a[0])),
    dayOfYear=(1, 1, lambda a: a.F.dayofyear(a[0])),
    days=(1, 1, _span(DAY)),
    fromUTC=(1, 2, _local),
    hour=(1, 2, lambda a: a.F.hour(_local(a))),
    hours=(1, 1, _span(3_600_000)),
    lastDayOfMonth=(1, 1, lambda a: a.F.last_day(a[0])),
    millisecond=(1, 2, _millisecond),
    milliseconds=(1, 1, _span(1)),
    minute=(1, 2, lambda a: a.F.minute(_local(a))),
    minutes=(1, 1, _span(60_000)),
    month=(1, 1, lambda a: a.F.month(a[0])),
    monthsBetween=(2, 4, _months_between),
    second=(1, 2, lambda a: a.F.second(_local(a))),
    seconds=(1, 1, _span(1000)),
    subDays=(2, 2, _add_days(-1)),
    subMonths=(2, 2, _add_months(-1)),
    toUTC=(1, 2, lambda a: a[0] if len(a) == 1 else a.F.to_utc_timestamp(a[0], _zone(a, 1))),
    weekOfYear=(1, 1, lambda a: a.F.weekofyear(a[0])),
    weeks=(1, 1, _span(7 * DAY)),
    year=(1, 1, lambda a: a.F.year(a[0])),
)
