"""What becomes of trigger runs: retries, cancels, reruns, and what an ended process left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reelhouse.adf.trigger.run import TriggerRunner
from reelhouse.adf.validate import validate
from reelhouse.clock import ManualClock
from reelhouse.errors import UserError
from reelhouse.runs.database import open_database
from reelhouse.runs.record import Run, RunKind, RunStatus
from reelhouse.server.trigger_store import DatabaseTriggers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GONE = {"errorCode": "ProcessGone", "message": "gone"}


class Pipelines:
    """Runs that end when a test says so."""

    def __init__(self):
        self.runs: dict[str, Run] = {}
        self.parameters: list[dict] = []

    def start(self, pipeline, parameters, *, run_id, trigger, on_end):
        assert run_id not in self.runs
        self.runs[run_id] = Run(run_id, RunKind.PIPELINE, pipeline, "Pipeline", None, NOON)
        self.parameters.append(dict(parameters))
        return run_id

    def find(self, run_id):
        return self.runs.get(run_id)

    def cancel(self, run_id):
        self.end(RunStatus.CANCELLED)

    def end(self, status, error=None):
        for run_id, run in self.runs.items():
            if run.status is RunStatus.IN_PROGRESS:
                self.runs[run_id] = Run(
                    run_id, run.kind, run.name, "Pipeline", None, NOON, {}, status, NOON, None, error
                )


@pytest.fixture
def triggers(make_factory, act, tmp_path):
    stores = []

    def make(kind, properties, clock, pipelines, *, parameters=None, count=1):
        one = {
            "pipelineReference": {"referenceName": "main", "type": "PipelineReference"},
            "parameters": parameters or {},
        }
        own = {"pipeline": one} if kind == "TumblingWindowTrigger" else {"pipelines": [one] * count}
        raw = {"type": kind, "runtimeState": "Started", "typeProperties": properties, **own}
        body = {
            "parameters": {"at": {"type": "string", "defaultValue": ""}},
            "activities": [act("w", "Wait", waitTimeInSeconds=1)],
        }
        factory = make_factory({"main": body}, objects={"trigger": [{"name": "t", "properties": raw}]})
        assert factory.findings == []
        stores.append(DatabaseTriggers(open_database(f"sqlite:///{tmp_path / 'triggers.db'}")))
        return TriggerRunner(factory, stores[-1], pipelines, lambda account, container: {}, clock)

    yield make
    for store in stores:
        store.close()


def statuses(runner):
    span = (NOON - timedelta(days=9), NOON + timedelta(days=9))
    return [(run.status.value, run.failed_tries) for run in runner.runs(*span)]


HOURLY = {"recurrence": {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z"}}


def test_a_schedule_does_not_catch_up_and_starts_all_its_pipelines(triggers):
    clock, pipelines = ManualClock(NOON), Pipelines()
    runner = triggers(
        "ScheduleTrigger", HOURLY, clock, pipelines, parameters={"at": "@trigger().scheduledTime"}, count=2
    )
    runner.look()
    assert pipelines.runs == {}
    clock.sleep(3601)
    runner.look()
    runner.look()
    assert pipelines.parameters == [{"at": "2026-01-01T13:00:00.0000000Z"}] * 2
    assert statuses(runner) == [("Succeeded", 0)]

    clock.sleep(3 * 3600)
    later = triggers("ScheduleTrigger", HOURLY, clock, pipelines, parameters={"at": "x"}, count=2)
    later.look()
    assert len(pipelines.runs) == 2


ONE = {
    "frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T01:00:00Z",
    "retryPolicy": {"count": 1, "intervalInSeconds": 60},
}  # fmt: skip


def test_a_failed_window_is_retried_and_can_be_run_again(triggers):
    clock, pipelines = ManualClock(NOON), Pipelines()
    runner = triggers("TumblingWindowTrigger", ONE, clock, pipelines)
    runner.look()
    pipelines.end(RunStatus.FAILED, {"message": "no"})
    runner.look()
    assert (len(pipelines.runs), statuses(runner)) == (1, [("Waiting", 1)])
    clock.sleep(61)
    runner.look()
    pipelines.end(RunStatus.FAILED, {"message": "no"})
    runner.look()
    clock.sleep(3600)
    runner.look()
    assert (len(pipelines.runs), statuses(runner)) == (2, [("Failed", 2)])

    (run,) = runner.runs(NOON - timedelta(days=1), NOON + timedelta(days=1))
    runner.rerun("t", run.id)
    runner.look()
    with pytest.raises(UserError, match="has not ended"):
        runner.rerun("t", run.id)
    pipelines.end(RunStatus.SUCCEEDED)
    runner.look()
    assert (len(pipelines.runs), statuses(runner)) == (3, [("Succeeded", 0)])
    with pytest.raises(UserError, match="ended already"):
        runner.cancel("t", run.id)


def test_a_window_that_is_cancelled_stays_so(triggers):
    clock, pipelines = ManualClock(NOON), Pipelines()
    runner = triggers("TumblingWindowTrigger", ONE, clock, pipelines)
    runner.look()
    (run,) = runner.runs(NOON - timedelta(days=1), NOON + timedelta(days=1))
    runner.cancel("t", run.id)
    runner.look()
    runner.look()
    assert (len(pipelines.runs), statuses(runner)) == (1, [("Cancelled", 0)])


@pytest.mark.parametrize(
    ("status", "error"), [(RunStatus.FAILED, GONE), (RunStatus.CANCELLED, None)], ids=["killed", "ended by Ctrl-C"]
)
def test_a_window_that_was_cut_runs_again_and_that_is_no_try(triggers, status, error):
    clock, pipelines = ManualClock(NOON), Pipelines()
    runner = triggers("TumblingWindowTrigger", ONE, clock, pipelines)
    runner.look()
    runner.stopping()
    pipelines.end(status, error)
    if error is None:
        runner.look()

    later = triggers("TumblingWindowTrigger", ONE, clock, pipelines)
    later.look()
    pipelines.end(RunStatus.SUCCEEDED)
    later.look()
    assert (len(pipelines.runs), statuses(later)) == (2, [("Succeeded", 0)])


def test_a_window_whose_run_ended_unseen_is_not_run_again(triggers):
    clock, pipelines = ManualClock(NOON), Pipelines()
    triggers("TumblingWindowTrigger", ONE, clock, pipelines).look()
    pipelines.end(RunStatus.SUCCEEDED)
    later = triggers("TumblingWindowTrigger", ONE, clock, pipelines)
    later.look()
    assert (len(pipelines.runs), statuses(later)) == (1, [("Succeeded", 0)])


def test_a_stopped_trigger_starts_nothing_and_that_is_remembered(triggers):
    clock, pipelines = ManualClock(NOON), Pipelines()
    triggers("TumblingWindowTrigger", ONE, clock, pipelines).stop("t")
    later = triggers("TumblingWindowTrigger", ONE, clock, pipelines)
    later.look()
    assert (later.is_started("t"), pipelines.runs) == (False, {})
    later.start("t")
    later.look()
    assert len(pipelines.runs) == 1


def test_a_dependency_on_a_trigger_that_is_not_there_is_found_before(make_factory, act):
    def window(name, of):
        depends = {"type": "TumblingWindowTriggerDependencyReference", "referenceTrigger": {"referenceName": of}}
        pipeline = {"pipelineReference": {"referenceName": "main", "type": "PipelineReference"}, "parameters": {}}
        settings = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "dependsOn": [depends]}
        properties = {"type": "TumblingWindowTrigger", "typeProperties": settings, "pipeline": pipeline}
        return {"name": name, "properties": properties}

    body = [act("w", "Wait", waitTimeInSeconds=1)]
    factory = make_factory({"main": body}, objects={"trigger": [window("hourly", "hourli"), window("b", "hourly")]})
    (finding,) = [str(finding) for finding in validate(factory) if "tumbling" in str(finding)]
    assert "no tumbling window trigger 'hourli'" in finding and "'hourly'" in finding
