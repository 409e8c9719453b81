"""When a schedule fires, as a pure function.

https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from reelhouse.adf.expression.functions.function import FunctionError
from reelhouse.adf.expression.time_zones import time_zone, to_utc
from reelhouse.adf.trigger.definition import WEEK_DAYS, Recurrence, Trigger
from reelhouse.errors import UserError

_STEPS = {
    "Minute": timedelta(minutes=1),
    "Hour": timedelta(hours=1),
    "Day": timedelta(days=1),
    "Week": timedelta(weeks=1),
}
_HORIZON_PERIODS = 5000
"""Periods without any match after which a schedule counts as one that never fires (February 30)."""


def next_occurrences(trigger: Trigger, after: datetime, count: int) -> list[datetime]:
    """The next `count` times (UTC) at which a schedule trigger fires after a moment (with zone). Fewer when it ends.

    Raises `UserError` for a trigger without a valid recurrence.
    """
    if trigger.recurrence is None:
        raise UserError(f"The trigger '{trigger.name}' ({trigger.type}) has no schedule", where=trigger.place)
    recurrence = trigger.recurrence
    zone = time_zone(recurrence.time_zone)
    local_after = after.astimezone(zone).replace(tzinfo=None)
    times = (
        moment.replace(tzinfo=UTC)
        for moment in (_utc(local, recurrence) for local in _local_times(recurrence, local_after - timedelta(days=1)))
        if moment is not None and moment.replace(tzinfo=UTC) > after
    )
    return list(islice(times, count))


def _utc(local: datetime, recurrence: Recurrence) -> datetime | None:
    """A wall clock time in UTC; None where the clock skips it. Of one that occurs twice the first counts."""
    zone = time_zone(recurrence.time_zone)
    try:
        return to_utc(local, zone)
    except FunctionError:
        offset = local.replace(tzinfo=zone, fold=0).utcoffset()
        assert offset is not None
        moment = local - offset
        exists = moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) == local
        return moment if exists else None


def _local_times(recurrence: Recurrence, after: datetime) -> Iterator[datetime]:
    """Wall clock times of a recurrence in order, from a little before `after` on."""
    empty = 0
    for period in _periods(recurrence, after):
        found = [time for time in _within(recurrence, period) if time >= recurrence.start]
        if recurrence.end is not None and period > recurrence.end:
            return
        empty = 0 if found else empty + 1
        if empty > _HORIZON_PERIODS:
            return
        for time in found:
            if recurrence.end is not None and time > recurrence.end:
                return
            if time >= after:
                yield time


def _periods(recurrence: Recurrence, after: datetime) -> Iterator[datetime]:
    """Starts of the periods, counted from the start of the recurrence, from the last one before `after` on."""
    start = recurrence.start
    if recurrence.frequency == "Month":
        months = max((after.year - start.year) * 12 + after.month - start.month, 0)
        index = months // recurrence.interval
        while True:
            total = start.month - 1 + index * recurrence.interval
            year, month = start.year + total // 12, total % 12 + 1
            if year > 9998:
                return
            yield start.replace(year=year, month=month, day=1)
            index += 1
    step = _STEPS[recurrence.frequency] * recurrence.interval
    if recurrence.frequency == "Week" and _has_schedule(recurrence):
        start -= timedelta(days=start.isoweekday() % 7)
    index = max((after - start) // step - 1, 0)
    while start.year + (step * index).days // 365 < 9990:
        yield start + step * index
        index += 1


def _has_schedule(recurrence: Recurrence) -> bool:
    return bool(
        recurrence.minutes or recurrence.hours or recurrence.week_days or recurrence.month_days
        or recurrence.monthly_occurrences
    )  # fmt: skip


def _within(recurrence: Recurrence, period: datetime) -> list[datetime]:
    """The times of one period, sorted."""
    start = recurrence.start
    if recurrence.frequency == "Minute":
        limited = (recurrence.minutes and period.minute not in recurrence.minutes) or (
            recurrence.hours and period.hour not in recurrence.hours
        )
        return [] if limited else [period]
    if recurrence.frequency == "Hour":
        if recurrence.hours and period.hour not in recurrence.hours:
            return []
        return [period.replace(minute=minute) for minute in recurrence.minutes or (start.minute,)]
    days = _days(recurrence, period)
    return sorted(
        datetime(day.year, day.month, day.day, hour, minute, start.second)
        for day in days
        for hour in recurrence.hours or (start.hour,)
        for minute in recurrence.minutes or (start.minute,)
    )


def _days(recurrence: Recurrence, period: datetime) -> list[date]:
    if recurrence.frequency == "Day":
        return [period.date()]
    if recurrence.frequency == "Week":
        if not _has_schedule(recurrence):
            return [period.date()]
        days = recurrence.week_days or (WEEK_DAYS[recurrence.start.isoweekday() % 7],)
        sunday = period.date() - timedelta(days=period.isoweekday() % 7)
        return [sunday + timedelta(days=WEEK_DAYS.index(day)) for day in days]
    last = calendar.monthrange(period.year, period.month)[1]
    numbers = {day if day > 0 else last + 1 + day for day in recurrence.month_days}
    for name, occurrence in recurrence.monthly_occurrences:
        numbers |= _occurrence(period, last, name, occurrence)
    if not recurrence.month_days and not recurrence.monthly_occurrences:
        numbers = {recurrence.start.day}
    return [date(period.year, period.month, day) for day in sorted(numbers) if 1 <= day <= last]


def _occurrence(period: datetime, last: int, name: str, occurrence: int) -> set[int]:
    """The day of the month that is the n-th (from the end when negative) of a week day; nothing when there is none."""
    wanted = WEEK_DAYS.index(name)
    days = [day for day in range(1, last + 1) if date(period.year, period.month, day).isoweekday() % 7 == wanted]
    index = occurrence - 1 if occurrence > 0 else occurrence
    try:
        return {days[index]}
    except IndexError:
        return set()
