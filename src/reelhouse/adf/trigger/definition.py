"""Triggers as their JSON says, checked. Running them is not part of this module.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from reelhouse.adf.definition import Reference, read_reference
from reelhouse.adf.expression.functions.function import FunctionError
from reelhouse.adf.expression.moment import MomentError, parse_moment
from reelhouse.adf.expression.time_zones import is_utc, time_zone
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.settings import Settings
from reelhouse.adf.trigger.window import (
    MOST_DEPENDENCIES,
    WindowRule,
    read_dependency,
    read_moment,
    read_retry,
    read_span,
)
from reelhouse.errors import Place, did_you_mean

FREQUENCIES = ("Minute", "Hour", "Day", "Week", "Month")
WEEK_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
BLOB_EVENTS = ("Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted")


@dataclass(frozen=True)
class Recurrence:
    """When a schedule fires. Times are wall clock times of `time_zone` (a Windows name)."""

    frequency: str
    interval: int
    start: datetime
    end: datetime | None = None
    time_zone: str = "UTC"
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    week_days: tuple[str, ...] = ()
    month_days: tuple[int, ...] = ()
    monthly_occurrences: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Trigger:
    """A trigger. `settings` is its `typeProperties`, checked.

    `recurrence` is set for a schedule, `window` for a tumbling window.
    """

    name: str
    type: str
    place: Place
    started: bool
    pipelines: tuple[Reference, ...]
    settings: Settings | None
    recurrence: Recurrence | None = None
    window: WindowRule | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The properties as the file has them."""


class TriggerModel(Settings):
    type: str
    type_properties: dict[str, Any] = Field(default_factory=dict)
    pipelines: list[Any] = Field(default_factory=list)
    pipeline: Any = None
    runtime_state: str = "Stopped"
    annotations: list[Any] = Field(default_factory=list)
    description: str = ""


class PipelineOfTrigger(Settings):
    pipeline_reference: Any
    parameters: dict[str, Any] = Field(default_factory=dict)


class ScheduleTrigger(Settings):
    recurrence: dict[str, Any]


class RecurrenceModel(Settings):
    frequency: str
    interval: int = 1
    start_time: str | None = None
    end_time: str | None = None
    time_zone: str = "UTC"
    schedule: dict[str, Any] = Field(default_factory=dict)


class ScheduleModel(Settings):
    minutes: list[int] = Field(default_factory=list)
    hours: list[int] = Field(default_factory=list)
    week_days: list[str] = Field(default_factory=list)
    month_days: list[int] = Field(default_factory=list)
    monthly_occurrences: list[dict[str, Any]] = Field(default_factory=list)


class OccurrenceModel(Settings):
    day: str
    occurrence: int


class BlobEventsTrigger(Settings):
    scope: str
    events: list[str]
    blob_path_begins_with: str = ""
    blob_path_ends_with: str = ""
    ignore_empty_blobs: bool = True


class CustomEventsTrigger(Settings):
    scope: str
    events: list[Any]
    subject_begins_with: str = ""
    subject_ends_with: str = ""


class TumblingWindowTrigger(Settings):
    frequency: str
    interval: int
    start_time: str
    end_time: str | None = None
    delay: Any = "00:00:00"
    max_concurrency: int = 1
    retry_policy: dict[str, Any] | None = None
    depends_on: list[Any] = Field(default_factory=list)


_SETTINGS: dict[str, type[Settings]] = {
    model.__name__: model for model in (ScheduleTrigger, BlobEventsTrigger, CustomEventsTrigger, TumblingWindowTrigger)
}


