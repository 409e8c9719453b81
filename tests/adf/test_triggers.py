"""Triggers: what is wrong with them, and when schedules fire."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reelhouse.adf.trigger.definition import read_trigger
from reelhouse.adf.trigger.schedule import next_occurrences
from reelhouse.errors import Place, UserError


def trigger(kind: str, properties: dict, **more):
    findings: list = []
    raw = {"type": kind, "typeProperties": properties, "runtimeState": "Started", **more}
    return read_trigger("t", raw, Place("t.json", "properties"), findings), [str(finding) for finding in findings]


def schedule(**recurrence):
    raw = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T05:30:00", "timeZone": "UTC", **recurrence}
    return trigger("ScheduleTrigger", {"recurrence": raw})


def local(recurrence: dict, after: str, count: int = 3) -> list[str]:
    found, problems = schedule(**recurrence)
    assert problems == []
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [f"{time:%Y-%m-%d %H:%M}" for time in next_occurrences(found, moment, count)]


SCHEDULES = [
    ({}, "2026-01-01T05:30:00", ["2026-01-02 05:30", "2026-01-03 05:30", "2026-01-04 05:30"]),
    ({}, "2025-06-01T00:00:00", ["2026-01-01 05:30", "2026-01-02 05:30", "2026-01-03 05:30"]),
    ({"interval": 3}, "2026-01-05T00:00:00", ["2026-01-07 05:30", "2026-01-10 05:30", "2026-01-13 05:30"]),
    ({"frequency": "Minute", "interval": 15}, "2026-01-01T06:01:00", ["2026-01-01 06:15", "2026-01-01 06:30", "2026-01-01 06:45"]),
    ({"frequency": "Hour", "interval": 12}, "2026-01-01T06:00:00", ["2026-01-01 17:30", "2026-01-02 05:30", "2026-01-02 17:30"]),
    ({"frequency": "Hour", "schedule": {"minutes": [0, 45]}}, "2026-01-01T06:10:00", ["2026-01-01 06:45", "2026-01-01 07:00", "2026-01-01 07:45"]),
    ({"schedule": {"hours": [6, 18]}}, "2026-01-01T07:00:00", ["2026-01-01 18:30", "2026-01-02 06:30", "2026-01-02 18:30"]),
    ({"schedule": {"hours": [6], "minutes": [0, 15]}}, "2026-01-01T06:05:00", ["2026-01-01 06:15", "2026-01-02 06:00", "2026-01-02 06:15"]),
    ({"frequency": "Week"}, "2026-01-02T00:00:00", ["2026-01-08 05:30", "2026-01-15 05:30", "2026-01-22 05:30"]),
    ({"frequency": "Week", "schedule": {"weekDays": ["Monday", "Friday"]}}, "2026-01-02T06:00:00", ["2026-01-05 05:30", "2026-01-09 05:30", "2026-01-12 05:30"]),
    ({"frequency": "Week", "interval": 2, "schedule": {"weekDays": ["Sunday"]}}, "2026-01-02T06:00:00", ["2026-01-11 05:30", "2026-01-25 05:30", "2026-02-08 05:30"]),
    ({"frequency": "Month", "schedule": {"monthDays": [-1]}}, "2026-01-15T00:00:00", ["2026-01-31 05:30", "2026-02-28 05:30", "2026-03-31 05:30"]),
    ({"frequency": "Month", "schedule": {"monthDays": [31]}}, "2026-01-15T00:00:00", ["2026-01-31 05:30", "2026-03-31 05:30", "2026-05-31 05:30"]),
    ({"frequency": "Month", "schedule": {"monthlyOccurrences": [{"day": "Friday", "occurrence": -1}]}}, "2026-01-15T00:00:00", ["2026-01-30 05:30", "2026-02-27 05:30", "2026-03-27 05:30"]),
    ({"frequency": "Month", "schedule": {"monthlyOccurrences": [{"day": "thursday", "occurrence": 5}]}}, "2026-01-15T00:00:00", ["2026-01-29 05:30", "2026-04-30 05:30", "2026-07-30 05:30"]),
    ({"endTime": "2026-01-03T05:30:00"}, "2026-01-01T06:00:00", ["2026-01-02 05:30", "2026-01-03 05:30"]),
    ({"timeZone": "W. Europe Standard Time"}, "2026-03-27T12:00:00", ["2026-03-28 04:30", "2026-03-29 03:30", "2026-03-30 03:30"]),
    ({"frequency": "Month", "schedule": {"monthDays": [30], "hours": [1]}, "interval": 12, "startTime": "2026-02-01T00:00:00"}, "2026-01-01T00:00:00", []),
]  # fmt: skip


@pytest.mark.parametrize(("recurrence", "after", "expected"), SCHEDULES)
def test_a_schedule_fires_at_these_times(recurrence, after, expected):
    assert local(recurrence, after) == expected


MISTAKES = [
    ({"frequency": "Dayly"}, "recurrence.frequency"),
    ({"interval": 0}, "between 1 and 1000"),
    ({"timeZone": "Europe/Berlin"}, "no Windows name"),
    ({"timeZone": "Tokyo Standard Time", "startTime": "2026-01-01T00:00:00Z"}, "ends in Z"),
    ({"startTime": None}, "lacks startTime"),
    ({"endTime": "2025-01-01T00:00:00"}, "not after startTime"),
    ({"schedule": {"hours": [24]}}, "24 is outside of 0 to 23"),
    ({"schedule": {"weekDays": ["Monday"]}}, "frequency Week only"),
    ({"schedule": {"monthDays": [1]}}, "frequency Month only"),
    ({"frequency": "Week", "schedule": {"weekDays": ["Mondey"]}}, "Did you mean 'Monday'?"),
    ({"frequency": "Month", "schedule": {"monthDays": [0]}}, "outside"),
    ({"schedul": {}}, "has no property 'schedul'"),
]


@pytest.mark.parametrize(("recurrence", "message"), MISTAKES)
def test_a_wrong_recurrence_is_found(recurrence, message):
    _, problems = schedule(**recurrence)

    assert any(message in text for text in problems), problems


EVENTS = {
    "scope": "/subscriptions/x",
    "events": ["Microsoft.Storage.BlobCreated"],
    "blobPathBeginsWith": "/raw/blobs/drop/",
}
WINDOW = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "maxConcurrency": 10}
OTHERS = [
    ("BlobEventsTrigger", EVENTS, None),
    ("BlobEventsTrigger", {**EVENTS, "events": ["BlobCreated"]}, "no storage event"),
    ("BlobEventsTrigger", {**EVENTS, "blobPathBeginsWith": ""}, "needs blobPathBeginsWith or blobPathEndsWith"),
    ("BlobEventsTrigger", {**EVENTS, "blobPathEndsWith": "*.csv"}, "wildcard"),
    ("CustomEventsTrigger", {"scope": "/x", "events": ["e"], "subjectBeginsWith": "a"}, None),
    ("TumblingWindowTrigger", WINDOW, None),
    ("TumblingWindowTrigger", {**WINDOW, "maxConcurrency": 51}, "between 1 and 50"),
    ("TumblingWindowTrigger", {**WINDOW, "frequency": "Minute", "interval": 1}, "too short"),
    ("TumblingWindowTrigger", {**WINDOW, "delay": "soon"}, "no time span"),
    ("ChainingTrigger", {}, "not supported"),
]


@pytest.mark.parametrize(("kind", "properties", "message"), OTHERS)
def test_other_triggers_are_checked(kind, properties, message):
    _, problems = trigger(kind, properties)

    assert (problems == []) if message is None else any(message in text for text in problems), problems


def test_only_a_schedule_has_occurrences():
    found, _ = trigger("BlobEventsTrigger", EVENTS)

    with pytest.raises(UserError, match="has no schedule"):
        next_occurrences(found, datetime.now(UTC), 1)


def test_a_trigger_s_pipelines_and_parameters_are_validated(make_factory, act):
    from reelhouse.adf.validate import validate

    reference = {
        "pipelineReference": {"referenceName": "main", "type": "PipelineReference"},
        "parameters": {"q": "@trigger().x", "r": "@item()"},
    }
    item = {
        "name": "t",
        "properties": {"type": "BlobEventsTrigger", "typeProperties": EVENTS, "pipelines": [reference]},
    }
    body = {
        "parameters": {"q": {"type": "string"}, "need": {"type": "string"}},
        "activities": [act("w", "Wait", waitTimeInSeconds=1)],
    }
    found = [str(finding) for finding in validate(make_factory({"main": body}, objects={"trigger": [item]}))]

    assert any("has no parameter 'r'" in text for text in found)
    assert any("needs a value for its parameter 'need'" in text for text in found)
    assert any("item() does not exist in a trigger" in text for text in found)
