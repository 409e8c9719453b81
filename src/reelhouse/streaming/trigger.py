"""When a query looks for news.

https://docs.databricks.com/aws/en/structured-streaming/triggers
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from reelhouse.errors import Unsupported, UserError


class TriggerKind(StrEnum):
    AVAILABLE_NOW = "AvailableNow"
    ONCE = "Once"
    PROCESSING_TIME = "ProcessingTime"


@dataclass(frozen=True)
class Trigger:
    """AVAILABLE_NOW takes what is there at the start, in batches as the limits ask; ONCE takes it in one."""

    kind: TriggerKind
    interval_ms: int = 0

    @property
    def ends(self) -> bool:
        """Whether the query ends by itself."""
        return self.kind is not TriggerKind.PROCESSING_TIME

    def __str__(self) -> str:
        return f"{self.kind}({self.interval_ms} ms)" if self.kind is TriggerKind.PROCESSING_TIME else str(self.kind)


AVAILABLE_NOW = Trigger(TriggerKind.AVAILABLE_NOW)
ONCE = Trigger(TriggerKind.ONCE)

_UNIT_MS = {
    "microsecond": 0.001,
    "millisecond": 1,
    "second": 1000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)


def processing_time(interval: str) -> Trigger:
    """The trigger of `trigger(processingTime=interval)`."""
    return Trigger(TriggerKind.PROCESSING_TIME, interval_in_ms(interval))


def interval_in_ms(text: str) -> int:
    """An interval as Spark writes it.

    >>> interval_in_ms("1 minute 30 seconds"), interval_in_ms("interval 500 milliseconds")
    (90000, 500)

    Raises `UserError` for any other text.
    """
    rest = re.sub(r"^\s*interval\b", "", text, flags=re.IGNORECASE)
    total, position = 0.0, 0
    while match := _PART.match(rest, position):
        unit = match[2].lower().removesuffix("s")
        if unit not in _UNIT_MS:
            break
        total += float(match[1]) * _UNIT_MS[unit]
        position = match.end()
    if not position or rest[position:].strip():
        raise UserError(f"'{text}' is not an interval", remedy="Write for instance '10 seconds' or '1 minute'.")
    return int(total)


def from_start(message: object) -> Trigger:
    """The trigger of a `WriteStreamOperationStart`. Without one a query looks for news again and again at once."""
    which = message.WhichOneof("trigger")  # type: ignore[attr-defined]
    match which:
        case "available_now":
            return AVAILABLE_NOW
        case "once":
            return ONCE
        case "processing_time_interval":
            return processing_time(message.processing_time_interval)  # type: ignore[attr-defined]
        case None:
            return Trigger(TriggerKind.PROCESSING_TIME)
    name = {"continuous_checkpoint_interval": "continuous", "real_time_batch_duration": "realTime"}.get(which, which)
    raise Unsupported(
        f"The trigger '{name}' is not supported",
        remedy="Supported: availableNow, once, processingTime.",
    )