def read_trigger(name: str, properties: Any, place: Place, findings: list[Finding]) -> Trigger | None:
    """The trigger of a JSON object `properties`. What is wrong is added to `findings`."""
    model = checked(TriggerModel, properties, place, f"Trigger '{name}'", findings)
    if model is None:
        return None
    if model.type not in _SETTINGS:
        findings.append(
            problem(
                place.at("type"),
                f"Triggers of type '{model.type}' are not supported",
                did_you_mean(model.type, _SETTINGS),
            )
        )
        return None
    if model.runtime_state not in ("Started", "Stopped", "Disabled"):
        findings.append(problem(place.at("runtimeState"), f"'{model.runtime_state}' is no state of a trigger"))
    spot = place.at("typeProperties")
    settings = checked(_SETTINGS[model.type], model.type_properties, spot, f"Trigger '{name}' ({model.type})", findings)
    recurrence, window = None, None
    if isinstance(settings, ScheduleTrigger):
        recurrence = _recurrence(settings.recurrence, spot.at("recurrence"), findings)
    elif isinstance(settings, TumblingWindowTrigger):
        window = _window(settings, spot, findings)
    elif isinstance(settings, BlobEventsTrigger):
        _check_blob_events(settings, spot, findings)
    pipelines = _pipelines(model, place, findings)
    if isinstance(settings, TumblingWindowTrigger) and len(pipelines) > 1:
        findings.append(problem(place.at("pipeline"), "A tumbling window trigger starts one pipeline only"))
    started = model.runtime_state == "Started"
    return Trigger(name, model.type, place, started, pipelines, settings, recurrence, window, dict(properties))


def _pipelines(model: TriggerModel, place: Place, findings: list[Finding]) -> tuple[Reference, ...]:
    raw = [(item, place.at("pipelines").at(index)) for index, item in enumerate(model.pipelines)]
    if model.pipeline is not None:
        raw.append((model.pipeline, place.at("pipeline")))
    result = []
    for item, spot in raw:
        entry = checked(PipelineOfTrigger, item, spot, "A pipeline of a trigger", findings)
        if entry is None:
            continue
        reference = read_reference(entry.pipeline_reference, spot.at("pipelineReference"), findings)
        if reference is not None:
            result.append(Reference(reference.name, reference.type, entry.parameters, spot))
    return tuple(result)


def _check_blob_events(settings: BlobEventsTrigger, place: Place, findings: list[Finding]) -> None:
    for index, event in enumerate(settings.events):
        if event not in BLOB_EVENTS:
            findings.append(
                problem(
                    place.at("events").at(index), f"'{event}' is no storage event", did_you_mean(event, BLOB_EVENTS)
                )
            )
    begins, ends = settings.blob_path_begins_with, settings.blob_path_ends_with
    if not begins and not ends:
        findings.append(problem(place, "A storage event trigger needs blobPathBeginsWith or blobPathEndsWith"))
    for name, value in (("blobPathBeginsWith", begins), ("blobPathEndsWith", ends)):
        if "*" in value or "?" in value:
            findings.append(
                problem(place.at(name), f"'{value}' has a wildcard, which storage event triggers do not know")
            )
    if begins and not begins.startswith("/"):
        findings.append(problem(place.at("blobPathBeginsWith"), f"'{begins}' must be /container/blobs/folder/"))


def _window(settings: TumblingWindowTrigger, place: Place, findings: list[Finding]) -> WindowRule | None:
    before = len(findings)
    _check_window(settings, place, findings)
    _time(settings.start_time, place.at("startTime"), findings)
    _time(settings.end_time, place.at("endTime"), findings)
    delay = read_span(settings.delay)
    if delay is None:
        findings.append(problem(place.at("delay"), f"'{settings.delay}' is no time span", "Write it as hh:mm:ss."))
    elif delay < timedelta(0):
        findings.append(problem(place.at("delay"), "The delay is negative"))
    retries, seconds = read_retry(settings.retry_policy, place.at("retryPolicy"), findings)
    dependencies = [
        read_dependency(raw, place.at("dependsOn").at(index), findings) for index, raw in enumerate(settings.depends_on)
    ]
    if len(findings) > before or delay is None:
        return None
    start = read_moment(settings.start_time)
    if settings.frequency == "Month" and start.day > 28:
        findings.append(problem(place.at("startTime"), "Windows of months that begin after the 28th are not supported"))
        return None
    return WindowRule(
        settings.frequency,
        settings.interval,
        start,
        read_moment(settings.end_time) if settings.end_time else None,
        delay,
        settings.max_concurrency,
        retries,
        seconds,
        tuple(dependency for dependency in dependencies if dependency is not None),
    )


