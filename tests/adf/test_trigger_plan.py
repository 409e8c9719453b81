"""What triggers start, decided as data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.adf.trigger.definition import BlobEventsTrigger, CustomEventsTrigger, read_trigger
from reelhouse.adf.trigger.events import Blob, BlobEvent, changes, read_events, settled, starts_on_blob, starts_on_event
from reelhouse.adf.trigger.plan import (
    OPEN,
    TriggerRunStatus,
    Windows,
    WindowState,
    after_failure,
    plan_schedule,
    plan_windows,
)
from reelhouse.adf.trigger.window import WindowDependency, WindowRule, needed_windows, read_span
from reelhouse.errors import Place, UserError

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = WindowRule("Hour", 24, START)
S = TriggerRunStatus


def at(hours: float) -> datetime:
    return START + HOUR * hours


def test_windows_of_months_follow_the_calendar():
    rule = WindowRule("Month", 1, START)
    assert rule.window(1) == (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    assert [rule.index_at(datetime(2026, 3, 31, 23, tzinfo=UTC)), rule.index_at(START - HOUR)] == [2, -1]


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        (WindowDependency("other"), [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]),
        (WindowDependency("other", size=timedelta(hours=3)), [48, 49, 50]),
        (WindowDependency("other", -2 * HOUR, timedelta(hours=3)), [46, 47, 48]),
        (WindowDependency("other", -100 * HOUR), []),
    ],
)
def test_a_dependency_is_on_all_windows_that_overlap(dependency, expected):
    own = WindowRule("Hour", 12, START)
    assert needed_windows(own, 4, dependency, WindowRule("Hour", 1, START)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("-1.02:03:04", -timedelta(1, 7384)), ("00:05:00.5", timedelta(0, 300.5)), ("5m", None)]
)
def test_time_spans_are_read(text, expected):
    assert read_span(text) == expected


@pytest.mark.supports("trigger", "TumblingWindowTrigger")
def test_past_windows_run_oldest_first_as_many_as_the_concurrency_allows():
    steps = plan_windows("t", Windows(WindowRule("Hour", 1, START, max_concurrency=2)), {}, at(5.5))
    assert [(step.index, step.to) for step in steps] == [(0, S.RUNNING), (1, S.RUNNING)]


def test_a_window_waits_for_its_delay_and_the_trigger_ends():
    rule = WindowRule("Hour", 1, START, at(2), timedelta(minutes=30), 50)
    assert [len(plan_windows("t", Windows(rule), {}, at(hours))) for hours in (1.4, 1.5, 2.5, 9)] == [0, 1, 2, 2]


def test_a_window_waits_for_the_windows_it_depends_on_and_fails_after_seven_days():
    rule = WindowRule("Hour", 1, START, at(1), depends_on=(WindowDependency("up"),))
    up = {"up": Windows(WindowRule("Hour", 1, START))}
    (step,) = plan_windows("t", Windows(rule), up, at(1))
    assert (step.to, step.why) == (S.WAITING_ON_DEPENDENCY, "the window of 2026-01-01T00:00:00Z of 'up'")
    waits = Windows(rule, {0: WindowState(S.WAITING_ON_DEPENDENCY, at(1))})
    assert plan_windows("t", waits, up, at(1) + timedelta(days=6)) == []
    assert plan_windows("t", waits, up, at(1) + timedelta(days=7))[0].to is S.FAILED
    up = {"up": Windows(WindowRule("Hour", 1, START), {0: WindowState(S.SUCCEEDED, at(1))})}
    assert plan_windows("t", waits, up, at(2))[0].to is S.RUNNING


def test_a_failed_window_runs_again_after_the_interval_as_often_as_its_policy_says():
    rule = WindowRule("Hour", 1, START, retries=2, retry_seconds=60)
    tries = [after_failure(rule, failed, START) for failed in (1, 2, 3)]
    assert tries == [START + timedelta(minutes=1)] * 2 + [None]


@settings(max_examples=150, deadline=None)
@given(
    concurrency=st.integers(1, 4),
    on_itself=st.booleans(),
    moves=st.lists(st.tuples(st.sampled_from(("hours", "success", "failure", "stop")), st.integers(0, 6)), max_size=60),
)
def test_no_window_is_lost_or_runs_twice_whatever_happens(concurrency, on_itself, moves):
    depends = (WindowDependency(None, -HOUR),) if on_itself else ()
    rule = WindowRule("Hour", 1, START, at(12), max_concurrency=concurrency, retries=1, depends_on=depends)
    known: dict[int, WindowState] = {}
    failed: dict[int, int] = {}
    order: list[int] = []
    now = START

    def look(started: bool = True) -> None:
        for step in plan_windows("t", Windows(rule, known), {}, now, started=started):
            if step.to is S.RUNNING:
                assert step.index not in known or known[step.index].status in (S.WAITING, S.WAITING_ON_DEPENDENCY)
                if step.index not in failed:
                    order.append(step.index)
            known[step.index] = WindowState(step.to, now)
        assert sum(state.status is S.RUNNING for state in known.values()) <= concurrency

    def end(index: int, succeeded: bool) -> None:
        if succeeded:
            known[index] = WindowState(S.SUCCEEDED, now)
            return
        failed[index] = failed.get(index, 0) + 1
        again = after_failure(rule, failed[index], now)
        known[index] = WindowState(S.FAILED if again is None else S.WAITING, now, again)

    for move, number in moves:
        running = sorted(index for index, state in known.items() if state.status is S.RUNNING)
        if move == "hours":
            now += HOUR * number
        elif running and move in ("success", "failure"):
            end(running[number % len(running)], move == "success")
        look(started=move != "stop")
    for _ in range(40):
        now += timedelta(days=7)
        look()
        for index in [index for index, state in known.items() if state.status is S.RUNNING]:
            end(index, True)

    assert sorted(known) == list(range(12))
    assert order == sorted(order)
    if not any(state.status is S.FAILED for state in known.values()):
        assert {state.status for state in known.values()} == {S.SUCCEEDED}
    assert not any(state.status in OPEN for state in known.values())


@pytest.mark.supports("trigger", "ScheduleTrigger")
def test_a_schedule_fires_for_what_lies_between_two_looks():
    raw = {"recurrence": {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z"}}
    trigger = read_trigger("t", {"type": "ScheduleTrigger", "typeProperties": raw}, Place("t"), [])
    assert plan_schedule(trigger, at(1), at(3.5)) == [at(2), at(3)]
    assert plan_schedule(trigger, at(3), at(3.5)) == []


BLOBS = [
    ({"blobPathBeginsWith": "/raw/blobs/in/"}, "raw/in/a.csv", True),
    ({"blobPathBeginsWith": "/raw/blobs/in/"}, "raw/out/a.csv", False),
    ({"blobPathBeginsWith": "/raw/"}, "raw/out/a.csv", True),
    ({"blobPathEndsWith": ".csv"}, "any/in/a.csv", True),
    ({"blobPathEndsWith": "in/a.csv"}, "any/in/a.csv", True),
    ({"blobPathEndsWith": "/raw/blobs/a.csv"}, "raw/a.csv", True),
    ({"blobPathEndsWith": ".csv"}, "any/in/a.CSV", False),
]


@pytest.mark.supports("trigger", "BlobEventsTrigger")
@pytest.mark.parametrize(("paths", "path", "starts"), BLOBS)
def test_a_file_starts_the_triggers_whose_path_it_has(paths, path, starts):
    rule = BlobEventsTrigger(scope="/accounts/a", events=["Microsoft.Storage.BlobCreated"], **paths)
    assert starts_on_blob(rule, BlobEvent("Microsoft.Storage.BlobCreated", path, 1, "1")) is starts
    assert not starts_on_blob(rule, BlobEvent("Microsoft.Storage.BlobDeleted", path, 1, ""))
    assert not starts_on_blob(rule, BlobEvent("Microsoft.Storage.BlobCreated", path, 0, "1"))


def test_a_file_counts_once_it_stays_the_same():
    old, half, whole = Blob(1, "0"), Blob(2, "1"), Blob(3, "2")
    known = {"c/a": old}
    assert settled({"c/a": half}, {"c/a": whole, "c/b": half}, known) == {"c/a": old}
    now = settled({"c/a": whole}, {"c/a": whole}, known)
    assert changes(known, now) == [BlobEvent("Microsoft.Storage.BlobCreated", "c/a", 3, "2")]
    assert changes(now, {}) == [BlobEvent("Microsoft.Storage.BlobDeleted", "c/a", 3, "")]


@pytest.mark.supports("trigger", "CustomEventsTrigger")
def test_events_are_chosen_by_type_and_subject():
    rule = CustomEventsTrigger(
        scope="/topics/t", events=["Done", "Copied"], subjectBeginsWith="a/", subjectEndsWith="z"
    )
    events = [{"eventType": "done", "subject": "a/z"}, {"eventType": "done", "subject": "b/z"}, {"eventType": "x"}]
    assert [starts_on_event(rule, event) for event in events] == [True, False, False]


def test_cloud_events_are_read_like_those_of_event_grid():
    (event,) = read_events({"specversion": "1.0", "id": "1", "type": "Done", "source": "/s", "data": {"n": 1}}, "t")
    assert (event["eventType"], event["data"], event["topic"]) == ("Done", {"n": 1}, "t")
    with pytest.raises(UserError, match="lacks 'subject'"):
        read_events([{"id": "1", "eventType": "Done"}], "t")
