"""Runs that go on from an earlier one, requests to stop, and what is recorded for both."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reelhouse.adf.recovery import Recovery, past_parameters
from reelhouse.adf.run import PipelineRun, run_pipeline
from reelhouse.adf.services import AdfServices, JobResult
from reelhouse.clock import SystemClock
from reelhouse.errors import UserError
from reelhouse.runs.record import Run, RunKind, RunStatus
from reelhouse.runs.store import RunStore

SERVICE = {"referenceName": "ls_bricks", "type": "LinkedServiceReference"}


class Jobs:
    """Databricks jobs that answer with their number; those in `broken` fail."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.started: list[str] = []
        self._lock = threading.Lock()

    def run(self, job_id: str, parameters: Any, stop: Any) -> JobResult:
        with self._lock:
            self.started.append(job_id)
        if job_id in self.broken:
            return JobResult("1", "http://x/1", None, "FAILED", f"job {job_id} is broken")
        return JobResult("1", "http://x/1", f"output of {job_id}", "SUCCESS")


class Rig:
    """A factory with a history of runs in a file, and jobs that count."""

    def __init__(self, store: RunStore, services: AdfServices, make_factory: Callable[..., Any]) -> None:
        self.store, self.services, self.make_factory = store, services, make_factory
        self.jobs = services.jobs = Jobs()
        self.factory: Any = None

    def run(self, body: Any, parameters: Any = None, **others: Any) -> PipelineRun:
        self.factory = self.make_factory({"main": body, **others})
        return run_pipeline(self.factory, "main", parameters or {}, self.services)

    def again(self, run: PipelineRun, *, given: Any = None, **how: Any) -> PipelineRun:
        self.jobs.started.clear()
        values = past_parameters(self.store.run(run.id), given)
        return run_pipeline(self.factory, "main", values, self.services, recovery=Recovery(run.id, **how))

    def records(self, run: PipelineRun, name: str) -> list[Run]:
        return [record for record in self.store.tree(run.id) if record.name == name]


@pytest.fixture
def rig(tmp_path, services, make_factory) -> Iterator[Rig]:
    store = RunStore(f"sqlite:///{tmp_path / 'runs.db'}")
    services.runs = store
    yield Rig(store, services, make_factory)
    store.close()


@pytest.fixture
def job(act) -> Callable[..., dict[str, Any]]:
    """A job activity named like its job."""

    def make(name: str, after: Any = (), *, number: Any = None, **more: Any) -> dict[str, Any]:
        return act(name, "DatabricksJob", after, jobId=number or name, linkedServiceName=SERVICE, **more)

    return make


def test_what_succeeded_is_not_run_again_and_keeps_its_output(rig, job, act):
    rig.jobs.broken = {"2"}
    body = {
        "variables": {"seen": {"type": "String"}},
        "activities": [
            job("1"),
            act("keep", "SetVariable", "1", variableName="seen", value="@activity('1').output.runOutput"),
            job("2", "keep"),
            job("3", "2"),
        ],
    }
    first = rig.run(body)
    rig.jobs.broken = set()
    second = rig.again(first, from_failed=True)

    assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)
    assert rig.jobs.started == ["2", "3"]
    assert second.variables == {"seen": "output of 1"}
    used = rig.records(second, "1")[0]
    assert used.details["reusedFrom"] == rig.records(first, "1")[0].id
    assert used.output["runOutput"] == "output of 1"


def test_a_rerun_belongs_to_the_group_of_its_first_run(rig, job):
    rig.jobs.broken = {"1"}
    first = rig.run([job("1")])
    second = rig.again(first, from_failed=True)
    third = rig.again(second)

    assert [run.id for run in rig.store.group(first.id)] == [first.id, second.id, third.id]
    details = rig.store.run(second.id).details
    assert (details["isRecovery"], details["referencePipelineRunId"]) == (True, first.id)
    assert details["startFromFailure"] is True
    assert rig.store.run(third.id).details["runGroupId"] == first.id


