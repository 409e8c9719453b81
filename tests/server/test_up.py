"""`reelhouse up`: triggers start runs, the stock client of Data Factory drives it, and a kill loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter

WAIT = {
    "parameters": {"x": {"type": "string", "defaultValue": "-"}, "seconds": {"type": "int", "defaultValue": 1}},
    "activities": [
        {"name": "wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": "@pipeline().parameters.seconds"}}
    ],
}
QUICK = {
    "parameters": {"x": {"type": "string", "defaultValue": "-"}},
    "variables": {"v": {"type": "String"}},
    "activities": [
        {
            "name": "set",
            "type": "SetVariable",
            "typeProperties": {"variableName": "v", "value": "@{pipeline().TriggerName}/@{pipeline().parameters.x}"},
        }
    ],
}
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acc"
HTTP = {"enforce_https": False}


def trigger(kind, properties, x, *, one=False, state="Started"):
    pipeline = {"pipelineReference": {"referenceName": "quick", "type": "PipelineReference"}, "parameters": {"x": x}}
    own = {"pipeline": pipeline} if one else {"pipelines": [pipeline]}
    return {"type": kind, "runtimeState": state, "typeProperties": properties, **own}


WINDOWS = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T05:00:00Z"}
TRIGGERS = {
    "files": trigger(
        "BlobEventsTrigger",
        {"scope": ACCOUNT, "events": ["Microsoft.Storage.BlobCreated"], "blobPathBeginsWith": "/raw/blobs/in/"},
        "@{triggerBody().folderPath}/@{triggerBody().fileName}",
    ),
    "events": trigger(
        "CustomEventsTrigger",
        {"scope": "/x/topics/news", "events": ["Done"], "subjectBeginsWith": "a"},
        "@triggerBody().event.data.key",
    ),
    "windows": trigger(
        "TumblingWindowTrigger", {**WINDOWS, "maxConcurrency": 2}, "@trigger().outputs.windowStartTime", one=True
    ),
}


class Credential:
    def get_token(self, *scopes, **options):
        return AccessToken("local", int(time.time()) + 3600)


class Started:
    """A `reelhouse up` in a process of its own."""

    def __init__(self, folder, **environment):
        code = "from reelhouse.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "up", "--port", "0"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        found = None
        self.said = ""
        while found is None and (line := self.process.stdout.readline()):
            self.said += line
            found = re.search(r"interface at (http://\S+)", line)
        self.url = found[1] if found else ""
        self.client = DataFactoryManagementClient(Credential(), "sub", base_url=self.url) if found else None

    def end(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        rest = self.process.communicate(timeout=60)[0]
        return self.process.returncode, rest


@pytest.fixture
def project(tmp_path):
    def make(triggers):
        pipelines = {"wait": WAIT, "quick": QUICK}
        for kind, objects in {"pipeline": pipelines, "trigger": triggers}.items():
            (tmp_path / "adf" / kind).mkdir(parents=True, exist_ok=True)
            for name, properties in objects.items():
                file = tmp_path / "adf" / kind / f"{name}.json"
                file.write_text(json.dumps({"name": name, "properties": properties}))
        return tmp_path

    return make


@pytest.fixture
def up(project):
    begun = []

    def start(triggers, **environment):
        begun.append(Started(project(triggers), **environment))
        return begun[-1]

    yield start
    for each in begun:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)
        if each.client is not None:
            each.client.close()
        each.process.stdout.close()


def eventually(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.1)


def recent(*filters):
    now = datetime.now(UTC)
    day = timedelta(days=1)
    return RunFilterParameters(last_updated_after=now - day, last_updated_before=now + day, filters=list(filters))


def started_by(folder, name):
    """The parameter x of each run that a trigger started, in the order of their start."""
    file = folder / ".reelhouse/runs.db"
    if not file.exists():
        return []
    connection = sqlite3.connect(file)
    try:
        rows = connection.execute("select input, details, status from runs where kind = 'pipeline' order by started_at")
        return [
            (json.loads(given)["parameters"]["x"], status)
            for given, details, status in rows
            if json.loads(details)["invokedBy"]["name"] == name
        ]
    finally:
        connection.close()


def test_the_stock_client_starts_follows_and_cancels_runs(up, tmp_path):
    service = up({})
    client = service.client
    assert [item.name for item in client.pipelines.list_by_factory("g", "f", **HTTP)] == ["quick", "wait"]
    assert client.pipelines.get("g", "f", "quick", **HTTP).activities[0].name == "set"
    assert client.factories.get("g", "f", **HTTP).name == "f"
    run = client.pipelines.create_run("g", "f", "quick", parameters={"x": "hello"}, **HTTP).run_id
    long = client.pipelines.create_run("g", "f", "wait", parameters={"seconds": 600}, **HTTP).run_id
    other = client.pipelines.create_run("g", "f", "wait", parameters={"seconds": 600}, **HTTP).run_id

    def status(run_id):
        return client.pipeline_runs.get("g", "f", run_id, **HTTP).status

    eventually(lambda: (status(run), status(long), status(other)) == ("Succeeded", "InProgress", "InProgress"))
    client.pipeline_runs.cancel("g", "f", long, is_recursive=True, **HTTP)
    eventually(lambda: status(long) == "Cancelled")
    assert status(other) == "InProgress"

    done = client.pipeline_runs.get("g", "f", run, **HTTP)
    assert (done.parameters, done.invoked_by.name) == ({"x": "hello"}, "Manual")
    (activity,) = client.activity_runs.query_by_pipeline_run("g", "f", run, recent(), **HTTP).value
    assert (activity.activity_name, activity.status) == ("set", "Succeeded")
    only = RunQueryFilter(operand="Status", operator="Equals", values_property=["Succeeded"])
    found = client.pipeline_runs.query_by_factory("g", "f", recent(only), **HTTP).value
    assert [each.run_id for each in found] == [run]
    again = client.pipelines.create_run(
        "g", "f", "quick", reference_pipeline_run_id=run, is_recovery=True, **HTTP
    ).run_id
    eventually(lambda: status(again) == "Succeeded")
    assert client.pipeline_runs.get("g", "f", again, **HTTP).run_group_id == run
    assert not client.pipeline_runs.get("g", "f", run, **HTTP).is_latest

    with pytest.raises(ResourceNotFoundError, match="Did you mean 'quick'"):
        client.pipelines.get("g", "f", "quik", **HTTP)
    with pytest.raises(HttpResponseError, match="has no parameter 'y'") as wrong:
        client.pipelines.create_run("g", "f", "quick", parameters={"y": 1}, **HTTP)
    assert wrong.value.error.code == "BadRequest"
    code, _ = service.end()
    assert code == 130
    assert status_in(tmp_path, other) == "Cancelled"


def status_in(folder, run_id):
    connection = sqlite3.connect(folder / ".reelhouse/runs.db")
    try:
        return connection.execute("select status from runs where id = ?", (run_id,)).fetchone()[0]
    finally:
        connection.close()


@pytest.mark.supports("trigger", "BlobEventsTrigger", "CustomEventsTrigger", "TumblingWindowTrigger")
def test_triggers_start_runs_with_what_they_were_told(up, tmp_path):
    service = up(TRIGGERS)
    client = service.client
    eventually(lambda: len(started_by(tmp_path, "windows")) == 5)
    assert min(started_by(tmp_path, "windows"))[0] == "2026-01-01T00:00:00.0000000Z"

    arrivals = tmp_path / ".reelhouse/lake/acc/raw/in"
    arrivals.mkdir(parents=True)
    (arrivals / ".b.csv.part").write_text("half")
    (arrivals / "empty.csv").touch()
    (arrivals / "a.csv").write_text("1")
    eventually(lambda: [x for x, _ in started_by(tmp_path, "files")] == ["raw/in/a.csv"])

    event = {"id": "1", "eventType": "done", "subject": "abc", "eventTime": "2026-01-01", "data": {"key": "k1"}}
    answer = httpx.post(f"{service.url}/topics/news/api/events", json=[event, {**event, "subject": "b"}])
    assert (answer.status_code, answer.json()) == (200, {"started": 1})
    httpx.post(f"{service.url}/topics/news/api/events", json={**event, "data": {}})
    eventually(lambda: [x for x, _ in started_by(tmp_path, "events")] == ["k1"])
    named = RunQueryFilter(operand="TriggerName", operator="Equals", values_property=["events"])

    def found():
        return client.trigger_runs.query_by_factory("g", "f", recent(named), **HTTP).value

    eventually(lambda: sorted(str(each.status.value) for each in found()) == ["Failed", "Succeeded"])
    client.triggers.begin_stop("g", "f", "events", **HTTP).result()
    assert client.triggers.get("g", "f", "events", **HTTP).properties.runtime_state == "Stopped"
    assert httpx.post(f"{service.url}/topics/news/api/events", json=event).json() == {"started": 0}


@pytest.mark.parametrize("where", ["trigger.recorded:2", "trigger.started:2", "trigger.started:4"])
def test_a_killed_process_loses_no_window_and_starts_none_twice(up, tmp_path, where):
    only = {"windows": TRIGGERS["windows"]}
    killed = up(only, REELHOUSE_FAIL_AT=where)
    killed.process.communicate(timeout=60)
    assert killed.process.returncode == -signal.SIGKILL

    up(only)
    eventually(lambda: len([1 for _, status in started_by(tmp_path, "windows") if status == "Succeeded"]) == 5)
    whole = Counter(x for x, status in started_by(tmp_path, "windows") if status == "Succeeded")
    assert whole == {f"2026-01-01T0{hour}:00:00.0000000Z": 1 for hour in range(5)}


def test_files_that_land_while_it_is_down_start_runs_once_it_is_up(up, tmp_path):
    only = {"files": TRIGGERS["files"]}
    folder = tmp_path / ".reelhouse/lake/acc/raw/in"
    folder.mkdir(parents=True)
    (folder / "old.csv").write_text("was there before the trigger was started")
    first = up(only)
    _wait_until_listed(tmp_path)
    (folder / "one.csv").write_text("1")
    eventually(lambda: [x for x, _ in started_by(tmp_path, "files")] == ["raw/in/one.csv"])
    first.end(signal.SIGKILL)
    (folder / "two.csv").write_text("2")

    up(only)
    eventually(lambda: [x for x, _ in started_by(tmp_path, "files")] == ["raw/in/one.csv", "raw/in/two.csv"])


@pytest.mark.parametrize("where", ["trigger.recorded", "trigger.started"])
def test_a_kill_after_a_file_was_seen_neither_loses_nor_doubles_its_run(up, tmp_path, where):
    only = {"files": TRIGGERS["files"]}
    folder = tmp_path / ".reelhouse/lake/acc/raw/in"
    folder.mkdir(parents=True)
    killed = up(only, REELHOUSE_FAIL_AT=where)
    _wait_until_listed(tmp_path)
    (folder / "one.csv").write_text("1")
    killed.process.communicate(timeout=60)
    assert killed.process.returncode == -signal.SIGKILL

    up(only)
    (folder / "two.csv").write_text("2")
    eventually(lambda: "raw/in/two.csv" in [x for x, _ in started_by(tmp_path, "files")])
    assert sorted(x for x, _ in started_by(tmp_path, "files")) == ["raw/in/one.csv", "raw/in/two.csv"]


def test_a_second_one_for_the_same_state_is_refused(up):
    up({})
    second = up({})
    assert (second.process.wait(60), "runs already" in second.said) == (2, True)


def _wait_until_listed(folder):
    """Wait until the trigger has looked at what is there."""

    def looked():
        connection = sqlite3.connect(folder / ".reelhouse/triggers.db")
        try:
            return connection.execute("select count(*) from triggers where listed = 1").fetchone()[0] == 1
        finally:
            connection.close()

    eventually(looked)


def test_pages_of_a_browser_may_not_call(up):
    service = up({})
    address = f"{service.url}/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f/pipelines"
    assert httpx.get(address).status_code == 200
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        assert httpx.get(address, headers=headers).json()["error"]["code"] == "AuthorizationFailed"


def test_beyond_this_machine_a_token_is_required(project):
    from reelhouse.errors import UserError
    from reelhouse.project import Project
    from reelhouse.server.up import Up

    with Project.open(project({})) as opened, pytest.raises(UserError, match="a token is required"):
        Up(opened, host="0.0.0.0")
