"""Date functions.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#date-functions
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from reelhouse.adf.expression.functions.function import (
    BadArgument,
    Function,
    FunctionError,
    expect_integer,
    expect_text,
)
from reelhouse.adf.expression.moment import (
    TICKS_PER_DAY,
    TICKS_PER_SECOND,
    Moment,
    MomentError,
    format_moment,
    from_datetime,
    parse_moment,
    utc,
)
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.time_zones import is_utc, offset_at, time_zone, to_local, to_utc

_UNIT_TICKS = {
    "second": TICKS_PER_SECOND,
    "minute": 60 * TICKS_PER_SECOND,
    "hour": 3600 * TICKS_PER_SECOND,
    "day": TICKS_PER_DAY,
    "week": 7 * TICKS_PER_DAY,
}
_UNIT_MONTHS = {"month": 1, "year": 12}


def _moment(value: Any, index: int = 0) -> Moment:
    try:
        return parse_moment(expect_text(value, index))
    except MomentError as error:
        raise BadArgument(index, str(error), "Write it as 2018-03-15T00:00:00Z or 3/15/2018.") from None


def _written(moment: Moment, form: Any, index: int) -> str:
    try:
        return format_moment(moment, expect_text(form, index))
    except MomentError as error:
        raise BadArgument(index, str(error)) from None


def _moved(moment: Moment, count: int, unit: str, index: int) -> Moment:
    name = unit.lower()
    try:
        if name in _UNIT_TICKS:
            return moment.plus(count * _UNIT_TICKS[name])
        if name in _UNIT_MONTHS:
            return moment.plus_months(count * _UNIT_MONTHS[name])
    except MomentError as error:
        raise FunctionError(str(error)) from None
    raise BadArgument(index, f"'{unit}' is no unit of time", "Use Second, Minute, Hour, Day, Week, Month or Year.")


def _add(unit: str) -> Callable[..., str]:
    def add(timestamp: Any, count: Any, form: Any = "o") -> str:
        return _written(_moved(_moment(timestamp), expect_integer(count, 1), unit, 1), form, 2)

    return add


def add_to_time(timestamp: Any, count: Any, unit: Any, form: Any = "o") -> str:
    return _written(_moved(_moment(timestamp), expect_integer(count, 1), expect_text(unit, 2), 2), form, 3)


def subtract_from_time(timestamp: Any, count: Any, unit: Any, form: Any = "o") -> str:
    return _written(_moved(_moment(timestamp), -expect_integer(count, 1), expect_text(unit, 2), 2), form, 3)


def utc_now(scope: Scope, form: Any = "o") -> str:
    return _written(utc(scope.clock.now()), form, 0)


def get_future_time(scope: Scope, count: Any, unit: Any, form: Any = "o") -> str:
    now = utc(scope.clock.now())
    return _written(_moved(now, expect_integer(count, 0), expect_text(unit, 1), 1), form, 2)


def get_past_time(scope: Scope, count: Any, unit: Any, form: Any = "o") -> str:
    now = utc(scope.clock.now())
    return _written(_moved(now, -expect_integer(count, 0), expect_text(unit, 1), 1), form, 2)


def _zone(name: Any, index: int) -> tzinfo:
    try:
        return time_zone(expect_text(name, index))
    except FunctionError as error:
        raise BadArgument(index, str(error), error.remedy) from None


def _from_utc(moment: Moment, zone: Any, index: int) -> Moment:
    target = _zone(zone, index)
    if is_utc(zone):
        return Moment(moment.ticks, "Z")
    return from_datetime(to_local(moment.when, target), "").plus(moment.ticks % 10)


def _to_utc(moment: Moment, zone: Any, index: int) -> Moment:
    source = _zone(zone, index)
    if moment.kind:
        offset = offset_at(moment.when, source)
        if offset.total_seconds() != moment.offset * 60:
            raise BadArgument(
                0, f"the timestamp has an offset that is not the one of '{zone}'", "Write it without one."
            )
        return Moment(moment.ticks, "Z")
    try:
        return from_datetime(to_utc(moment.when, source), "Z").plus(moment.ticks % 10)
    except FunctionError as error:
        raise BadArgument(0, str(error)) from None


def convert_from_utc(timestamp: Any, zone: Any, form: Any = "o") -> str:
    moment = _moment(timestamp)
    if moment.kind != "Z":
        raise BadArgument(0, f"'{timestamp}' is not UTC", "A UTC timestamp ends in 'Z'.")
    return _written(_from_utc(moment, zone, 1), form, 2)


def convert_to_utc(timestamp: Any, zone: Any, form: Any = "o") -> str:
    return _written(_to_utc(_moment(timestamp), zone, 1), form, 2)


def convert_time_zone(timestamp: Any, source: Any, target: Any, form: Any = "o") -> str:
    return _written(_from_utc(_to_utc(_moment(timestamp), source, 1), target, 2), form, 3)


def format_date_time(timestamp: Any, form: Any = "o") -> str:
    return _written(_moment(timestamp), form, 1)


def day_of_month(timestamp: Any) -> int:
    return _moment(timestamp).when.day


def day_of_week(timestamp: Any) -> int:
    return _moment(timestamp).when.isoweekday() % 7


def day_of_year(timestamp: Any) -> int:
    return _moment(timestamp).when.timetuple().tm_yday


def start_of_day(timestamp: Any, form: Any = "o") -> str:
    return _written(_moment(timestamp).start_of(TICKS_PER_DAY), form, 1)


def start_of_hour(timestamp: Any, form: Any = "o") -> str:
    return _written(_moment(timestamp).start_of(3600 * TICKS_PER_SECOND), form, 1)


def start_of_month(timestamp: Any, form: Any = "o") -> str:
    moment = _moment(timestamp).start_of(TICKS_PER_DAY)
    return _written(moment.plus(-(moment.when.day - 1) * TICKS_PER_DAY), form, 1)


def ticks(timestamp: Any) -> int:
    return _moment(timestamp).ticks


DATE_FUNCTIONS = (
    Function("addDays", _add("day"), 2, 3),
    Function("addHours", _add("hour"), 2, 3),
    Function("addMinutes", _add("minute"), 2, 3),
    Function("addSeconds", _add("second"), 2, 3),
    Function("addToTime", add_to_time, 3, 4),
    Function("convertFromUtc", convert_from_utc, 2, 3),
    Function("convertTimeZone", convert_time_zone, 3, 4),
    Function("convertToUtc", convert_to_utc, 2, 3),
    Function("dayOfMonth", day_of_month, 1, 1),
    Function("dayOfWeek", day_of_week, 1, 1),
    Function("dayOfYear", day_of_year, 1, 1),
    Function("formatDateTime", format_date_time, 1, 2),
    Function("getFutureTime", get_future_time, 2, 3, scoped=True),
    Function("getPastTime", get_past_time, 2, 3, scoped=True),
    Function("startOfDay", start_of_day, 1, 2),
    Function("startOfHour", start_of_hour, 1, 2),
    Function("startOfMonth", start_of_month, 1, 2),
    Function("subtractFromTime", subtract_from_time, 3, 4),
    Function("ticks", ticks, 1, 1),
    Function("utcNow", utc_now, 0, 1, scoped=True),
)