def test_a_rerun_from_its_start_uses_nothing_again(rig, job):
    first = rig.run([job("1"), job("2", "1")])
    rig.again(first)

    assert rig.jobs.started == ["1", "2"]


def test_a_rerun_from_an_activity_runs_what_depends_on_it_and_nothing_else(rig, job):
    first = rig.run([job("1"), job("2", "1"), job("3", "2"), job("beside", "1")])
    second = rig.again(first, from_activity="2")

    assert rig.jobs.started == ["2", "3"]
    assert rig.store.run(second.id).details["startActivityName"] == "2"


def test_a_rerun_from_a_handler_keeps_the_failure_before_it(rig, job):
    rig.jobs.broken = {"1"}
    first = rig.run([job("1"), job("handler", {"1": "Failed"})])
    second = rig.again(first, from_activity="handler")

    assert rig.jobs.started == ["handler"]
    assert second.status is RunStatus.SUCCEEDED
    assert rig.records(second, "1")[0].error["errorCode"] == "3204"


def test_one_activity_runs_alone(rig, job):
    rig.jobs.broken = {"2"}
    first = rig.run([job("1"), job("2", "1"), job("3", "2")])
    rig.jobs.broken = set()
    second = rig.again(first, only="2")

    assert rig.jobs.started == ["2"]
    assert second.status is RunStatus.SUCCEEDED
    assert not rig.records(second, "3")


def test_one_activity_alone_leaves_what_follows_as_it_was(rig, job):
    first = rig.run([job("1"), job("2", "1"), job("3", "2")])
    second = rig.again(first, only="2")

    assert rig.jobs.started == ["2"]
    assert rig.records(second, "3")[0].details["reusedFrom"] == rig.records(first, "3")[0].id


def test_an_activity_that_did_not_run_cannot_run_alone(rig, job):
    first = rig.run([job("1"), job("never", {"1": "Failed"})])

    with pytest.raises(UserError, match="'never' did not run"):
        rig.again(first, only="never")


@pytest.mark.parametrize("sequential", [True, False])
def test_only_the_turns_of_a_loop_that_failed_run_again(rig, job, act, sequential):
    rig.jobs.broken = {"1", "3"}
    loop = act("each", "ForEach", items="@createArray('0', '1', '2', '3')", isSequential=sequential,
               activities=[job("work", number="@item()"), job("then", "work", number="@concat('then ', item())")])  # fmt: skip
    first = rig.run([loop])
    rig.jobs.broken = set()
    second = rig.again(first, from_failed=True)

    assert second.status is RunStatus.SUCCEEDED, second.message
    assert sorted(rig.jobs.started) == ["1", "3", "then 1", "then 3"]
    assert {run.details["iteration"] for run in rig.records(second, "work")} == {0, 1, 2, 3}


def test_turns_are_found_by_their_items_not_by_their_place(rig, job, act):
    rig.jobs.broken = {"b"}
    body = {
        "parameters": {"items": {"type": "array"}},
        "activities": [act("each", "ForEach", items="@pipeline().parameters.items", isSequential=True,
                           activities=[job("work", number="@item()")])],
    }  # fmt: skip
    first = rig.run(body, {"items": ["a", "b", "c", "a"]})
    rig.jobs.started.clear()
    rig.jobs.broken = set()
    recovery = Recovery(first.id, from_failed=True)
    run_pipeline(rig.factory, "main", {"items": ["new", "a", "c", "b", "a", "a"]}, rig.services, recovery=recovery)

    assert rig.jobs.started == ["new", "b", "a"]


def test_containers_decide_again_and_use_again_what_is_inside(rig, job, act):
    rig.jobs.broken = {"late"}
    first = rig.run(
        [
            act("if", "IfCondition", expression="@true", ifTrueActivities=[job("inner")]),
            act("until", "Until", "if", expression="@equals(activity('turn').output.runOutput, 'output of turn')", activities=[job("turn")]),
            act("switch", "Switch", "until", on="x", cases=[{"value": "x", "activities": [job("cased")]}]),
            job("late", "switch"),
        ]
    )  # fmt: skip
    second = rig.again(first, from_failed=True)

    assert rig.jobs.started == ["late"]
    assert rig.records(second, "turn")[0].details["iteration"] == 0