def _check_window(settings: TumblingWindowTrigger, place: Place, findings: list[Finding]) -> None:
    if settings.frequency not in ("Minute", "Hour", "Month"):
        findings.append(problem(place.at("frequency"), f"'{settings.frequency}' is no frequency of a tumbling window"))
    if settings.interval < (5 if settings.frequency == "Minute" else 1):
        findings.append(
            problem(place.at("interval"), f"The interval {settings.interval} is too short, 5 minutes at least")
        )
    if not 1 <= settings.max_concurrency <= 50:
        findings.append(problem(place.at("maxConcurrency"), "maxConcurrency must lie between 1 and 50"))
    if len(settings.depends_on) > MOST_DEPENDENCIES:
        findings.append(problem(place.at("dependsOn"), "A tumbling window trigger depends on five triggers at most"))


def _time(value: str | None, place: Place, findings: list[Finding]) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_moment(value).when
    except MomentError as error:
        findings.append(problem(place, str(error)))
        return None


def _recurrence(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> Recurrence | None:
    model = checked(RecurrenceModel, raw, place, "A recurrence", findings)
    if model is None:
        return None
    before = len(findings)
    if model.frequency not in FREQUENCIES:
        findings.append(
            problem(
                place.at("frequency"),
                f"'{model.frequency}' is no frequency",
                did_you_mean(model.frequency, FREQUENCIES),
            )
        )
    if not 1 <= model.interval <= 1000:
        findings.append(
            problem(place.at("interval"), f"The interval must lie between 1 and 1000, it is {model.interval}")
        )
    try:
        time_zone(model.time_zone)
    except FunctionError as error:
        findings.append(problem(place.at("timeZone"), str(error), error.remedy))
    for name, value in (("startTime", model.start_time), ("endTime", model.end_time)):
        if value and value.endswith("Z") and not is_utc(model.time_zone):
            findings.append(problem(place.at(name), f"'{value}' ends in Z, but the time zone is '{model.time_zone}'"))
    start = _time(model.start_time, place.at("startTime"), findings)
    if start is None and len(findings) == before:
        findings.append(problem(place, "The recurrence lacks startTime"))
    end = _time(model.end_time, place.at("endTime"), findings)
    if start and end and end <= start:
        findings.append(problem(place.at("endTime"), "endTime is not after startTime"))
    schedule = checked(ScheduleModel, model.schedule, place.at("schedule"), "A schedule", findings)
    occurrences = _check_schedule(model.frequency, schedule, place.at("schedule"), findings) if schedule else ()
    if len(findings) > before or start is None or schedule is None:
        return None
    return Recurrence(
        model.frequency,
        model.interval,
        start,
        end,
        model.time_zone,
        tuple(sorted(set(schedule.minutes))),
        tuple(sorted(set(schedule.hours))),
        tuple(day.capitalize() for day in schedule.week_days),
        tuple(schedule.month_days),
        occurrences,
    )


def _check_schedule(
    frequency: str, schedule: ScheduleModel, place: Place, findings: list[Finding]
) -> tuple[tuple[str, int], ...]:
    for name, values, low, high in (
        ("minutes", schedule.minutes, 0, 59),
        ("hours", schedule.hours, 0, 23),
        ("monthDays", schedule.month_days, -31, 31),
    ):
        for index, value in enumerate(values):
            if not low <= value <= high or (name == "monthDays" and value == 0):
                findings.append(problem(place.at(name).at(index), f"{value} is outside of {low} to {high}"))
    for index, day in enumerate(schedule.week_days):
        if day.capitalize() not in WEEK_DAYS:
            findings.append(
                problem(place.at("weekDays").at(index), f"'{day}' is no week day", did_you_mean(day, WEEK_DAYS))
            )
    if schedule.week_days and frequency != "Week":
        findings.append(problem(place.at("weekDays"), "weekDays goes with the frequency Week only"))
    for name, given in (("monthDays", schedule.month_days), ("monthlyOccurrences", schedule.monthly_occurrences)):
        if given and frequency != "Month":
            findings.append(problem(place.at(name), f"{name} goes with the frequency Month only"))
    result = []
    for index, raw in enumerate(schedule.monthly_occurrences):
        spot = place.at("monthlyOccurrences").at(index)
        item = checked(OccurrenceModel, raw, spot, "A monthly occurrence", findings)
        if item is None:
            continue
        if item.day.capitalize() not in WEEK_DAYS or not (1 <= abs(item.occurrence) <= 5):
            findings.append(problem(spot, f"{item.day} {item.occurrence} is no week day of a month"))
        result.append((item.day.capitalize(), item.occurrence))
    return tuple(result)
