"""Timestamps as .NET reads and writes them in culture en-US, whatever this machine's locale and time zone are.

https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
_EPOCH = datetime(1, 1, 1)
_END = (datetime(9999, 12, 31) - _EPOCH).days * TICKS_PER_DAY + TICKS_PER_DAY
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class MomentError(ValueError):
    """The text is no timestamp, or the format no format."""


@dataclass(frozen=True)
class Moment:
    """`ticks` are 100 ns units since 0001-01-01. `kind` is what `K` writes: `Z`, nothing, or `+00:00` for a time that
    was written with an offset; its ticks are UTC, and `offset` keeps the minutes that were written."""

    ticks: int
    kind: str = ""
    offset: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.ticks < _END:
            raise MomentError("the time is outside of the years 1 to 9999")

    @property
    def when(self) -> datetime:
        """The same without its last digit (100 ns)."""
        return _EPOCH + timedelta(microseconds=self.ticks // 10)

    def plus(self, ticks: int) -> Moment:
        return Moment(self.ticks + ticks, self.kind, self.offset)

    def plus_months(self, months: int) -> Moment:
        """The same day some months later, or the last day of a month that is too short."""
        when = self.when
        index = when.year * 12 + when.month - 1 + months
        year, month = index // 12, index % 12 + 1
        if not 1 <= year <= 9999:
            raise MomentError("the time is outside of the years 1 to 9999")
        day = min(when.day, days_in_month(year, month))
        return from_datetime(when.replace(year=year, month=month, day=day), self.kind).plus(self.ticks % 10)

    def start_of(self, unit_ticks: int) -> Moment:
        return Moment(self.ticks - self.ticks % unit_ticks, self.kind, self.offset)


def days_in_month(year: int, month: int) -> int:
    following = datetime(year + (month == 12), month % 12 + 1, 1) if (year, month) != (9999, 12) else None
    return (following - timedelta(days=1)).day if following else 31


def from_datetime(when: datetime, kind: str) -> Moment:
    """A moment from a datetime whose own zone is disregarded."""
    delta = when.replace(tzinfo=None) - _EPOCH
    return Moment((delta.days * 86_400 + delta.seconds) * TICKS_PER_SECOND + delta.microseconds * 10, kind)


def utc(when: datetime) -> Moment:
    return from_datetime(when.astimezone(UTC), "Z")


_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d+))?)?\s*(?P<half>[AaPp][Mm])?"
)
_ZONE = r"\s*(?P<zone>[Zz]|GMT|UTC|[+-]\d{1,2}(?::?\d{2})?)?"
_DAY_NAME = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?"
_MONTH_NAME = r"(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATES = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4}|\d{2})",
    rf"{_DAY_NAME}(?P<day>\d{{1,2}})[\s-]+{_MONTH_NAME}[\s,-]+(?P<year>\d{{4}})",
    rf"{_DAY_NAME}{_MONTH_NAME}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})",
    rf"(?P<year>\d{{4}})[\s-]+{_MONTH_NAME}[\s-]+(?P<day>\d{{1,2}})",
    r"(?P<year>\d{4})-(?P<month>\d{1,2})",
    rf"{_MONTH_NAME}\s+(?P<year>\d{{4}})",
)
_FORMS = [re.compile(rf"\s*{date}(?:(?:[Tt]|\s+|,\s*){_TIME})?{_ZONE}\s*", re.IGNORECASE | re.ASCII) for date in _DATES]


def parse_moment(source: str) -> Moment:
    """Read a timestamp. Raises `MomentError` for what .NET refuses in en-US, such as day-first dates."""
    for form in _FORMS:
        if match := form.fullmatch(source):
            return _from_match(match, source)
    raise MomentError(f"'{source}' is not a timestamp")


def _from_match(match: re.Match[str], source: str) -> Moment:
    parts = match.groupdict()
    name = parts.get("name")
    month = [m[:3].lower() for m in MONTHS].index(name.lower()) + 1 if name else int(parts["month"])
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 2000 if year < 50 else 1900
    hour = int(parts["hour"] or 0)
    half = (parts["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise MomentError(f"'{source}' is not a timestamp: hour {hour} with {half.upper()}")
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        when = datetime(
            year, month, int(parts.get("day") or 1), hour, int(parts["minute"] or 0), int(parts["second"] or 0)
        )
    except ValueError as error:
        raise MomentError(f"'{source}' is not a timestamp: {error}") from None
    moment = from_datetime(when, "").plus(_fraction(parts["fraction"]))
    zone = parts["zone"]
    if not zone:
        return moment
    if zone.upper() in ("Z", "GMT", "UTC"):
        return Moment(moment.ticks, "Z")
    digits = zone[1:].replace(":", "")
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if hours > 14 or minutes > 59:
        raise MomentError(f"'{source}' is not a timestamp: offset {zone}")
    offset = (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
    return Moment(moment.ticks - offset * 60 * TICKS_PER_SECOND, "+00:00", offset)


def _fraction(digits: str | None) -> int:
    """Ticks of a fraction of a second; more than seven digits are rounded."""
    if not digits:
        return 0
    return int(digits.ljust(7, "0")) if len(digits) <= 7 else (int(digits[:8]) + 5) // 10


STANDARD_FORMATS = {
    "d": "M/d/yyyy", "D": "dddd, MMMM d, yyyy", "f": "dddd, MMMM d, yyyy h:mm tt", "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt", "G": "M/d/yyyy h:mm:ss tt", "m": "MMMM d", "M": "MMMM d",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK", "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "h:mm tt", "T": "h:mm:ss tt", "u": "yyyy-MM-dd HH:mm:ss'Z'", "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "y": "MMMM yyyy", "Y": "MMMM yyyy",
}  # fmt: skip


def format_moment(moment: Moment, pattern: str = "o") -> str:
    """Write a timestamp by a standard (one letter) or custom pattern. Raises `MomentError` for a wrong pattern."""
    if pattern == "":
        pattern = "G"
    if len(pattern) == 1:
        if pattern == "%":
            raise MomentError("'%' stands in front of no letter")
        if pattern not in STANDARD_FORMATS:
            raise MomentError(f"'{pattern}' is no standard format; one custom letter is written '%{pattern}'")
        pattern = STANDARD_FORMATS[pattern]
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char in "'\"":
            end = pattern.find(char, position + 1)
            if end < 0:
                raise MomentError(f"the quote in the format '{pattern}' is not closed")
            parts.append(pattern[position + 1 : end])
            position = end + 1
        elif char == "\\":
            if position + 1 == len(pattern):
                raise MomentError(f"the format '{pattern}' ends in a backslash")
            parts.append(pattern[position + 1])
            position += 2
        elif char == "%":
            if position + 1 == len(pattern) or pattern[position + 1] == "%":
                raise MomentError(f"'%' in the format '{pattern}' stands in front of no letter")
            position += 1
        elif char in _SPECIFIERS:
            end = position
            while end < len(pattern) and pattern[end] == char:
                end += 1
            if char in "fF" and end - position > 7:
                raise MomentError(f"the format '{pattern}' asks for more than seven digits of a second")
            parts.append(_SPECIFIERS[char](moment, end - position))
            # "ss.FFF" of a whole second has no point either
            if char == "F" and not parts[-1] and len(parts) > 1 and parts[-2] == ".":
                parts[-2] = ""
            position = end
        else:
            parts.append(char)
            position += 1
    return "".join(parts)


def _year(moment: Moment, count: int) -> str:
    year = moment.when.year
    if count <= 2:
        return str(year % 100).zfill(count)
    return str(year).zfill(count)


def _month(moment: Moment, count: int) -> str:
    month = moment.when.month
    return str(month).zfill(count) if count <= 2 else MONTHS[month - 1][:3] if count == 3 else MONTHS[month - 1]


def _day(moment: Moment, count: int) -> str:
    name = DAYS[moment.when.weekday()]
    return str(moment.when.day).zfill(count) if count <= 2 else name[:3] if count == 3 else name


def _digits(moment: Moment, count: int) -> str:
    return str(moment.ticks % TICKS_PER_SECOND).zfill(7)[:count]


def _zone(moment: Moment, count: int) -> str:
    return {1: "+0", 2: "+00"}.get(count, "+00:00")


def _half(moment: Moment, count: int) -> str:
    name = "AM" if moment.when.hour < 12 else "PM"
    return name[:1] if count == 1 else name


_SPECIFIERS: dict[str, Callable[[Moment, int], str]] = {
    "y": _year,
    "M": _month,
    "d": _day,
    "H": lambda moment, count: str(moment.when.hour).zfill(min(count, 2)),
    "h": lambda moment, count: str((moment.when.hour - 1) % 12 + 1).zfill(min(count, 2)),
    "m": lambda moment, count: str(moment.when.minute).zfill(min(count, 2)),
    "s": lambda moment, count: str(moment.when.second).zfill(min(count, 2)),
    "f": _digits,
    "F": lambda moment, count: _digits(moment, count).rstrip("0"),
    "t": _half,
    "K": lambda moment, count: moment.kind * count,
    "z": _zone,
    "g": lambda moment, count: "A.D.",
}