def test_a_child_pipeline_is_started_again_and_uses_again_what_succeeded_in_it(rig, job, act):
    call = act("call", "ExecutePipeline", pipeline={"referenceName": "child", "type": "PipelineReference"})
    rig.jobs.broken = {"c2"}
    first = rig.run([job("1"), call], child=[job("c1"), job("c2", "c1")])
    rig.jobs.broken = set()
    second = rig.again(first, from_failed=True)

    assert rig.jobs.started == ["c2"]
    child = rig.records(second, "child")[0]
    before = rig.records(first, "child")[0]
    assert (child.details["runGroupId"], child.details["referencePipelineRunId"]) == (before.id, before.id)
    assert second.activities["call"]["output"]["pipelineRunId"] == child.id


def test_a_rerun_can_begin_inside_a_container(rig, job, act):
    body = [
        job("1"),
        act("if", "IfCondition", "1", expression="@true", ifTrueActivities=[job("a"), job("b", "a")]),
        job("2", "if"),
    ]
    first = rig.run(body)
    rig.again(first, from_activity="b")

    assert rig.jobs.started == ["b", "2"]


def test_a_hidden_output_is_not_used_again(rig, job):
    rig.jobs.broken = {"2"}
    first = rig.run([job("1", policy={"secureOutput": True}), job("2", "1")])
    second = rig.again(first, from_failed=True)

    assert rig.records(second, "1")[0].error["errorCode"] == "OutputNotKept"
    assert "Run again from '1'" in second.message
    assert rig.again(first, from_activity="1").activities["1"]["status"] == "Succeeded"


def test_a_rerun_has_the_parameters_of_the_run_and_asks_for_secret_ones(rig, act):
    body = {
        "parameters": {"day": {"type": "int"}, "key": {"type": "SecureString"}},
        "variables": {"v": {"type": "String"}},
        "activities": [act("s", "SetVariable", variableName="v", value="@{pipeline().parameters.day}")],
    }
    first = rig.run(body, {"day": 7, "key": "s3cr3t"})

    with pytest.raises(UserError, match="parameter 'key' was secret"):
        rig.again(first)
    with pytest.raises(UserError, match="keeps its parameters, 'day' too"):
        rig.again(first, given={"day": 8})
    second = rig.again(first, given={"key": "s3cr3t"})
    assert second.variables == {"v": "7"}
    assert "s3cr3t" not in str(rig.store.tree(second.id))


def test_what_cannot_be_run_again_is_refused(rig, job):
    first = rig.run([job("first")])
    activity = rig.records(first, "first")[0]

    with pytest.raises(UserError, match=r"no activity 'frist'. Did you mean 'first'\?"):
        rig.again(first, from_activity="frist")
    with pytest.raises(UserError, match="the run of a activity"):
        run_pipeline(rig.factory, "main", {}, rig.services, recovery=Recovery(activity.id))
    with pytest.raises(UserError, match="There is no run 'x'"):
        run_pipeline(rig.factory, "main", {}, rig.services, recovery=Recovery("x"))
    running = rig.store.begin(RunKind.PIPELINE, "main")
    with pytest.raises(UserError, match="has not ended yet"):
        run_pipeline(rig.factory, "main", {}, rig.services, recovery=Recovery(running.id))


def test_a_history_that_cannot_be_read_refuses_reruns(make_factory, act, services):
    factory = make_factory({"main": [act("w", "Wait", waitTimeInSeconds=1)]})

    with pytest.raises(UserError, match="cannot be read"):
        run_pipeline(factory, "main", {}, services, recovery=Recovery("x"))


# -- stopping from elsewhere ---------------------------------------------------------------------------------


@pytest.fixture
def going(rig, act, eventually) -> Callable[..., tuple[threading.Thread, list[PipelineRun]]]:
    """Start a pipeline `main` that calls a child that waits, beside a wait of its own."""

    def start() -> tuple[threading.Thread, list[PipelineRun]]:
        rig.services.clock = SystemClock()
        call = act("call", "ExecutePipeline", pipeline={"referenceName": "child", "type": "PipelineReference"})
        rig.factory = rig.make_factory(
            {
                "main": [call, act("handler", "Wait", {"call": "Failed"}, waitTimeInSeconds=1)],
                "child": [act("long", "Wait", waitTimeInSeconds=600)],
            }
        )
        results: list[PipelineRun] = []
        thread = threading.Thread(
            target=lambda: results.append(run_pipeline(rig.factory, "main", {}, rig.services, run_id="top"))
        )
        thread.start()
        eventually(lambda: any(run.name == "long" for run in _tree(rig.store)))
        return thread, results

    return start


def _tree(store: RunStore) -> list[Run]:
    return store.tree("top") if store.runs() else []


def test_a_request_from_another_connection_stops_a_run_and_its_children(rig, going, tmp_path):
    thread, results = going()
    elsewhere = RunStore(f"sqlite:///{tmp_path / 'runs.db'}")
    elsewhere.request_cancel("top")
    thread.join(20)

    assert results[0].status is RunStatus.CANCELLED
    assert {run.status for run in rig.store.tree("top")} == {RunStatus.CANCELLED}
    assert elsewhere.cancel_requests() == {}
    with pytest.raises(UserError, match="has ended already: Cancelled"):
        elsewhere.request_cancel("top")
    elsewhere.close()


def test_a_child_that_is_stopped_fails_the_activity_that_called_it(rig, going):
    thread, results = going()
    child = next(run for run in rig.store.tree("top") if run.name == "child")
    rig.store.request_cancel(child.id)
    thread.join(20)

    assert results[0].status is RunStatus.SUCCEEDED
    statuses = {run.name: run.status.value for run in rig.store.tree("top")}
    assert statuses == {
        "main": "Succeeded",
        "call": "Failed",
        "child": "Cancelled",
        "long": "Cancelled",
        "handler": "Succeeded",
    }


def test_without_its_children_a_run_ends_when_they_have(rig, going, eventually):
    thread, results = going()
    rig.store.request_cancel("top", recursive=False)
    eventually(lambda: rig.store.cancel_requests() == {"top": False})
    child = next(run for run in rig.store.tree("top") if run.name == "child")
    assert child.status is RunStatus.IN_PROGRESS
    rig.store.request_cancel(child.id)
    thread.join(20)

    assert results[0].status is RunStatus.CANCELLED


def test_only_runs_of_pipelines_can_be_stopped_from_elsewhere(rig, going):
    thread, _ = going()
    wait = next(run for run in rig.store.tree("top") if run.name == "long")
    with pytest.raises(UserError, match="is the run of a activity"):
        rig.store.request_cancel(wait.id)
    rig.services.cancel.set()
    thread.join(20)


def test_a_child_that_is_not_waited_for_is_known_by_its_id(rig, act, job):
    call = act(
        "call",
        "ExecutePipeline",
        pipeline={"referenceName": "child", "type": "PipelineReference"},
        waitOnCompletion=False,
    )
    run = rig.run([call], child=[job("1")])

    child = rig.store.run(run.activities["call"]["output"]["pipelineRunId"])
    assert (child.name, child.status) == ("child", RunStatus.SUCCEEDED)
    assert child.details["invokedBy"]["invokedByType"] == "PipelineActivity"


def test_the_activities_that_decided_the_status_are_recorded(rig, job):
    rig.jobs.broken = {"1"}
    run = rig.run([job("1"), job("then", "1"), job("handler", {"1": "Failed"})])

    assert rig.store.run(run.id).output["decidedBy"] == ["1"]


def test_a_run_that_waits_for_others_is_queued_and_can_be_stopped(rig, act, eventually):
    rig.services.clock = SystemClock()
    rig.factory = rig.make_factory(
        {"main": {"concurrency": 1, "activities": [act("w", "Wait", waitTimeInSeconds=600)]}}
    )
    rig.services.locks = rig.factory.folder / "locks"
    results: dict[str, PipelineRun] = {}

    def work(name: str) -> None:
        results[name] = run_pipeline(rig.factory, "main", {}, rig.services, run_id=name)

    threads = {name: threading.Thread(target=work, args=(name,)) for name in ("first", "second")}
    threads["first"].start()
    eventually(lambda: any(run.name == "w" for run in rig.store.tree("first")) if rig.store.runs() else False)
    threads["second"].start()
    eventually(lambda: [run.status.value for run in rig.store.runs()] == ["Queued", "InProgress"])
    rig.store.request_cancel("second")
    threads["second"].join(20)
    assert (results["second"].status, rig.store.run("second").status) == (RunStatus.CANCELLED, RunStatus.CANCELLED)
    rig.store.request_cancel("first")
    threads["first"].join(20)
    assert results["first"].status is RunStatus.CANCELLED


def test_a_queued_run_starts_when_the_one_before_it_has_ended(rig, act, eventually):
    call = act("call", "ExecutePipeline", pipeline={"referenceName": "child", "type": "PipelineReference"})
    started: list[str] = []
    rig.store.subscribe(
        lambda fact: (
            started.append(f"{fact.name} {fact.status}") if isinstance(fact, Run) and fact.name == "child" else None
        )
    )
    run = rig.run(
        [act("each", "ForEach", items="@range(0, 3)", activities=[call])],
        child={"concurrency": 1, "activities": [act("w", "Wait", waitTimeInSeconds=1)]},
    )

    assert run.status is RunStatus.SUCCEEDED, run.message
    assert started.count("child Succeeded") == started.count("child InProgress") == 3


def test_a_rerun_that_was_stopped_can_be_gone_on_with(rig, job, act):
    loop = act("each", "ForEach", "first", items="@createArray('0', '1', '2')", isSequential=True, activities=[job("work", number="@item()")])  # fmt: skip
    call = act("call", "ExecutePipeline", "each", pipeline={"referenceName": "child", "type": "PipelineReference"})
    rig.jobs.broken = {"0"}
    first = rig.run([job("first"), loop, call], child=[job("c")])
    real, rig.services.jobs = rig.jobs, Stopping(rig)
    rig.jobs.broken = set()
    second = rig.again(first, from_failed=True)
    rig.services.cancel.clear()
    rig.services.jobs = real
    third = rig.again(second, from_failed=True)

    assert (second.status, third.status) == (RunStatus.CANCELLED, RunStatus.SUCCEEDED)
    assert rig.jobs.started == ["0", "c"]


def test_a_rerun_from_the_start_forgets_what_was_before_it(rig, job):
    first = rig.run([job("1"), job("2", "1")])
    rig.jobs.broken = {"1"}
    second = rig.again(first)
    rig.jobs.broken = set()
    rig.again(second, from_failed=True)

    assert rig.jobs.started == ["1", "2"]


class Stopping:
    """Jobs that stop the run when one is started."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def run(self, job_id: str, parameters: Any, stop: threading.Event) -> JobResult:
        self._rig.services.cancel.set()
        assert stop.wait(20)
        return JobResult("1", "http://x/1", None, "CANCELED")


def test_a_hundred_runs_wait_and_no_more(rig, act, eventually):
    rig.services.clock = SystemClock()
    wait = {"concurrency": 1, "activities": [act("w", "Wait", waitTimeInSeconds=600)]}
    rig.factory = rig.make_factory({"main": wait})
    rig.services.locks = rig.factory.folder / "locks"
    thread = threading.Thread(target=lambda: run_pipeline(rig.factory, "main", {}, rig.services, run_id="first"))
    thread.start()
    eventually(lambda: any(run.name == "w" for run in rig.store.tree("first")) if rig.store.runs() else False)
    for _ in range(100):
        rig.store.begin(RunKind.PIPELINE, "main", queued=True)

    with pytest.raises(UserError, match="100 runs of the pipeline 'main' wait already"):
        run_pipeline(rig.factory, "main", {}, rig.services)
    rig.store.request_cancel("first")
    thread.join(20)
